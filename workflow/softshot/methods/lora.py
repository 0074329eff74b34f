"""LoRA: low-rank changes of the linear layers' weights, W + s B A, while the weights stay as they are.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models". A [r, in] begins uniform as a linear layer's
weight does, B [out, r] at 0; s = alpha / r, or alpha / sqrt(r) (rsLoRA, Kalajdzievski 2023). At prediction s B A is
added to W, so a prediction costs what the model alone costs.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from softshot.engine.base import Base
from softshot.engine.changes import LowRank, add_to_weight, linear_layers, replace
from softshot.errors import UserError
from softshot.files import read_json
from softshot.methods import base as adapters
from softshot.methods.base import Examples
from softshot.methods.registry import LoRA

NAME = "base_model.model.{}.lora_{}.weight"  # PEFT's, of the factors of a layer
UNKNOWN = ("use_dora", "modules_to_save", "layers_pattern", "layer_replication", "lora_bias", "megatron_config")


class LowRankChanges(adapters.Adapter):
    """A [r, in] and B [out, r] of every target layer, in float32, as `factors.<number of the layer>.<0 or 1>`."""

    def __init__(self, base: Base, rank: int, settings: LoRA, seed: int):
        super().__init__()
        self.base, self.rank, self.settings = base, rank, settings
        generator = torch.Generator().manual_seed(seed)
        self.layers: dict[str, LowRank] = {}
        pairs = []
        for name, layer in targets(base, settings.targets).items():
            change = LowRank(layer, scale(settings.alpha, rank, settings.rank_stabilised), settings.dropout)
            a = torch.empty(rank, change.in_features)
            nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)
            pairs.append(nn.ParameterList([a, torch.zeros(change.out_features, rank)]))
            replace(base.model, name, change)
            self.layers[name] = change
        self.factors = nn.ModuleList(pairs).to(base.device)

    def prepare(self) -> None:
        """Form every layer's matrix."""
        for layer, (a, b) in zip(self.layers.values(), self.factors, strict=True):
            layer.merge(a, b)
            layer.train(self.training)

    def save(self, folder: Path) -> None:
        """Write the factors as PEFT's LORA."""
        tensors = {
            NAME.format(name, which): factor
            for name, pair in zip(self.layers, self.factors, strict=True)
            for which, factor in zip("AB", pair, strict=True)
        }
        config = {
            "r": self.rank,
            "lora_alpha": self.settings.alpha,
            "use_rslora": self.settings.rank_stabilised,
            "lora_dropout": self.settings.dropout,
        }
        save(tensors, config, self.base, folder)


def new(base: Base, rank: int, settings: LoRA, examples: Examples, seed: int) -> LowRankChanges:
    """Changes of rank `rank` that change nothing yet, put into the model."""
    base.model.requires_grad_(False)
    return LowRankChanges(base, rank, settings, seed)


def load(base: Base, folder: Path) -> None:
    """Add a saved LoRA, ours or PEFT's, to the model's weights."""
    config, saved = read_json(folder / adapters.CONFIG), adapters.tensors(folder, base)
    refuse_unknown(config, folder)
    layers = linear_layers(base.model)
    for name in sorted({key.removeprefix("base_model.model.").rpartition(".lora_")[0] for key in saved}):
        if name not in layers:
            raise UserError(f"{folder}: it changes {name or sorted(saved)[0]}, which this model does not have.")
        a, b = (saved[NAME.format(name, which)].float() for which in "AB")
        alpha = pattern(config.get("alpha_pattern"), name, config["lora_alpha"])
        add_to_weight(layers[name], scale(alpha, len(a), config.get("use_rslora", False)) * (b @ a))


def scale(alpha: float, rank: int, rank_stabilised: bool) -> float:
    """What B A is multiplied by."""
    return alpha / math.sqrt(rank) if rank_stabilised else alpha / rank


def targets(base: Base, names: str | list[str]) -> dict[str, nn.Linear | Conv1D]:
    """The layers that are changed: all linear ones, or those whose name ends in one of `names`.

    Raises UserError for a name that no layer has.
    """
    layers = linear_layers(base.model)
    if names == "all-linear":
        return layers
    endings = {ending: [name for name in layers if f".{name}".endswith(f".{ending}")] for ending in names}
    if missing := [ending for ending, found in endings.items() if not found]:
        known = sorted({name.rpartition(".")[2] for name in layers})
        raise UserError(f"targets: {missing[0]}: no linear layer of this model is called so, only {', '.join(known)}.")
    chosen = {name for found in endings.values() for name in found}
    return {name: layer for name, layer in layers.items() if name in chosen}


def save(tensors: dict[str, Tensor], config: dict[str, Any], base: Base, folder: Path) -> None:
    """Write factors, named as PEFT names them, and the configuration of PEFT's LORA."""
    names = sorted({key.removeprefix("base_model.model.").rpartition(".lora_")[0] for key in tensors})
    fixed = {"peft_type": "LORA", "bias": "none", "target_modules": names}
    fixed["fan_in_fan_out"] = any(isinstance(module, Conv1D) for module in base.model.modules())
    adapters.save(folder, tensors, config | fixed, base)


def pattern(patterns: dict[str, Any] | None, name: str, default: Any) -> Any:
    """The value of PEFT's `alpha_pattern` or `rank_pattern` for a layer."""
    keys = [key for key in patterns or {} if f".{name}".endswith(f".{key.lstrip('^')}")]
    return patterns[max(keys, key=len)] if keys else default


def refuse_unknown(config: dict[str, Any], folder: Path) -> None:
    """Raise UserError for a saved LoRA of a kind that is not W + s B A of linear layers."""
    if config.get("bias", "none") != "none":
        raise UserError(f"{folder}: it changes biases too (bias: {config['bias']}), which softshot does not read.")
    if kinds := [key for key in UNKNOWN if config.get(key)]:
        raise UserError(f"{folder}: it is a LoRA with {kinds[0]}, which softshot does not read.")
