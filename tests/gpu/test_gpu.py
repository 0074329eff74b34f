"""What only a GPU shows: bfloat16 and its attention, memory, and that a run there is the run on the processor.

Without one, what a processor can do of it runs there: bfloat16 beside float32.
"""

import pytest
import torch
from cases import ALL, adapter_of, base_for, layout_of, loaded, rows_of, trainer_of
from loops import PlainLoop
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from softshot.engine.base import Base, prepare
from softshot.engine.decoding import continuations
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.stops import Stops
from softshot.methods.base import Examples
from softshot.methods.registry import METHODS
from softshot.settings import GenerationSettings, TuningSettings
from softshot.tuning import state as states
from softshot.tuning.train import Trainer

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: torch sees none here")
LOOP = {"steps": 8, "validate_every": 4}


def on_processor(monkeypatch):
    """Models are loaded onto the processor from here on."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("name", ["llama", "gpt2", "opt", "bloom"])
def test_in_bfloat16_a_methods_first_losses_are_those_of_float32(folder_of, method, name):
    """On whichever device there is; of the eight bits that bfloat16 keeps of a number some are lost on the way."""
    losses = []
    for dtype in ("bfloat16", "float32"):
        base = base_for(method, folder_of(name), dtype)
        adapter = adapter_of(method, base)
        adapter.prepare()
        losses.append(target_losses(base, adapter.prefix(), rows_of(layout_of(base))).detach().cpu())
    found, expected = losses
    assert found.dtype == torch.float32
    assert float((found - expected).abs().mean() / expected.abs().mean()) < 0.05


@needs_gpu
@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("name", ["llama", "gpt2", "opt", "bloom"])
def test_ten_steps_are_those_of_the_processor(folder_of, monkeypatch, method, name):
    """In float64, so that what differs is not rounding."""
    histories = []
    for device in ("gpu", "cpu"):
        if device == "cpu":
            on_processor(monkeypatch)
        run = trainer_of(method, base_for(method, folder_of(name), "float64"), loop=LOOP)
        assert run.base.device.type == ("cuda" if device == "gpu" else "cpu")
        run.run(lambda: False, lambda: None, 1e9)
        histories.append([line.get("loss", line.get("validation_loss")) for line in run.progress.history])
    assert histories[0] == pytest.approx(histories[1], rel=1e-6)


@needs_gpu
@pytest.mark.parametrize("method", ALL)
def test_in_bfloat16_training_lowers_the_loss(folder_of, method):
    run = trainer_of(method, base_for(method, folder_of("llama"), "bfloat16"), loop={"steps": 40, "validate_every": 10})
    run.run(lambda: False, lambda: None, 1e9)
    losses = [line["validation_loss"] for line in run.progress.history if "validation_loss" in line]
    assert run.progress.best_loss < losses[0] - 0.05


@needs_gpu
@pytest.mark.parametrize("method", ALL)
def test_an_interrupted_run_goes_on_as_an_unbroken_one(folder_of, tmp_path, method):
    """Up to rounding: a GPU adds in another order from time to time."""
    options = {"dropout": 0.3} if method == "lora" else {}
    whole, first, second = (
        trainer_of(method, base_for(method, folder_of("llama")), loop=LOOP, **options) for _ in range(3)
    )
    whole.run(lambda: False, lambda: None, 1e9)
    first.run(lambda: first.progress.step == 3, lambda: states.save(tmp_path / "state.pt", first.state()), 1e9)
    second.resume(states.load(tmp_path / "state.pt"))
    second.run(lambda: False, lambda: None, 1e9)
    losses = [[line["loss"] for line in run.progress.history if "loss" in line] for run in (whole, second)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@needs_gpu
@pytest.mark.parametrize("method", ["lora", "ia3", "prefix-tuning", "full"])
def test_a_saved_adapter_predicts_the_same_texts_in_any_batch(folder_of, tmp_path, method):
    """In float32. A tie may turn with the batch there: one text in ten may be another."""
    run = trainer_of(method, base_for(method, folder_of("llama")), loop=LOOP)
    run.run(lambda: False, lambda: None, 1e9)
    run.finish()
    run.adapter.save(tmp_path)
    base, prefix = loaded(method, folder_of("llama"), tmp_path)
    rows = [Row(row.id, row.context, []) for row in run.training]
    stops, settings = Stops.of(base, "\n"), GenerationSettings(max_new_tokens=12)
    texts = [
        {row.id: ids for row, ids in continuations(base, prefix, rows, settings, stops, batch)} for batch in (1, 16)
    ]
    assert sum(texts[0][row.id] == texts[1][row.id] for row in rows) >= 0.9 * len(rows)


@needs_gpu
def test_memory_that_really_runs_out_changes_no_result():
    """The device's share is cut down to what half of the batch takes."""
    losses, peak = [], 0
    for short in (False, True):
        torch.manual_seed(0)
        run = trainer_over(middling().cuda(), "lora")
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        standing, whole = torch.cuda.memory_allocated(), torch.cuda.get_device_properties(0).total_memory
        if short:
            torch.cuda.set_per_process_memory_fraction((standing + 0.6 * (peak - standing)) / whole)
        try:
            run.step([run.training])
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        peak = torch.cuda.max_memory_allocated()
        losses.append(run.progress.history[-1]["loss"])
        assert bool(run.progress.max_tokens) == short
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@needs_gpu
def test_a_step_of_lora_takes_no_more_memory_than_pefts():
    """In bfloat16, head at target positions; PEFT's own loop has it everywhere."""
    peaks = [peak_of(kind) for kind in (softshot_step, peft_step)]
    assert peaks[0] <= peaks[1]


def peak_of(kind):
    """Bytes at most in the second step."""
    step = kind(middling().to("cuda", torch.bfloat16))
    step()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    step()
    return torch.cuda.max_memory_allocated()


def softshot_step(model):
    """softshot's step of LoRA."""
    run = trainer_over(model, "lora")
    return lambda: run.step([run.training])


def peft_step(model):
    """PEFT's."""
    wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=8, target_modules="all-linear"))
    pairs = [(parameter, parameter.clone) for parameter in wrapped.parameters() if parameter.requires_grad]
    loop = OnGpu(wrapped, pairs, 0.01, 1.0)
    return lambda: loop.step(random_rows())


class OnGpu(PlainLoop):
    """The plain loop with its batch on the model's device."""

    def loss(self, rows):
        """As there."""
        with torch.device("cuda"):
            return super().loss(rows)


def middling():
    """A random model that is large enough for its activations to count."""
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=2,
        vocab_size=32000,
    )
    return LlamaForCausalLM(config).requires_grad_(False).eval()


def trainer_over(model, method):
    """A trainer of a method over `model`."""
    rows = random_rows()
    base = Base(prepare(model), None)
    kind = METHODS[method]
    adapter = kind.load().new(base, 8, kind.settings(), Examples(None, []), 1)
    return Trainer(base, adapter, TuningSettings(steps=10**6, warmup=0.0), 0.001, rows, rows[:1], 0)


def random_rows():
    """32 rows of 200 tokens, the last 50 of them target."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 32000, (32, 200), generator=generator).tolist()
    return [Row(str(n), row[:150], row[150:]) for n, row in enumerate(ids)]
