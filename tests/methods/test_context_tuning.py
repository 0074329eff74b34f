"""Context tuning begins as in-context learning, and hides from a row what would give its output away."""

import pytest
import torch
from cases import RECORDS, adapter_of, base_for, layout_of, rows_of, trainer_of
from plain import load_plain, plain_losses
from torch import Tensor

from softshot.demonstrations.shown import Shown
from softshot.engine.base import load
from softshot.engine.layout import Layout, RowSettings
from softshot.engine.loss import target_losses
from softshot.engine.prefix import Prefix
from softshot.errors import UserError
from softshot.methods import context_tuning
from softshot.methods.base import Examples
from softshot.methods.registry import ContextTuning
from softshot.tuning.rows import TrainingRows

FOUR = ["gpt2", "opt", "bloom", "llama"]
SETTINGS = {"template": {"instruction": "Turn it round."}}


def losses_of(adapter, rows):
    """Each row's losses as in a training step."""
    prefix = adapter.prefix()
    visible = adapter.visible(rows, torch.Generator().manual_seed(0))
    losses = target_losses(adapter.base, prefix, rows, visible)
    return losses.split([len(row.target) for row in rows])


@pytest.mark.parametrize("shots", [0, 1])
@pytest.mark.parametrize("name", FOUR)
def test_its_first_validation_loss_is_that_of_in_context_learning(folder_of, name, shots, monkeypatch):
    """With its demonstrations as one text before the row's own, behind one beginning of a text: here two tokens."""
    base = load(folder_of(name))
    monkeypatch.setitem(vars(base.tokenization), "start", [0, 5])
    layouts = [Layout(base, RowSettings(engine={"context": 400}, **SETTINGS), begun) for begun in (True, False)]
    adapter = context_tuning.new(base, 90, ContextTuning(), Examples(layouts[1], RECORDS), seed=3)
    shown = [next(record for record in RECORDS if record["id"] == id) for id in adapter.spans]
    others = [record for record in RECORDS if record not in shown]
    beside = [[others[i - 1]] * shots for i in range(len(others))]
    rows = [layouts[0].tuning_row(r, own, r["target"], 20) for r, own in zip(others, beside, strict=True)]
    # The demonstrations of the context stand first; a row's own are the nearest, and stand last.
    whole = [
        layouts[1].tuning_row(r, [*own, *shown[::-1]], r["target"], 20) for r, own in zip(others, beside, strict=True)
    ]
    plain, nothing = load_plain(folder_of(name)), torch.empty(0, base.embedding_size)
    expected = torch.cat([plain_losses(plain, nothing, row) for row in whole])
    assert whole[0].context[:2] == [0, 5] and rows[0].context[0] != 0
    torch.testing.assert_close(target_losses(base, adapter.prefix(), rows), expected, rtol=1e-4, atol=1e-4)
    trainer = trainer_of("context-tuning", base)
    trainer.adapter, trainer.validation = adapter, rows
    trainer.validate()
    assert trainer.progress.best_loss == pytest.approx(expected.mean().item(), rel=1e-5)


@pytest.mark.parametrize("name", [*FOUR, "gemma2", "qwen3"])
@pytest.mark.parametrize("shots", [0, 1])
def test_a_row_does_not_see_its_own_demonstration_and_others_do(folder_of, name, shots):
    base = load(folder_of(name))
    adapter = adapter_of("context-tuning", base, token_dropout=0.0)
    first, second = list(adapter.spans)[:2]
    rows = [row for row in rows_of(layout_of(base), [shots]) if row.id in (first, second)]
    before = losses_of(adapter, rows)
    with torch.no_grad():
        adapter.states[..., adapter.spans[first], :] += 1.0
    for row, old, new in zip(rows, before, losses_of(adapter, rows), strict=True):
        assert torch.equal(old, new) == (row.id == first), row.id
    torch.cat(losses_of(adapter, [row for row in rows if row.id == first])).sum().backward()
    gradient = adapter.states.grad[..., adapter.spans[first], :]
    assert not gradient.any() and adapter.states.grad[..., adapter.spans[second], :].any()


def test_a_row_does_not_see_what_no_training_row_is_shown(folder_of):
    """Demonstrations with its input, or of its group."""
    base = base_for("context-tuning", folder_of("llama"))
    records = [record | {"group": f"g{i // 4}"} for i, record in enumerate(RECORDS[:12])]
    records.append(RECORDS[3] | {"id": "twin", "input": f" {RECORDS[3]['input'].upper()} "})
    adapter = context_tuning.new(base, 500, ContextTuning(), Examples(layout_of(base), records), seed=1)
    assert set(adapter.spans) == {record["id"] for record in records}, "all of them fit"
    of = {(span.start, span.stop): id for id, span in adapter.spans.items()}
    hidden = {id: {of[span.start, span.stop] for span in spans} for id, spans in adapter.hidden.items()}
    assert hidden["r0"] == {"r0", "r1", "r2", "r3"}
    assert hidden["r3"] == {"r0", "r1", "r2", "r3", "twin"}
    assert hidden["twin"] == {"twin", "r3"}
    assert adapter_of("context-tuning", base, leave_one_out=False).hidden == {}


def test_each_row_overlooks_positions_of_its_own_by_chance(folder_of):
    base = base_for("context-tuning", folder_of("gpt2"))
    adapter = adapter_of("context-tuning", base, size=80, leave_one_out=False, token_dropout=0.2)
    rows = rows_of(layout_of(base)) * 20
    visible = adapter.visible(rows, torch.Generator().manual_seed(1))
    assert visible.shape == (len(rows), len(adapter.prefix()))
    assert visible.float().mean() == pytest.approx(0.8, abs=0.01)
    assert visible.float().mean(0).std() < 0.05 and not torch.equal(visible[0], visible[1])
    again, other = (adapter.visible(rows, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert torch.equal(again, visible) and not torch.equal(other, visible)
    assert adapter_of("context-tuning", base, leave_one_out=False, token_dropout=0.0).visible(rows, None) is None


def test_what_is_hidden_counts_in_positions(folder_of):
    """The paper's: a row stands behind the whole context, whatever it sees of it."""
    base = base_for("context-tuning", folder_of("llama"))
    adapter = adapter_of("context-tuning", base, token_dropout=0.0)
    first, span = next(iter(adapter.spans.items()))
    (row,) = [row for row in rows_of(layout_of(base), [0]) if row.id == first]
    (hidden,) = losses_of(adapter, [row])
    seen = [place for place in range(len(adapter.prefix())) if not span.start <= place < span.stop]
    cut = Prefix(states=tuple((keys[:, seen], values[:, seen]) for keys, values in adapter.prefix().states))
    assert not torch.allclose(hidden, target_losses(base, cut, [row])), "left out, the row would stand further left"


def test_the_few_shot_regime_trains_on_its_demonstrations_only(folder_of):
    base = base_for("context-tuning", folder_of("gpt2"))
    layout = layout_of(base)
    few, every = (adapter_of("context-tuning", base, regime=regime) for regime in ("few-shot", "all"))
    shown = Shown(None, 0, RECORDS, None)
    rows = TrainingRows(layout, RECORDS, shown, 20, few.trained_on)
    assert sorted(row.id for row in rows) == sorted(few.spans) and 2 < len(rows) < len(RECORDS)
    assert len(TrainingRows(layout, RECORDS, shown, 20, every.trained_on)) == len(RECORDS)


def test_what_cannot_be_is_refused_before_anything_is_tuned(folder_of):
    base = load(folder_of("gpt2"))
    with pytest.raises(UserError, match=r"20 tokens do not hold two demonstrations.*Raise the arm's `tokens`"):
        adapter_of("context-tuning", base, size=20)
    for name in ("mpt", "falcon_alibi"):
        with pytest.raises(UserError, match=r"counts positions by what a row sees.*leave_one_out to false"):
            adapter_of("context-tuning", load(folder_of(name)))
        assert isinstance(
            adapter_of("context-tuning", load(folder_of(name)), leave_one_out=False, token_dropout=0.0).states, Tensor
        )
    with pytest.raises(UserError, match="keeps keys and values of one shape"):
        base.findings.cache_shapes[0] = (4, 8, 16)
        adapter_of("context-tuning", base)
