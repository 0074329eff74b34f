"""The soft prompt: its first values, its reparameterisation, and PEFT's view of what is saved."""

import pytest
import torch
from tiny import save_tiny_model

from softshot.engine.base import load
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.methods import prompt_tuning
from softshot.methods.registry import PromptTuning

EXAMPLES = [[10, 11, 12, 13], [20, 21, 22], [30, 31, 32, 33, 34]]


def new(base, tokens, seed=1, **settings):
    """A new soft prompt."""
    return prompt_tuning.new(base, tokens, PromptTuning(**settings), EXAMPLES, seed)


def first_value(base, tokens, seed=1, **settings):
    """What the model sees of a new soft prompt: [T, H]."""
    return new(base, tokens, seed, **settings)().detach()


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
    adapter = new(base, 5, initialisation="uniform")
    adapter.save(tmp_path / "run")
    prompt = adapter().detach()

    row = Row("r", [7, 8, 9], [10, 11])
    ours = target_losses(base, prompt_tuning.load(base, tmp_path / "run"), [row]).sum()
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
    first, again, other = (first_value(base, 6, seed, initialisation=initialisation) for seed in (1, 1, 2))
    assert first.shape == (6, base.embedding_size)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_vocabulary_prompt_is_made_of_ordinary_embeddings(base):
    assert not set(ids_of(base, first_value(base, 50))) & set(base.tokenizer.all_special_ids)


def test_a_text_prompt_repeats_or_cuts_the_text(base):
    ids = base.tokenizer.encode("the capital of France", add_special_tokens=False)
    assert ids_of(
        base, first_value(base, len(ids) + 2, initialisation="text", initial_text="the capital of France")
    ) == (ids + ids[:2])
    assert ids_of(base, first_value(base, 2, initialisation="text", initial_text="the capital of France")) == ids[:2]


def test_a_demonstrations_prompt_ends_with_a_whole_training_pair(base):
    ids = ids_of(base, first_value(base, 8, initialisation="demonstrations"))
    assert any(ids[-len(example) :] == example for example in EXAMPLES)


def test_a_uniform_prompt_stays_in_its_range(base):
    prompt = first_value(base, 100, initialisation="uniform")
    assert prompt.abs().max() <= 0.5
    assert prompt.std() == pytest.approx(12**-0.5, rel=0.05)


def test_reparameterisations(base):
    plain = first_value(base, 4)
    assert torch.equal(first_value(base, 4, reparameterisation="residual"), plain), "it starts at the initial prompt"
    assert not torch.allclose(first_value(base, 4, reparameterisation="mlp"), plain)
    prompt = new(base, 4, reparameterisation="mlp", reparameterisation_hidden=7)
    width = base.embedding_size
    assert sum(p.numel() for p in prompt.parameters()) == 4 * width + (width + 1) * 7 + (7 + 1) * width
