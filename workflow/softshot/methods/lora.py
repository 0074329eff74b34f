"""LoRA: low-rank changes of the linear layers' weights, W + s B A, while the weights stay as they are.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv 2106.09685). A [r, in] begins uniform as a
linear layer's weight does (Kaiming, a = sqrt 5), B [out, r] at 0; s = alpha / r, or alpha / sqrt(r) (rsLoRA,
Kalajdzievski 2023). At prediction s B A is added to W, so that a prediction costs what the model alone costs.

The paper changes queries and values only, with r = 4 and s = 8. Here all linear layers are changed, which later work
found better at the same size (QLoRA, Dettmers et al. 2023; "LoRA Without Regret", Schulman 2025), with s = 2 at r = 8.
A layer that holds queries, keys and values as one (GPT-2, BLOOM) has one A for the three, as in PEFT. Experts that a
model keeps in one tensor are no linear layers, and stay as they are.

Saved as PEFT's LORA; reads those of PEFT that are W + s B A, also with a rank and an alpha of each layer's own.
"""

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.engine.changes import LowRank, add
from softshot.errors import UserError
from softshot.methods import base as adapters
from softshot.methods.base import Examples
from softshot.methods.registry import LoRA
from softshot.methods.weights import PREFIX, LayerChanges, by_layer, check_shape, targets

PARTS = ("lora_A.weight", "lora_B.weight")
# Of PEFT's configuration: what is read, what only says which layers are changed, and what only counts in training.
UNDERSTOOD = {
    *("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "bias", "init_lora_weights"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "fan_in_fan_out"),
    *("lora_dropout", "megatron_core", "qalora_group_size"),
}
BEGINNINGS = (True, False, "gaussian", "orthogonal", "eva")  # of `init_lora_weights`, that leave W as it is


class LowRankChanges(LayerChanges):
    """A [r, in] and B [out, r] of every target layer, in float32."""

    def __init__(self, base: Base, rank: int, settings: LoRA, seed: int):
        s = scale(settings.alpha, rank, settings.rank_stabilised)
        layers = targets(base.freeze(), settings.targets)
        super().__init__(base, {name: LowRank(layer, s, settings.dropout) for name, layer in layers.items()})
        self.rank, self.settings = rank, settings
        generator = torch.Generator().manual_seed(seed)
        self.a, self.b = nn.ParameterList(), nn.ParameterList()
        for change in self.layers.values():
            a = torch.empty(rank, change.in_features)
            self.a.append(nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator))
            self.b.append(torch.zeros(change.out_features, rank))
        self.to(base.device)

    def factors(self) -> list[tuple[Tensor, Tensor]]:
        """A and B of each layer."""
        return list(zip(self.a, self.b, strict=True))

    def save(self, folder: Path) -> None:
        """Write the factors as PEFT's LORA."""
        config = {
            "r": self.rank,
            "lora_alpha": self.settings.alpha,
            "use_rslora": self.settings.rank_stabilised,
            "lora_dropout": self.settings.dropout,
        }
        save(self, dict(zip(self.layers, self.factors(), strict=True)), config, folder)


def new(base: Base, rank: int, settings: LoRA, examples: Examples, seed: int) -> LowRankChanges:
    """Changes of rank `rank` that change nothing yet, put into the model."""
    return LowRankChanges(base, rank, settings, seed)


def load(base: Base, folder: Path) -> None:
    """Add a saved LoRA, ours or PEFT's, to the model's weights."""
    config, tensors = adapters.read(folder, base, "lora", UNDERSTOOD)
    check_plain(config, folder)
    for name, (layer, (a, b)) in by_layer(tensors, PARTS, base, folder).items():
        check_shape(layer, (b.shape[0], a.shape[1]), name, folder)
        alpha = of_layer(config.get("alpha_pattern") or {}, name, config["lora_alpha"])
        add(base.model, name, a, b, scale(alpha, len(a), config.get("use_rslora", False)))


def scale(alpha: float, rank: int, rank_stabilised: bool) -> float:
    """What B A is multiplied by."""
    return alpha / math.sqrt(rank) if rank_stabilised else alpha / rank


def save(
    adapter: LayerChanges, factors: dict[str, tuple[Tensor, Tensor]], config: dict[str, Any], folder: Path
) -> None:
    """Write A and B of layers by their names, and the configuration of PEFT's LORA."""
    tensors = {f"{PREFIX}{name}.{part}": x for name, ab in factors.items() for part, x in zip(PARTS, ab, strict=True)}
    config = config | {"peft_type": "LORA", "bias": "none", "target_modules": sorted(factors)}
    adapters.save(folder, tensors, config | {"fan_in_fan_out": adapter.transposed}, adapter.base)


def of_layer(patterns: dict[str, Any], name: str, default: Any) -> Any:
    """The value for a layer in PEFT's `alpha_pattern`: of the first pattern that its name ends in."""
    return next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", name)), default)


def check_plain(config: dict[str, Any], folder: Path) -> None:
    """Raise UserError for a saved change that is more than one of linear layers' weights, or one of other weights."""
    if (bias := config.get("bias", "none")) != "none":
        raise UserError(f"{folder}: it changes biases too (bias: {bias}), which softshot does not read.")
    if (beginning := config.get("init_lora_weights", True)) not in BEGINNINGS:
        raise UserError(
            f"{folder}: it changes weights that PEFT had changed before (init_lora_weights: {beginning}). Save it as a"
            " plain LoRA, with PEFT's `path_initial_model_for_weight_conversion`."
        )
