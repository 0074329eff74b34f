"""The last layer's feed-forward part, the most of it, only where its result is used.

A token's state after the last layer is for its own prediction, and only those before target tokens are asked
for. Attention still needs every token's keys and values.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedModel

# Where the feed-forward part of a layer begins and ends, in the model's body.
FEED_FORWARD = {
    "gpt2": ("h.{}.mlp", "h.{}.mlp"),
    "opt": ("decoder.layers.{}.fc1", "decoder.layers.{}.fc2"),
    "bloom": ("h.{}.mlp.dense_h_to_4h", "h.{}.mlp.dense_4h_to_h"),  # BLOOM's mlp adds what it is to be added to
    "llama": ("layers.{}.mlp", "layers.{}.mlp"),
}


@contextmanager
def feed_forward_at(model: PreTrainedModel, places: Tensor) -> Iterator[None]:
    """Within, the last layer's feed-forward part runs at `places` [N] of a sequence only, and adds 0 elsewhere."""
    config = model.config
    names = [name.format(config.num_hidden_layers - 1) for name in FEED_FORWARD[config.model_type]]
    begin, end = (model.base_model.get_submodule(name) for name in names)
    whole = None

    def narrow(_: torch.nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal whole
        whole, *others = given  # [..., S, H]
        return whole.index_select(-2, places), *others

    def widen(_: torch.nn.Module, __: tuple[Tensor, ...], result: Tensor) -> Tensor:
        return torch.zeros_like(whole).index_copy(-2, places, result)  # [..., N, H] to [..., S, H]

    hooks = begin.register_forward_pre_hook(narrow), end.register_forward_hook(widen)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
