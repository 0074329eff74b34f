"""Where memory runs short a batch is split and accumulated; the result stays."""

import numpy as np
import pytest
import torch

from softshot.demonstrations import encoders
from softshot.engine import memory
from softshot.engine.layout import Row
from softshot.errors import UserError
from softshot.methods import prompt_tuning
from softshot.methods.registry import PromptTuning
from softshot.settings import TuningSettings
from softshot.tuning import objective
from softshot.tuning.train import Trainer

ROWS = [Row(str(n), list(range(5, 8 + n)), list(range(40, 42 + n))) for n in range(8)]
TOKENS = 3


def trainer(base, max_tokens=None, rate=0.03, **method):
    adapter = prompt_tuning.new(base, TOKENS, PromptTuning(initialisation="uniform", **method), [], seed=1)
    loop = TuningSettings(clip=1e9, batch_size=8)
    return Trainer(base, adapter, loop, rate, ROWS, ROWS, seed=1, max_tokens=max_tokens)


def passes(monkeypatch, limit=None):
    """Record the tokens of every forward pass; those above `limit` are out of memory."""
    seen, real = [], objective.target_losses

    def counted(base, prefix, rows, *others):
        tokens = len(prefix) + sum(map(len, rows))
        if limit and tokens > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        seen.append(tokens)
        return real(base, prefix, rows, *others)

    monkeypatch.setattr(objective, "target_losses", counted)
    return seen


def stepped(run):
    """Loss, gradient norm and validation loss of one step, and the gradient's first effect."""
    run.step([ROWS])
    run.validate()
    return [run.progress.history[0]["loss"], run.progress.history[0]["gradient_norm"], run.progress.best_loss]


def test_a_bound_on_tokens_splits_the_batch_and_keeps_the_result(base, monkeypatch):
    whole = stepped(trainer(base))
    seen = passes(monkeypatch)
    bounded = stepped(trainer(base, max_tokens=40))
    assert len(seen) > 4 and max(seen) <= 40
    assert bounded == pytest.approx(whole, rel=1e-5)


def test_out_of_memory_splits_and_is_remembered_and_told(base, monkeypatch, capsys):
    whole = stepped(trainer(base))
    seen = passes(monkeypatch, limit=50)
    run = trainer(base)
    assert stepped(run) == pytest.approx(whole, rel=1e-5)
    assert max(seen) <= 50
    message = capsys.readouterr().err
    assert "out of memory at step 1 with 8 rows" in message and "split" in message
    run.step([ROWS])
    assert "out of memory" not in capsys.readouterr().err, "it must not run out of memory again at every step"
    assert run.state()["progress"]["max_tokens"] >= 50


def test_gradients_are_those_of_the_whole_batch_with_an_mlp_too(base, monkeypatch):
    prompts = []
    for limit in (None, 40):
        if limit:
            passes(monkeypatch, limit)
        run = trainer(base, reparameterisation="mlp", reparameterisation_hidden=16)
        run.optimizer = torch.optim.SGD(run.adapter.parameters(), lr=1e-3)
        run.step([ROWS[:5], ROWS[5:]])
        prompts.append(run.adapter().detach())
    torch.testing.assert_close(*prompts, rtol=1e-4, atol=1e-5)


def test_a_pass_that_ran_out_of_memory_in_its_backward_is_undone(base, monkeypatch):
    """By then it has added to some gradients: without undoing, the step would count it twice."""
    norms, real = [], torch.Tensor.backward
    for failing in (False, True):
        run, calls = trainer(base), []

        def backward(loss, run=run, calls=calls, failing=failing):
            real(loss)
            calls.append(loss)
            if failing and len(calls) == 2:
                raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")

        monkeypatch.setattr(torch.Tensor, "backward", backward)
        run.step([ROWS[:4], ROWS[4:]])
        monkeypatch.setattr(torch.Tensor, "backward", real)
        norms.append(run.progress.history[0]["gradient_norm"])
    assert len(calls) > 3
    assert norms[1] == pytest.approx(norms[0], rel=1e-5)


def test_one_row_that_does_not_fit_is_an_error_that_says_what_to_do(base, monkeypatch):
    passes(monkeypatch, limit=5)
    with pytest.raises(UserError, match=r"one row.*engine\.context"):
        trainer(base).step([ROWS])


def test_a_continued_run_keeps_the_smaller_bound(base):
    first, other = trainer(base, max_tokens=60), trainer(base, max_tokens=30)
    other.resume(first.state())
    assert other.progress.max_tokens == 30
    unbounded = trainer(base)
    unbounded.resume(first.state())
    assert unbounded.progress.max_tokens == 60


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_recognised_whoever_says_it(error, expected):
    assert memory.ran_out(error) == expected


def test_the_processors_own_error_is_recognised():
    with pytest.raises(memory.ERRORS) as caught:
        torch.empty(2**60)
    assert memory.ran_out(caught.value)


def test_an_encoder_takes_half_as_many_texts_where_memory_runs_out(tiny_models, monkeypatch, capsys):
    encoder, seen = encoders.load(tiny_models["gpt2"]), []
    texts = [f"wake me up at {hour}" for hour in range(7)]
    expected, real = encoder(texts), encoder.encode

    def scarce(some):
        seen.append(len(some))
        if len(some) > 2:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return real(some)

    monkeypatch.setattr(encoder, "encode", scarce)
    assert np.abs(encoder(texts) - expected).max() < 1e-6
    assert seen == [7, 3, 1, 1, 1, 1, 1, 1, 1] and "with 1 texts at once" in capsys.readouterr().err
    encoder(texts)
    assert max(seen[9:]) == 1, "it must not run out of memory again with every batch"

    def never(_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(encoder, "encode", never)
    with pytest.raises(UserError, match=r"one text of 15 characters, which begins 'wake me up at 0'"):
        encoder(texts)
