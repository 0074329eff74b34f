"""LN-tuning: the norms' gains and biases are trained, and nothing else.

Qi et al. 2022, "Parameter-Efficient Tuning on Layer Normalization for Pre-trained Language Models" (arXiv 2211.08682);
of RMS norms, which have no biases, the gains, as in Zhao et al. 2023, "Tuning LayerNorm in Attention: Towards Efficient
Multi-Modal LLM Finetuning" (arXiv 2312.11420). Every norm of the model is trained, also the last and those of heads;
PEFT's defaults leave some out in some architectures.

Saved as PEFT's LN_TUNING; reads those of PEFT of any norms.
"""

from pathlib import Path

import torch
from torch import nn

from softshot.engine.base import Base
from softshot.errors import UserError
from softshot.methods import base as adapters
from softshot.methods.base import Examples
from softshot.methods.full import Weights
from softshot.methods.registry import LNTuning
from softshot.methods.weights import PREFIX

PART = "ln_tuning_layers"


class Norms(Weights):
    """The parameters of every norm, in float32."""

    def __init__(self, base: Base):
        super().__init__(base, {f"{name}.{part}" for name, norm in norms(base).items() for part in parts(norm)})

    def save(self, folder: Path) -> None:
        """Write them as PEFT's LN_TUNING."""
        places = [name.rpartition(".") for name in self.names]
        tensors = {
            f"{PREFIX}{layer}.{PART}.{part}": weight
            for (layer, _, part), weight in zip(places, self.masters, strict=True)
        }
        config = {"peft_type": "LN_TUNING", "target_modules": sorted({layer for layer, _, _ in places})}
        adapters.save(folder, tensors, config, self.base)


def norms(base: Base) -> dict[str, nn.Module]:
    """The model's norms by their names: modules with a gain, a vector, and nothing larger."""
    return {
        name: module
        for name, module in base.model.named_modules()
        if "weight" in parts(module) and all(weight.dim() == 1 for weight in module.parameters())
    }


def parts(norm: nn.Module) -> set[str]:
    """Names of a norm's own parameters."""
    return {name for name, _ in norm.named_parameters(recurse=False)}


def new(base: Base, size: int, settings: LNTuning, examples: Examples, seed: int) -> Norms:
    """The norms as they are."""
    return Norms(base)


@torch.no_grad()
def load(base: Base, folder: Path) -> None:
    """Put saved norms, ours or PEFT's, in the place of the model's."""
    _, tensors = adapters.read(folder, base, "ln-tuning", {"target_modules", "exclude_modules"})
    own = {
        f"{name}.{PART}.{part}": weight
        for name, norm in norms(base).items()
        for part, weight in norm.named_parameters()
    }
    for key, tensor in tensors.items():
        name = key.removeprefix(PREFIX)
        if name not in own or own[name].shape != tensor.shape:
            raise UserError(f"{folder}: it changes {name} of {tuple(tensor.shape)}, which is no norm of this model.")
        own[name].copy_(tensor)
