"""The soft prompt: its first values, its reparameterisation, and PEFT's view of what is saved."""

import pytest
import torch
from tiny import save_tiny_model

from softshot.engine.arms import soft_prompt
from softshot.engine.base import load
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.prefix import Prefix
from softshot.settings import TuningSettings

EXAMPLES = [[10, 11, 12, 13], [20, 21, 22], [30, 31, 32, 33, 34]]


def made(base, tokens, seed=1, **settings):
    prompt = soft_prompt.new_soft_prompt(base, tokens, TuningSettings(**settings), EXAMPLES, seed)
    return prompt().detach()


def ids_of(base, prompt):
    """The vocabulary entries whose embeddings the prompt's vectors are."""
    weight = base.model.get_input_embeddings().weight
    return [int((weight == vector).all(1).nonzero()[0, 0]) for vector in prompt]


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "bloom", "llama"])
def test_peft_loads_the_saved_prompt_and_gives_the_same_logits(architecture, tmp_path):
    from peft import PeftModel

    # PEFT does not take OPT models whose embeddings are projected.
    save_tiny_model(architecture, tmp_path / "model", projected=False)
    base = load(tmp_path / "model")
    prompt = torch.randn(5, base.embedding_size, generator=torch.Generator().manual_seed(3))
    soft_prompt.save(prompt, base, tmp_path / "run")

    row = Row("r", [7, 8, 9], [10, 11])
    ours = target_losses(base, Prefix(embeddings=soft_prompt.load(tmp_path / "run", base)), [row]).sum()
    ids = torch.tensor([row.context + row.target])
    plain = torch.cat([prompt[None], base.model.get_input_embeddings()(ids)], dim=1)
    expected = base.model(inputs_embeds=plain).logits[0, -5:]
    wrapped = PeftModel.from_pretrained(base.model, tmp_path / "run").eval()
    with torch.no_grad():
        logits = wrapped(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -5:]
    theirs = torch.nn.functional.cross_entropy(logits[-3:-1], ids[0, -2:], reduction="sum")

    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("initialisation", ["vocabulary", "demonstrations", "uniform"])
def test_the_first_value_follows_from_the_seed(base, initialisation):
    first, again, other = (made(base, 6, seed, initialisation=initialisation) for seed in (1, 1, 2))
    assert first.shape == (6, base.embedding_size)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_vocabulary_prompt_is_made_of_ordinary_embeddings(base):
    assert not set(ids_of(base, made(base, 50))) & set(base.tokenizer.all_special_ids)


def test_a_text_prompt_repeats_or_cuts_the_text(base):
    ids = base.tokenizer.encode("the capital of France", add_special_tokens=False)
    assert ids_of(base, made(base, len(ids) + 2, initialisation="text", initial_text="the capital of France")) == (
        ids + ids[:2]
    )
    assert ids_of(base, made(base, 2, initialisation="text", initial_text="the capital of France")) == ids[:2]


def test_a_demonstrations_prompt_ends_with_a_whole_training_pair(base):
    ids = ids_of(base, made(base, 8, initialisation="demonstrations"))
    assert any(ids[-len(example) :] == example for example in EXAMPLES)


def test_a_uniform_prompt_stays_in_its_range(base):
    prompt = made(base, 100, initialisation="uniform")
    assert prompt.abs().max() <= 0.5
    assert prompt.std() == pytest.approx(12**-0.5, rel=0.05)


def test_reparameterisations(base):
    plain = made(base, 4)
    assert torch.equal(made(base, 4, reparameterisation="residual"), plain), "it starts at the initial prompt"
    assert not torch.allclose(made(base, 4, reparameterisation="mlp"), plain)
    prompt = soft_prompt.new_soft_prompt(
        base, 4, TuningSettings(reparameterisation="mlp", reparameterisation_hidden=7), EXAMPLES, 1
    )
    width = base.embedding_size
    assert sum(p.numel() for p in prompt.parameters()) == 4 * width + (width + 1) * 7 + (7 + 1) * width
