"""The models' small functions in fewer passes give the values and gradients of transformers' own."""

import copy

import pytest
import torch
from transformers.activations import NewGELUActivation
from transformers.models.bloom.modeling_bloom import BloomGelu
from transformers.models.llama.modeling_llama import (
    LlamaAttention,
    LlamaConfig,
    LlamaMLP,
    LlamaRMSNorm,
    LlamaRotaryEmbedding,
)

from softshot.engine import kernels
from softshot.engine.llama import FusedLlamaAttention


def value_and_gradient(function):
    """Of `function` at fixed random numbers [2, 5, 16]."""
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(2, 5, 16, generator=generator) * 3).requires_grad_()
    y = function(x)
    y.backward(torch.randn(2, 5, 16, generator=generator))
    return y.detach(), x.grad


def assert_equal(function, expected):
    for found, wanted in zip(value_and_gradient(function), value_and_gradient(expected), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_rms_norm():
    norm = LlamaRMSNorm(16, eps=1e-5)
    norm.weight.data.uniform_(0.5, 2.0)
    norm.requires_grad_(False)
    assert_equal(lambda x: kernels.RMSNorm.apply(x, norm.weight, 1e-5), norm)


@pytest.mark.parametrize("activation", [NewGELUActivation, BloomGelu])
def test_gelu(activation):
    model = torch.nn.Sequential(activation())
    kernels.install(model)
    assert isinstance(model[0], torch.nn.GELU)
    assert_equal(model, activation())


@pytest.mark.parametrize("activation, replaced", [("silu", True), ("gelu", False)])
def test_swiglu(activation, replaced):
    config = LlamaConfig(hidden_size=16, num_attention_heads=2, intermediate_size=40, hidden_act=activation)
    model = torch.nn.Sequential(LlamaMLP(config)).requires_grad_(False)
    expected = model[0]
    kernels.install(model)
    assert isinstance(model[0], kernels.FusedSwiGLU) == replaced
    assert_equal(model, expected)


@pytest.mark.parametrize("biased", [False, True])
def test_llamas_attention(biased):
    """Two heads' queries share each head's keys; one with biases stays as it is."""
    sizes = {"hidden_size": 16, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    config = LlamaConfig(**sizes, attention_bias=biased, attn_implementation="sdpa")
    plain = LlamaAttention(config, layer_idx=0).requires_grad_(False)
    model = torch.nn.Sequential(copy.deepcopy(plain))
    kernels.install(model)
    assert isinstance(model[0], FusedLlamaAttention) != biased
    torch.testing.assert_close(model[0].state_dict(), plain.state_dict(), rtol=0, atol=0)
    angles = LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(5)[None] + 3)  # positions 3 to 7
    found, expected = (
        lambda x, attention=attention: attention(x, position_embeddings=angles, attention_mask=None)[0]
        for attention in (model[0], plain)
    )
    assert_equal(found, expected)


def test_an_installed_model_computes_what_it_did(tiny_models):
    from transformers import AutoModelForCausalLM

    ids = torch.arange(10, 40)[None]
    for folder in tiny_models.values():
        plain = AutoModelForCausalLM.from_pretrained(folder).requires_grad_(False).eval()
        expected = plain(ids).logits
        kernels.install(plain)
        torch.testing.assert_close(plain(ids).logits, expected, rtol=1e-5, atol=1e-4)
