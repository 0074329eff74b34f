"""Every method: a run that was interrupted ends as an unbroken one, and memory that runs out changes no result."""

import pytest
import torch
from cases import ALL, base_for, trainer_of

from softshot.tuning import state as states

# All that is random in a run, and all that it carries from step to step.
SETTINGS = {
    "lora": {"dropout": 0.3},
    "context-tuning": {"token_dropout": 0.3},
    "prefix-tuning": {"reparameterisation": "mlp"},
    "prompt-tuning": {"reparameterisation": "residual"},
    "p-tuning": {"encoder": "lstm"},
}
LOOP = {"steps": 14, "validate_every": 3, "accumulation": 2}


def trainer(method, folder, dtype, **settings):
    return trainer_of(method, base_for(method, folder, dtype), loop=LOOP, **settings)


def without_times(history):
    return [{key: value for key, value in line.items() if key != "tokens_per_second"} for line in history]


@pytest.mark.parametrize(
    ("method", "dtype"), [*((method, "float32") for method in ALL), ("full", "bfloat16"), ("lora", "bfloat16")]
)
def test_an_interrupted_run_ends_as_an_unbroken_one_bit_for_bit(folder_of, tmp_path, method, dtype):
    """The state is written and read again, and goes on in another trainer over another copy of the model."""
    whole, first, second = (trainer(method, folder_of("llama"), dtype, **SETTINGS.get(method, {})) for _ in range(3))
    assert whole.run(lambda: False, lambda: None, 1e9)
    stopped = first.run(
        lambda: first.progress.step == 7, lambda: states.save(tmp_path / "state.pt", first.state()), 1e9
    )
    assert not stopped
    second.resume(states.load(tmp_path / "state.pt"))
    assert second.run(lambda: False, lambda: None, 1e9)
    for one in (whole, second):
        one.finish()
    assert without_times(whole.progress.history) == without_times(second.progress.history)
    ended, expected = second.adapter.state_dict(), whole.adapter.state_dict()
    assert expected.keys() == ended.keys()
    for name, tensor in expected.items():
        assert torch.equal(ended[name], tensor), name
    losses = [line["validation_loss"] for line in whole.progress.history if "validation_loss" in line]
    assert len(set(losses)) > 3, "it must have been trained"


@pytest.mark.parametrize(("method", "dtype"), [*((method, "float64") for method in ALL), ("full", "bfloat16")])
def test_a_backward_pass_that_runs_out_of_memory_is_undone(folder_of, monkeypatch, method, dtype):
    """By then it has added to some gradients. The passes after it are smaller; the step's result is the same."""
    results, real = [], torch.Tensor.backward
    for failing in (False, True):
        run, calls = trainer(method, folder_of("gpt2"), dtype), []
        run.optimizer = torch.optim.SGD(run.adapter.parameters(), lr=1e-3)

        def backward(loss, calls=calls, failing=failing):
            real(loss)
            calls.append(loss)
            if failing and len(calls) == 2:
                raise torch.OutOfMemoryError("out of memory")

        monkeypatch.setattr(torch.Tensor, "backward", backward)
        run.step([run.training[:6], run.training[6:12]])
        monkeypatch.setattr(torch.Tensor, "backward", real)
        line = run.progress.history[-1]
        results.append([line["loss"], line["gradient_norm"], *run.adapter.state_dict().values()])
    assert len(calls) > 4 and run.progress.max_tokens
    for whole, split in zip(*results, strict=True):
        if isinstance(whole, float):
            assert split == pytest.approx(whole, rel=1e-9 if dtype == "float64" else 2e-2)
        elif whole.is_floating_point():
            tolerance = 1e-9 if dtype == "float64" else 1e-3
            torch.testing.assert_close(split, whole, rtol=tolerance, atol=tolerance)
        else:
            assert torch.equal(split, whole)
