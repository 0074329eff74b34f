"""Where a GPU would refuse: no operation takes tensors of two devices, no product those of two precisions.

In bfloat16, as on a GPU, so that what is in float32 (prefixes, losses) meets what is not. The device "meta" stands in
the GPU's place: its tensors have a shape and no numbers, so what was left on the processor meets what was not.
"""

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoConfig, AutoModelForCausalLM

from softshot.engine import decoding, loss
from softshot.engine.base import Base, prepare
from softshot.engine.decoding import continuations
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.packed import NAME
from softshot.engine.prefix import Prefix
from softshot.engine.stops import Stops
from softshot.settings import GenerationSettings

RAGGED = [Row("a", [5, 9, 11, 40], [17, 23]), Row("b", [7], [60, 61, 62, 63, 64]), Row("c", list(range(30, 50)), [3])]
EQUAL = [Row(str(n), [5 + n, 9, 11, 40], [17, 23 + n]) for n in range(3)]
NAMES = ["gpt2", "opt", "bloom", "llama", "phi", "gemma3_text", "gemma2", "falcon"]
aten = torch.ops.aten
MOVES = (aten.copy_.default, aten._to_copy.default)
PRODUCTS = (aten.mm.default, aten.addmm.default, aten.bmm.default, aten.baddbmm.default)


class Known(TorchFunctionMode):
    """What depends on numbers, which there are none of: a truth is true, a number 1, `targets` places are true."""

    def __init__(self, targets=0):
        super().__init__()
        self.targets = targets

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name, first = getattr(function, "__name__", ""), args[0] if args else None
        if name in ("item", "__bool__", "__int__", "__index__") and isinstance(first, torch.Tensor) and first.is_meta:
            return True if first.dtype == torch.bool else 1
        if (
            name == "__getitem__"
            and isinstance(args[1], torch.Tensor)
            and args[1].dtype == torch.bool
            and first.is_meta
        ):
            assert args[1].is_meta
            return first.flatten(0, args[1].dim() - 1)[: self.targets]
        return function(*args, **(kwargs or {}))


class Strict(TorchDispatchMode):
    """A GPU's strictness, and a little more: it would take an index from the processor, and wait for it."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        tensors = [x for x in tree_leaves((args, kwargs or {})) if isinstance(x, torch.Tensor) and x.dim()]
        if function not in MOVES:
            assert len({x.device for x in tensors}) < 2, f"{function}: {[(x.shape, x.device) for x in tensors]}"
        precisions = {x.dtype for x in tensors if x.is_floating_point()}
        assert function not in PRODUCTS or len(precisions) < 2, f"{function}: {precisions}"
        assert torch.float64 not in precisions, f"{function} in float64, which is slow on a GPU"
        return function(*args, **(kwargs or {}))


@pytest.fixture
def on_device(architecture, tiny_folder, monkeypatch):
    """A function that gives a model on the device, with the findings of its twin on the processor."""
    monkeypatch.setitem(loss.ENTRIES, "meta", 70)

    def base_of(name):
        twin, _ = architecture(name)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                AutoConfig.from_pretrained(tiny_folder(name)), dtype=torch.bfloat16
            )
        base = Base(prepare(model.requires_grad_(False).eval()), twin.tokenizer)
        vars(base)["findings"] = twin.findings
        if twin.findings.unpacked is None and name != "bloom":
            model.set_attn_implementation(NAME)
        return base

    return base_of


def prefixes(base):
    """A soft prompt and one of keys and values, in float32 as they are trained, and none."""
    embeddings = torch.zeros(7, base.embedding_size, device="meta").requires_grad_()
    states = tuple(
        tuple(torch.zeros(heads, 7, size, device="meta").requires_grad_() for size in sizes)
        for heads, *sizes in base.findings.cache_shapes
    )
    return Prefix(embeddings=embeddings), Prefix(states=states), None


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_and_its_gradient_stay_on_the_device_and_in_the_precision(on_device, name):
    base = on_device(name)
    hidden = torch.zeros(3, 7, dtype=torch.bool)  # made on the processor
    for prefix in prefixes(base):
        for visible in (None, hidden) if prefix else (None,):
            for rows in (RAGGED, EQUAL) if visible is None else (RAGGED,):
                targets = sum(len(row.target) for row in rows)
                with Known(targets), Strict():
                    losses = target_losses(base, prefix, rows, visible)
                    assert (losses.shape, losses.dtype, losses.is_meta) == ((targets,), torch.float32, True)
                    if prefix is not None:
                        losses.sum().backward()
                        assert all(tensor.grad.dtype == torch.float32 for tensor in prefix.tensors)


@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_decoding_stays_on_the_device_and_in_the_precision(on_device, name, beams, monkeypatch):
    base = on_device(name)
    settings = GenerationSettings(max_new_tokens=3, beams=beams)
    rows = [Row(str(n), list(range(5, 5 + n))) for n in (8, 1, 20)]

    def chosen(searches, logits):
        assert logits.is_meta
        return [search.advance(7) for search in searches]

    def best(totals, *_, **__):
        assert totals.is_meta
        count, width = totals.shape
        candidates = torch.arange(2 * beams).expand(count, -1)
        return -1.0 - candidates, candidates % beams * (width // beams) + 20 + candidates

    monkeypatch.setattr(decoding.Greedy, "choose", staticmethod(chosen))
    monkeypatch.setattr(torch.Tensor, "topk", best)
    for prefix in prefixes(base):
        prefix = prefix and prefix.map(torch.Tensor.detach)
        with Known(), Strict():
            found = dict(
                (row.id, ids) for row, ids in continuations(base, prefix, rows, settings, Stops.of(base, "\n\n"), 2)
            )
        assert len(found) == len(rows)
