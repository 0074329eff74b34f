"""Keys and values of T positions in every layer, as PEFT stores them: what prefix-tuning and context tuning train.

PEFT's layout (PREFIX_TUNING): `prompt_embeddings` [T, 2 * layers * heads * D], of which [t, 2l] is the key and
[t, 2l + 1] the value of layer l, heads side by side. Keys are as they lie in a cache, with their positions in them.
"""

from pathlib import Path

import torch
from torch import Tensor

from softshot.engine.base import Base
from softshot.engine.prefix import Prefix
from softshot.errors import UserError
from softshot.methods import base as adapters


def pack(states: Prefix) -> Tensor:
    """[layers, 2, heads, T, D] of a prefix of keys and values, which must have one shape in all layers."""
    return torch.stack([torch.stack(layer) for layer in states.states])


def unpack(packed: Tensor) -> Prefix:
    """The prefix of [layers, 2, heads, T, D]."""
    return Prefix(states=tuple((keys, values) for keys, values in packed))


def check_uniform(base: Base, method: str) -> tuple[int, int, int]:
    """Layers, heads and D of the model's keys and values. Raises UserError where layers or keys and values differ."""
    shapes = {(heads, size) for heads, *sizes in base.findings.cache_shapes for size in sizes}
    if len(shapes) > 1:
        raise UserError(
            f"{method} keeps keys and values of one shape, and this model's differ: {sorted(shapes)}. Use another"
            " method with it."
        )
    return len(base.findings.cache_shapes), *shapes.pop()


def save(packed: Tensor, base: Base, folder: Path) -> None:
    """Write [layers, 2, heads, T, D] as PEFT's PREFIX_TUNING."""
    layers, _, heads, tokens, size = packed.shape
    config = {
        "peft_type": "PREFIX_TUNING",
        "num_virtual_tokens": tokens,
        "token_dim": heads * size,
        "num_transformer_submodules": 1,
        "num_attention_heads": heads,
        "num_layers": layers,
        "encoder_hidden_size": heads * size,
        "prefix_projection": False,
    }
    flat = packed.permute(3, 0, 1, 2, 4).reshape(tokens, -1)
    adapters.save(folder, {"prompt_embeddings": flat}, config, base)


def load(base: Base, folder: Path) -> Prefix:
    """A saved prefix, ours or PEFT's. Raises UserError for one that was made for a model of another shape."""
    _, tensors = adapters.read(folder, base, "prefix-tuning", adapters.PROMPT)
    layers, heads, size = check_uniform(base, "a saved prefix")
    flat = adapters.only(tensors, "prompt_embeddings", folder)
    if flat.shape[1] != 2 * layers * heads * size:
        raise UserError(
            f"{folder}: keys and values of {flat.shape[1]} numbers a position do not fit a model of {layers} layers of"
            f" {heads} heads of {size}."
        )
    return unpack(flat.reshape(len(flat), layers, 2, heads, size).permute(1, 2, 3, 0, 4))
