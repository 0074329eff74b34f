"""Where memory runs short a batch is split and accumulated; the result stays."""

import pytest
import torch

from softshot.engine.arms.soft_prompt import SoftPrompt
from softshot.engine.layout import Row
from softshot.errors import UserError
from softshot.settings import TuningSettings
from softshot.tuning import train
from softshot.tuning.train import Trainer

ROWS = [Row(str(n), list(range(5, 8 + n)), list(range(40, 42 + n))) for n in range(8)]
TOKENS = 3


def trainer(base, max_tokens=None, **settings):
    initial = torch.randn(TOKENS, base.embedding_size, generator=torch.Generator().manual_seed(0))
    made = TuningSettings(clip=1e9, batch_size=8, **settings)
    return Trainer(base, SoftPrompt(initial), made, ROWS, ROWS, seed=1, max_tokens=max_tokens)


def passes(monkeypatch, limit=None):
    """Record the tokens of every forward pass; those above `limit` are out of memory."""
    seen, real = [], train.target_losses

    def counted(base, prefix, rows):
        tokens = len(prefix) + sum(map(len, rows))
        if limit and tokens > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        seen.append(tokens)
        return real(base, prefix, rows)

    monkeypatch.setattr(train, "target_losses", counted)
    return seen


def stepped(made):
    """Loss, gradient norm and validation loss of one step, and the gradient's first effect."""
    made.step([ROWS])
    made.validate()
    return [made.progress.history[0]["loss"], made.progress.history[0]["gradient_norm"], made.progress.best_loss]


def test_a_bound_on_tokens_splits_the_batch_and_keeps_the_result(base, monkeypatch):
    whole = stepped(trainer(base))
    seen = passes(monkeypatch)
    bounded = stepped(trainer(base, max_tokens=40))
    assert len(seen) > 4 and max(seen) <= 40
    assert bounded == pytest.approx(whole, rel=1e-5)


def test_out_of_memory_splits_and_is_remembered_and_told(base, monkeypatch, capsys):
    whole = stepped(trainer(base))
    seen = passes(monkeypatch, limit=50)
    made = trainer(base)
    assert stepped(made) == pytest.approx(whole, rel=1e-5)
    assert max(seen) <= 50
    told = capsys.readouterr().err
    assert "out of memory at step 1 with 8 rows" in told and "split" in told
    made.step([ROWS])
    assert "out of memory" not in capsys.readouterr().err, "it must not run out of memory again at every step"
    assert made.state()["progress"]["max_tokens"] >= 50


def test_gradients_are_those_of_the_whole_batch_with_an_mlp_too(base, monkeypatch):
    prompts = []
    for limit in (None, 40):
        if limit:
            passes(monkeypatch, limit)
        torch.manual_seed(0)
        made = trainer(base)
        made.prompt = SoftPrompt(made.initial, "mlp", 16)
        made.optimizer = torch.optim.SGD(made.prompt.parameters(), lr=1e-3)
        made.step([ROWS[:5], ROWS[5:]])
        prompts.append(made.prompt().detach())
    torch.testing.assert_close(*prompts, rtol=1e-4, atol=1e-5)


def test_one_row_that_does_not_fit_is_an_error_that_says_what_to_do(base, monkeypatch):
    passes(monkeypatch, limit=5)
    with pytest.raises(UserError, match=r"one row.*engine\.context"):
        trainer(base).step([ROWS])


def test_a_continued_run_keeps_the_smaller_bound(base):
    made, other = trainer(base, max_tokens=60), trainer(base, max_tokens=30)
    other.resume(made.state())
    assert other.progress.max_tokens == 30
    unbounded = trainer(base)
    unbounded.resume(made.state())
    assert unbounded.progress.max_tokens == 60
