"""A prefix begins as what the model makes of a text, and is saved without what made it."""

import pytest
import torch
from cases import RECORDS, adapter_of, base_for, layout_of, rows_of, trainer_of
from plain import load_plain, plain_losses

from softshot.engine.loss import target_losses
from softshot.methods.base import Examples
from softshot.methods.prompt_tuning import first_ids
from softshot.methods.registry import PrefixTuning

FOUR = ["gpt2", "opt", "bloom", "llama"]
TEXT = "the river by the dog"
BEGINNINGS = {
    "text": {"initialisation": "text", "initial_text": TEXT},
    "demonstrations": {"initialisation": "demonstrations"},
    "residual": {"initialisation": "vocabulary", "reparameterisation": "residual"},
}


@pytest.mark.parametrize("what", BEGINNINGS)
@pytest.mark.parametrize("name", [*FOUR, "gemma2", "falcon_alibi"])
def test_its_first_validation_loss_is_the_models_with_the_text_before_each_row(folder_of, name, what):
    """With demonstrations beside, and without."""
    base, settings = base_for("prefix-tuning", folder_of(name)), PrefixTuning(**BEGINNINGS[what])
    trainer = trainer_of("prefix-tuning", base, **BEGINNINGS[what])
    trainer.validate()
    examples = Examples(layout_of(base), RECORDS)
    ids = first_ids(base, 5, settings, examples, torch.Generator().manual_seed(1))
    if what == "text":
        written = base.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
        assert ids == (written * 5)[:5]
    plain = load_plain(folder_of(name))
    embeddings = plain.get_input_embeddings()(torch.tensor(ids))
    expected = torch.cat([plain_losses(plain, embeddings, row) for row in trainer.validation])
    losses = target_losses(base, trainer.adapter.prefix(), trainer.validation)
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-4)
    assert trainer.progress.best_loss == pytest.approx(expected.mean().item(), rel=1e-5)


def test_what_is_trained_is_counted(folder_of):
    """As they are; through an MLP, whose own numbers are not saved."""
    base = base_for("prefix-tuning", folder_of("llama"))
    count = [
        sum(p.numel() for p in adapter_of("prefix-tuning", base, **settings).parameters())
        for settings in ({}, {"reparameterisation": "mlp", "reparameterisation_hidden": 7})
    ]
    states = 2 * 2 * 2 * 8  # layers, keys and values, heads, size
    assert count == [5 * states, 5 * 32 + (32 + 1) * 7 + (7 + 1) * states]


def test_the_first_value_follows_from_the_seed(folder_of):
    base = base_for("prefix-tuning", folder_of("gpt2"))
    for settings in ({}, {"initialisation": "vocabulary"}, {"reparameterisation": "mlp"}):
        first, again, other = (adapter_of("prefix-tuning", base, seed=seed, **settings)() for seed in (1, 1, 2))
        assert torch.equal(first, again) and not torch.equal(first, other)
        assert first.shape == (2, 2, 4, 5, 8)


def test_rows_do_not_move_where_their_neighbours_are_longer(folder_of):
    """One row's loss, alone and among others."""
    base = base_for("prefix-tuning", folder_of("bloom"))
    adapter = adapter_of("prefix-tuning", base)
    rows = rows_of(layout_of(base))
    losses = target_losses(base, adapter.prefix(), rows).split([len(row.target) for row in rows])
    for row, among in zip(rows[:4], losses, strict=False):
        torch.testing.assert_close(target_losses(base, adapter.prefix(), [row]), among, rtol=1e-5, atol=1e-5)
