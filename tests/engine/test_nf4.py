"""NF4 bases: bitsandbytes' packed layers and the dequantised reference are one function, and the one it should be."""

import functools
import sys

import pytest
import torch
from bitsandbytes import functional
from plain import load_plain, plain_losses
from tiny import ARCHITECTURES, save_tiny_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from softshot.engine import nf4
from softshot.engine.base import load
from softshot.engine.changes import linear_layers
from softshot.engine.decoding import continuations
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.nf4 import NF4Linear, rounded
from softshot.engine.prefix import Prefix
from softshot.engine.stops import Stops
from softshot.errors import UserError
from softshot.settings import GenerationSettings

ROWS = [Row(str(n), [7 + n, 20, 31, 4][: 2 + n % 3], [30 + n, 9, 50]) for n in range(5)]


@pytest.fixture(scope="module")
def wide_folder(tmp_path_factory):
    """A function that gives the folder of a tiny model whose layers all have a multiple of 64 inputs."""
    root = tmp_path_factory.mktemp("wider")

    @functools.cache
    def folder(name):
        save_tiny_model(name, root / name, projected=False, wider=2)
        return root / name

    return folder


def prompt_of(base):
    return torch.randn(4, base.embedding_size, generator=torch.Generator().manual_seed(1)) * 0.1


def losses_and_gradient(base):
    """Losses of the rows behind a prompt, and their gradient to it."""
    prompt = prompt_of(base).requires_grad_()
    losses = target_losses(base, Prefix(embeddings=prompt), ROWS)
    losses.sum().backward()
    return losses.detach(), prompt.grad


def texts(base, prefix=None):
    """Greedy continuations of the rows' contexts."""
    settings = GenerationSettings.model_construct(max_new_tokens=12, beams=1)
    rows = [Row(row.id, row.context) for row in ROWS]
    return {row.id: ids for row, ids in continuations(base, prefix, rows, settings, Stops.of(base, "\n\n"), 3)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(64, 64), (576, 192), (5, 1536)])
def test_the_reference_rounds_to_the_values_of_bitsandbytes(shape, dtype):
    """Bit for bit, also of a row of zeros."""
    layer = nn.Linear(*reversed(shape), dtype=dtype)
    layer.weight.data[0] = 0
    assert torch.equal(rounded(layer.weight), NF4Linear(layer, "cpu").dequantised())


@pytest.mark.parametrize("shape", [(33, 32), (4, 96), (7, 10), (5, 13)])
def test_where_rows_end_within_a_block_its_kernel_is_refused_on_a_processor(shape):
    """As one row it has all blocks right, and as the matrix some wrong: when that is no more, the refusal can go."""
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    packed, state = functional.quantize_4bit(weight, blocksize=64, compress_statistics=False, quant_type="nf4")
    as_matrix = functional.dequantize_4bit(packed, state)
    state.shape = torch.Size([weight.numel()])
    assert torch.equal(functional.dequantize_4bit(packed, state).view(shape), rounded(weight))
    if shape == (33, 32):
        assert not torch.equal(as_matrix, rounded(weight))
    layer = nn.Linear(*reversed(shape))
    with pytest.raises(UserError, match=r"no multiple of 64.*nf4-dequantised"):
        NF4Linear(layer, "cpu")


def test_a_layer_that_keeps_the_transpose_is_rounded_along_its_rows_as_others():
    conv = Conv1D(24, 128)
    plain = nn.Linear(128, 24)
    plain.weight.data, plain.bias.data = conv.weight.data.T.contiguous(), conv.bias.data
    x = torch.randn(3, 128)
    assert torch.equal(NF4Linear(conv, "cpu")(x), NF4Linear(plain, "cpu")(x))
    assert torch.equal(NF4Linear(conv, "cpu").dequantised(), rounded(plain.weight))


def test_a_rounded_weight_is_near_and_has_sixteen_levels():
    weight = torch.randn(128, 64, generator=torch.Generator().manual_seed(0))
    close = rounded(weight)
    assert 0.05 < float((close - weight).norm() / weight.norm()) < 0.12  # 8 to 9 % of a normal distribution
    assert all(len(block.unique()) <= 16 for block in close.view(-1, 64))
    assert torch.equal(close.view(-1, 64).abs().amax(1), weight.view(-1, 64).abs().amax(1))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_packed_and_dequantised_are_the_rounded_model(wide_folder, name):
    """Losses to 1e-5 and greedy texts, by transformers' own model with its layers rounded, and the prompt's gradient.

    Also on processors where bitsandbytes' own layer would compute in bfloat16.
    """
    plain = load_plain(wide_folder(name))
    for layer in linear_layers(plain).values():
        nf4.matrix(layer).copy_(rounded(nf4.matrix(layer).contiguous()))
    packed, dequantised = (load(wide_folder(name), weights=kind) for kind in ("nf4", "nf4-dequantised"))
    expected = torch.cat([plain_losses(plain, prompt_of(packed), row) for row in ROWS])
    both = [losses_and_gradient(base) for base in (packed, dequantised)]
    for losses, gradient in both:
        torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(gradient, both[1][1], rtol=1e-4, atol=1e-5 * float(gradient.abs().max()))
    assert texts(packed) == texts(dequantised)
    whole = load(wide_folder(name))
    assert (losses_and_gradient(whole)[0] - expected).abs().max() > 0.01, "rounding must change something"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_head_and_embeddings_stay_and_all_else_is_packed(wide_folder, name):
    whole, packed = load(wide_folder(name)), load(wide_folder(name), weights="nf4")
    for place in ("get_input_embeddings", "get_output_embeddings"):
        assert torch.equal(getattr(whole.model, place)().weight, getattr(packed.model, place)().weight)
    layers = linear_layers(packed.model)
    assert {type(layer) for layer in layers.values()} == {NF4Linear}
    assert layers.keys() == linear_layers(whole.model).keys()
    assert packed.quantised == sum(layer.weight.numel() for layer in linear_layers(whole.model).values())
    bits = sum(layer.weight.numel() + 4 * layer.state.absmax.numel() for layer in layers.values()) * 8
    assert bits / packed.quantised == pytest.approx(4.5, abs=0.01)


def test_in_bfloat16_the_layers_compute_in_bfloat16(wide_folder):
    packed, dequantised = (load(wide_folder("llama"), "bfloat16", weights=kind) for kind in ("nf4", "nf4-dequantised"))
    for name, layer in linear_layers(packed.model).items():
        weight = linear_layers(dequantised.model)[name].weight
        assert weight.dtype == torch.bfloat16
        assert torch.equal(layer.dequantised(), weight)
    assert target_losses(packed, None, ROWS).sum() == pytest.approx(
        float(target_losses(dequantised, None, ROWS).sum()), rel=0.02
    )


def test_without_bitsandbytes_it_says_what_to_do(wide_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UserError, match=r"bitsandbytes.*nf4-dequantised"):
        load(wide_folder("gpt2"), weights="nf4")
    load(wide_folder("gpt2"), weights="nf4-dequantised")
