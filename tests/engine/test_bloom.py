"""BLOOM's fused attention is transformers' own, and nearer to the truth in bfloat16."""

import pytest
import torch
from transformers import AutoModelForCausalLM, BloomConfig
from transformers.models.bloom.modeling_bloom import _get_alibi_slopes

from softshot.engine import bloom, kernels


def models(dtype=torch.float32):
    """transformers' model and ours, with the same weights."""
    made = []
    for _ in range(2):
        torch.manual_seed(0)
        config = BloomConfig(vocab_size=100, hidden_size=48, n_layer=2, n_head=6, initializer_range=0.2)
        made.append(AutoModelForCausalLM.from_config(config).to(dtype).requires_grad_(False).eval())
    bloom.install(made[1])
    return made


def inputs(rows=3, length=12):
    """Random ids, and a mask with padding on the left, in the middle, and nowhere."""
    ids = torch.randint(100, (rows, length), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, :4] = 0
    mask[1, 3:6] = 0
    return ids, mask


@pytest.mark.parametrize("heads", [1, 2, 6, 8, 12, 16, 112])
def test_slopes_are_transformers_own(heads):
    torch.testing.assert_close(bloom.alibi_slopes(heads), _get_alibi_slopes(heads, torch.device("cpu")))


def test_logits_equal_transformers_own_with_and_without_padding():
    theirs, ours = models()
    ids, mask = inputs()
    for given in (None, mask):
        expected, found = (model(ids, attention_mask=given).logits for model in (theirs, ours))
        seen = torch.ones_like(mask).bool() if given is None else mask.bool()
        torch.testing.assert_close(found[seen], expected[seen], rtol=1e-5, atol=1e-5)
        assert found.isfinite().all()


def test_a_row_continues_from_its_cache():
    theirs, ours = models()
    ids, mask = inputs()
    expected = theirs(ids, attention_mask=mask).logits[:, -1]
    first = ours(ids[:, :7], attention_mask=mask[:, :7], use_cache=True)
    second = ours(ids[:, 7:-1], attention_mask=mask[:, :-1], past_key_values=first.past_key_values, use_cache=True)
    last = ours(ids[:, -1:], attention_mask=mask, past_key_values=second.past_key_values, use_cache=True)
    torch.testing.assert_close(last.logits[:, -1], expected, rtol=1e-5, atol=1e-5)


def test_gradients_equal_transformers_own():
    gradients = []
    for model in models():
        embeddings = torch.randn(2, 9, 48, generator=torch.Generator().manual_seed(2)).requires_grad_()
        model(inputs_embeds=embeddings).logits[:, -1].logsumexp(-1).sum().backward()
        gradients.append(embeddings.grad)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_in_bfloat16_it_is_nearer_to_float32_at_late_positions():
    ids = torch.randint(100, (1, 1000), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        truth = models()[0](ids).logits[0, 800:]
        theirs, ours = ((m(ids).logits[0, 800:].float() - truth).abs().mean() for m in models(torch.bfloat16))
    assert ours < theirs / 2, (float(ours), float(theirs))


def test_the_activation_in_one_pass_is_blooms_own():
    theirs, ours = models()
    kernels.install(ours)
    ids, mask = inputs()
    expected, found = (model(ids, attention_mask=mask).logits for model in (theirs, ours))
    torch.testing.assert_close(found[mask.bool()], expected[mask.bool()], rtol=1e-5, atol=1e-5)
