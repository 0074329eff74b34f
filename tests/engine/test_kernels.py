"""The models' small functions in fewer passes give the values and gradients of transformers' own."""

import pytest
import torch
from plain import EXPERTS, PACKED, load_plain
from transformers import AutoConfig
from transformers.activations import NewGELUActivation
from transformers.models.bloom.modeling_bloom import BloomGelu
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaConfig, LlamaMLP, LlamaRMSNorm
from transformers.models.phi3.modeling_phi3 import Phi3MLP

from softshot.engine import kernels, rotary
from softshot.engine.base import load

WITHOUT_ROTARY = {"gpt2", "opt", "bloom", "phi", "phi3", "gpt_neox", "gpt_bigcode", "olmo2", "olmo3"}


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


@pytest.mark.parametrize("kind", [LlamaRMSNorm, GemmaRMSNorm])
def test_rms_norm(kind):
    """Of Gemma's the weight is what is added to 1."""
    norm = kind(16, eps=1e-5)
    norm.weight.data.uniform_(0.5, 2.0)
    fused = kernels.replacement(norm.requires_grad_(False))
    assert isinstance(fused, kernels.FusedRMSNorm)
    assert_equal(fused, norm)


@pytest.mark.parametrize("norm", [torch.nn.LayerNorm(16), torch.nn.LayerNorm(16, bias=False)])
def test_another_norm_stays(norm):
    assert kernels.replacement(norm.requires_grad_(False)) is None


@pytest.mark.parametrize("activation", [NewGELUActivation, BloomGelu])
def test_gelu(activation):
    fused = kernels.replacement(activation())
    assert isinstance(fused, torch.nn.GELU)
    assert_equal(fused, activation())


@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_pytorch_tanh", "relu"])
@pytest.mark.parametrize("kind", [LlamaMLP, Phi3MLP])
def test_gated_mlp(kind, activation):
    """With gate and up as two layers or as one, and whatever the activation is called."""
    config = LlamaConfig(hidden_size=16, num_attention_heads=2, intermediate_size=40, hidden_act=activation)
    mlp = kind(config).requires_grad_(False)
    fused = kernels.replacement(mlp)
    assert (fused is None) == (activation == "relu")
    if fused is not None:
        assert_equal(fused, mlp)


def test_an_mlp_with_biases_or_another_formula_stays():
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 40}
    assert kernels.replacement(LlamaMLP(LlamaConfig(mlp_bias=True, **sizes)).requires_grad_(False)) is None

    class Doubled(LlamaMLP):
        def forward(self, x):
            return 2 * super().forward(x)

    assert kernels.replacement(Doubled(LlamaConfig(**sizes)).requires_grad_(False)) is None


@pytest.mark.parametrize("name", sorted({*PACKED} - EXPERTS))
def test_a_frozen_model_computes_what_it_did(architecture, tiny_folder, name):
    """Logits and gradient in float64, so that a difference is none of rounding."""
    base, plain = load(tiny_folder(name), "float64"), load_plain(tiny_folder(name), torch.float64)
    fused = [module for module in base.model.modules() if isinstance(module, rotary.RotaryAttention)]
    assert len(fused) == (0 if name in WITHOUT_ROTARY else 1 if name == "smollm3" else 2)
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(2, 20, base.embedding_size, dtype=torch.float64, generator=generator)
    weights = torch.randn(2, 20, AutoConfig.from_pretrained(tiny_folder(name)).vocab_size, generator=generator)
    results = []
    for model in (base.model, plain):
        x = given.clone().requires_grad_()
        logits = model(inputs_embeds=x).logits
        (logits * weights).sum().backward()
        results.append((logits.detach(), x.grad))
    for found, expected in zip(*results, strict=True):
        # transformers computes norms in float32
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
