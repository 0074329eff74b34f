"""The last layer's feed-forward part, the most of it, only where its result is used.

A token's state after the last layer is for its own prediction, and only those before target tokens are asked
for. Attention still needs every token's keys and values.

Knows a layer by its structure: it stands in a list of layers, holds the attention, and its other weights are the
feed-forward part. Whether that is so in a model is for `probe.py` to try.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile

import torch
from torch import Tensor, nn

Part = tuple[str, str]  # names in the model's body: of the module where the part begins, and of that where it ends


class Calls:
    """Within it, the calls of a body's modules are noted: their names in order, and which map one tensor to one."""

    def __init__(self, body: nn.Module):
        self.body, self.order, self.simple = body, [], set()

    def __enter__(self) -> "Calls":
        self.hooks = [module.register_forward_hook(self._note(name)) for name, module in self.body.named_modules()]
        return self

    def __exit__(self, *_) -> None:
        for hook in self.hooks:
            hook.remove()

    def _note(self, name: str) -> Callable:
        def note(_: nn.Module, given: tuple, result: object) -> None:
            self.order.append(name)
            if len(given) == 1 and isinstance(given[0], Tensor) and isinstance(result, Tensor):
                self.simple.add(name)

        return note

    def own_weights(self, name: str) -> list[nn.Parameter]:
        """What a module computes with itself: its own parameters, and all below it where it calls no module there."""
        inner = any(called.startswith(f"{name}.") for called in self.order)
        return list(self.body.get_submodule(name).parameters(recurse=not inner))

    def feed_forward(self, attention: nn.Module) -> list[Part]:
        """Where the feed-forward part of the layer of `attention` may begin and end: in one module, or in two.

        Two, as OPT's layer has no module for it, and that of BLOOM's also adds what stands beside it.
        """
        place = next(name for name, module in self.body.named_modules() if module is attention)
        layer = layer_of(self.body, place)
        weights = [
            name
            for name in self.order
            if layer and name.startswith(f"{layer}.") and not f"{name}.".startswith(f"{place}.")
            if any(weight.dim() > 1 for weight in self.own_weights(name))
        ]
        if not weights:
            return []
        first, last = (name.split(".") for name in (min(weights), max(weights)))  # what these share, all share
        common = ".".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
        parts = [(common, common), (weights[0], weights[-1])]
        return [part for part in parts if part[0] != layer and self.simple.issuperset(part)]


def layer_of(body: nn.Module, place: str) -> str | None:
    """The name of the layer that the module named `place` is a part of: an element of a list of modules."""
    parts = place.split(".")
    for end in range(len(parts) - 1, 0, -1):
        if isinstance(body.get_submodule(".".join(parts[: end - 1])), nn.ModuleList):
            return ".".join(parts[:end])
    return None


@contextmanager
def feed_forward_at(body: nn.Module, part: Part | None, places: Tensor) -> Iterator[None]:
    """Within, `part` of the last layer runs at `places` [N] of a sequence only, and adds 0 elsewhere; None is all."""
    if part is None:
        yield
        return
    begin, end = (body.get_submodule(name) for name in part)
    whole = None

    def narrow(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal whole
        (whole,) = given  # [..., S, H]
        return (whole.index_select(-2, places),)

    def widen(_: nn.Module, __: tuple[Tensor, ...], result: Tensor) -> Tensor:
        return torch.zeros_like(whole).index_copy(-2, places, result)  # [..., N, H] to [..., S, H]

    hooks = begin.register_forward_pre_hook(narrow), end.register_forward_hook(widen)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
