"""Where weights are trained, or wrapped by something that is, loss and gradients are the plain model's."""

import pytest
import torch
from plain import EXPERTS, PACKED, PADDED, load_plain, plain_losses
from torch import nn
from transformers.pytorch_utils import Conv1D

from softshot.engine.base import load
from softshot.engine.changes import LowRank, Rescaled, linear_layers, replace
from softshot.engine.kernels import FusedRMSNorm
from softshot.engine.layout import Row
from softshot.engine.loss import TargetLoss, target_losses
from softshot.engine.prefix import Prefix

ROWS = [Row("a", [5, 9, 11, 40], [17, 23]), Row("b", [7], [60, 61, 62]), Row("c", list(range(30, 40)), [3])]


class Scaled(nn.Module):
    """A layer whose result is trained to be longer or shorter, number by number; it passes the weight on, as PEFT's."""

    def __init__(self, layer, size):
        super().__init__()
        self.layer = layer
        self.delta = nn.Parameter(torch.randn(size, dtype=layer.weight.dtype) * 0.1)

    @property
    def weight(self):
        return self.layer.weight

    def forward(self, x):
        return self.layer(x) * (1 + self.delta)


def result_size(layer):
    """Numbers of a layer's result; None for what is neither a projection, a norm nor an embedding."""
    weight = getattr(layer, "weight", None)
    if isinstance(layer, nn.Linear):
        return layer.out_features
    if isinstance(layer, Conv1D):
        return layer.nf
    return weight.shape[-1] if isinstance(layer, nn.Embedding) or "Norm" in type(layer).__name__ else None


def wrap(model):
    """Put a Scaled round every projection, norm and embedding and round the head; positions' embeddings stay."""
    torch.manual_seed(0)
    wrapped = {}
    for name, layer in list(model.named_modules()):
        size = result_size(layer)
        if size and layer is not getattr(model.base_model, "wpe", None) and "embed_positions" not in name:
            wrapped[name] = Scaled(layer, size)
    for name, layer in wrapped.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, layer)
    return wrapped


def assert_close(found, expected, what, tolerance=1e-6):
    """Up to rounding: transformers computes norms in float32 also where all else is in float64."""
    tolerance = tolerance if found.dtype == torch.float64 else 1e-4
    largest = float(expected.detach().abs().max())
    # Of a key's bias the gradient is nothing but rounding: it moves all scores of a query alike.
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * largest + 1e-9, msg=what)


def losses_of_both(folder, change, fused=False):
    """softshot's losses and the plain ones, after `change` of either model."""
    dtype = "float32" if folder.name in EXPERTS else "float64"
    base, plain = load(folder, dtype, frozen=False), load_plain(folder, getattr(torch, dtype))
    changed = change(base.model), change(plain)
    if fused:
        base.fuse()
    tolerance = 1e-5 if fused else 1e-6  # the plain model's norms are in float32
    prompt = torch.randn(4, base.embedding_size, generator=torch.Generator().manual_seed(1)).to(base.model.dtype) * 0.1
    ours, theirs = prompt.clone().requires_grad_(), prompt.clone().requires_grad_()
    losses = target_losses(base, Prefix(embeddings=ours), ROWS)
    expected = torch.cat([plain_losses(plain, theirs, row) for row in ROWS])
    assert_close(losses, expected, "the losses", tolerance)
    for one in (losses, expected):
        one.sum().backward()
    assert_close(ours.grad, theirs.grad, "the prompt's gradient", tolerance)
    return losses.detach(), base, changed


@pytest.mark.parametrize("name", [*PACKED, "granite", "falcon"])
def test_a_trained_delta_round_every_layer_counts_and_gets_its_gradient(tiny_folder, name):
    bare, base, _ = losses_of_both(tiny_folder(name), lambda model: model)
    losses, base, (ours, theirs) = losses_of_both(tiny_folder(name), wrap)
    assert base.findings.unpacked is None or name not in PACKED
    assert len(ours) > 8 and not torch.allclose(losses, bare)
    for place, layer in ours.items():
        found, expected = layer.delta.grad, theirs[place].delta.grad
        assert expected.abs().max() > 0, place
        assert_close(found, expected, place)


@pytest.mark.parametrize("name", [*PACKED, *PADDED])
def test_trained_weights_get_the_plain_models_gradients(tiny_folder, name):
    """All of them at once, as in full tuning; tied embeddings get those of both ends."""
    _, _, (ours, theirs) = losses_of_both(tiny_folder(name), lambda model: model.requires_grad_(True))
    expected = dict(theirs.named_parameters())
    for place, weight in ours.named_parameters():
        wanted = expected[place].grad
        if wanted is None:  # an expert or a position that nothing came by
            assert weight.grad is None, place
            continue
        assert_close(weight.grad, wanted, place)


@pytest.mark.parametrize("name", ["llama", "gemma", "phi3", "qwen3"])
def test_a_frozen_model_passes_no_weight_that_is_trained_by_in_silence(tiny_folder, name):
    base = load(tiny_folder(name))
    for place, weight in base.model.named_parameters():
        weight.requires_grad_(True)
        losses = None
        try:
            losses = target_losses(base, None, ROWS[:2])
            losses.sum().backward()
        except ValueError as error:
            assert "frozen=False" in str(error), place
        else:
            assert weight.grad is not None, f"{place} is passed by in silence"
        weight.requires_grad_(False)


def test_a_frozen_model_refuses_a_layer_in_anothers_place(tiny_folder):
    for place in ("self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj", "mlp.down_proj"):
        base = load(tiny_folder("llama"))
        parent, _, last = place.rpartition(".")
        parent = base.model.model.layers[0].get_submodule(parent)
        setattr(parent, last, Scaled(getattr(parent, last), getattr(parent, last).out_features))
        with pytest.raises(ValueError, match=r"replaced by a Scaled.*frozen=False"):
            target_losses(base, None, ROWS)


def test_the_fused_head_refuses_a_weight_that_is_trained():
    with pytest.raises(ValueError, match=r"no gradient to its weights.*frozen=False"):
        TargetLoss.apply(torch.randn(3, 8), torch.randn(8, 8, requires_grad=True), torch.tensor([1, 2, 3]))


@pytest.mark.parametrize("name", ["llama", "gemma", "phi3", "qwen3", "qwen2", "gpt2", "opt", "bloom"])
def test_fused_functions_give_trained_weights_the_plain_models_gradients(tiny_folder, name):
    """Norms, feed-forward parts and projections that compute by hand what autograd computes elsewhere."""
    _, base, (ours, theirs) = losses_of_both(tiny_folder(name), lambda model: model.requires_grad_(True), fused=True)
    assert (name in ("gpt2", "opt", "bloom")) == (not any(isinstance(m, FusedRMSNorm) for m in base.model.modules()))
    expected = dict(theirs.named_parameters())
    assert {place for place, _ in ours.named_parameters()} == expected.keys()
    for place, weight in ours.named_parameters():
        assert_close(weight.grad, expected[place].grad, place, 1e-5)


def changed(base, kind):
    """Every linear layer of a model but its head with a random change, merged, and their factors."""
    generator = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=base.model.dtype)

    leaves = []
    for number, (name, layer) in enumerate(linear_layers(base.model).items()):
        if kind == "low rank":
            change = LowRank(layer, 0.5)
            factors = draw(2, change.in_features) * 0.3, draw(change.out_features, 2) * 0.3
        else:
            change = Rescaled(layer, of_input=(number % 3 == 0) == (kind == "inputs"))
            factors = (1 + 0.3 * draw(change.in_features if change.of_input else change.out_features),)
        own = tuple(factor.requires_grad_() for factor in factors)
        change.merge(*own)
        replace(base.model, name, change)
        leaves.append((name, change, own))
    return leaves


@pytest.mark.parametrize("kind", ["low rank", "inputs", "outputs"])
@pytest.mark.parametrize("name", ["llama", "gemma", "phi3", "qwen3", "qwen2", "gpt2", "opt", "bloom"])
def test_fused_functions_give_changes_the_gradients_of_what_stands_beside_the_weights(tiny_folder, name, kind):
    """Merged and within fused functions, or each beside its weight, where a layer is called as it is."""
    results = []
    for fused in (True, False):
        base = load(tiny_folder(name), "float64")
        leaves = changed(base, kind)
        if not fused:
            for _, change, _ in leaves:
                change.merged = None
        prompt = torch.full((4, base.embedding_size), 0.1, dtype=torch.float64, requires_grad=True)
        losses = target_losses(base, Prefix(embeddings=prompt), ROWS)
        losses.sum().backward()
        results.append((losses.detach(), prompt.grad, [(place, x.grad) for place, _, own in leaves for x in own]))
    (losses, of_prompt, gradients), (expected, expected_prompt, wanted) = results
    assert_close(losses, expected, "the losses")
    assert_close(of_prompt, expected_prompt, "the prompt's gradient")
    for (place, gradient), (_, other) in zip(gradients, wanted, strict=True):
        assert other.abs().max() > 0, place
        assert_close(gradient, other, place)


@pytest.mark.parametrize("name", ["llama", "gpt2", "bloom", "qwen3"])
def test_merged_and_frozen_it_is_as_fast_as_one_loaded_frozen(tiny_folder, name):
    """The same functions, the same numbers to the bit."""
    later, frozen = load(tiny_folder(name), frozen=False).freeze(), load(tiny_folder(name))
    kinds = [[type(module).__name__ for module in base.model.modules()] for base in (later, frozen)]
    assert kinds[0] == kinds[1]
    assert not any(weight.requires_grad for weight in later.model.parameters())
    assert torch.equal(*(target_losses(base, None, ROWS) for base in (later, frozen)))
