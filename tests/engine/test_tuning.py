"""Tuning: it learns, it is decided by its seed, and a killed run ends as an unbroken one."""

import itertools
import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from softshot.engine.layout import Row
from softshot.settings import TuningSettings
from softshot.tuning.batches import batches
from softshot.tuning.schedule import learning_rate

RECORDS = [
    {"id": f"r{i}", "input": f"{a} over the {b}", "target": f"{b} {a}", "references": [f"{b} {a}"], "meta": {}}
    for i, (a, b) in enumerate(itertools.product(["jumps", "music", "lazy", "river"], ["fox", "dog", "alarm"]))
]
SETTINGS = {"learning_rate": 0.1, "steps": 30, "batch_size": 4, "validate_every": 5}


def prepare(model, folder):
    """Model provenance and records where the stage program looks for them."""
    (model / "provenance.json").write_text("{}")
    for split in ("train", "validation"):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))


def command(model, folder, out, seed=1, variant="pt/tokens-5", save_every=60.0, **changes):
    settings = {"engine": {"context": 60}, "tuning": SETTINGS | changes}
    return [
        *(sys.executable, "-m", "softshot.tuning", "--settings", json.dumps(settings), "--model", str(model)),
        *("--train", str(folder / "train.jsonl"), "--validation", str(folder / "validation.jsonl")),
        *("--save-every", str(save_every), "--out", str(folder / out / f"m/t/{variant}/seed-{seed}")),
    ]


def prompt_of(folder, out, seed=1, variant="pt/tokens-5"):
    return load_file(folder / out / f"m/t/{variant}/seed-{seed}/adapter_model.safetensors")["prompt_embeddings"]


@pytest.fixture
def place(tiny_models, tmp_path):
    prepare(tiny_models["gpt2"], tmp_path)
    return tiny_models["gpt2"], tmp_path


def test_it_learns_and_keeps_the_best_prompt(place):
    subprocess.run(command(*place, "a"), check=True)
    folder = place[1] / "a/m/t/pt/tokens-5/seed-1"
    tuning = json.loads((folder / "tuning.json").read_text())
    assert tuning["tuning"]["best_validation_loss"] < tuning["tuning"]["first_validation_loss"] - 0.5
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in history if "loss" in line] == list(range(1, 31))
    assert [line["step"] for line in history if "validation_loss" in line] == [0, 5, 10, 15, 20, 25, 30]
    losses = [line["validation_loss"] for line in history if "validation_loss" in line]
    assert tuning["tuning"]["best_validation_loss"] == min(losses)
    assert tuning["settings"]["tuning"]["learning_rate"] == 0.1
    assert {"seconds", "peak_memory_mb", "trainable_parameters"} <= tuning["tuning"].keys()
    assert not (folder / ".state").exists()


def test_the_seed_decides_the_prompt(base):
    from softshot.engine.arms.soft_prompt import new_soft_prompt
    from softshot.tuning.train import Trainer

    rows = [Row(str(n), [5 + n, 6, 7], [40 + n]) for n in range(12)]
    settings = TuningSettings(steps=4, batch_size=4, validate_every=2)

    def tuned(seed):
        prompt = new_soft_prompt(base, 3, settings, [], seed)
        trainer = Trainer(base, prompt, settings, rows, rows, seed)
        assert trainer.run(lambda: False, lambda: None, save_every=60)
        return trainer.progress.best_prompt

    assert torch.equal(tuned(1), tuned(1))
    assert not torch.equal(tuned(1), tuned(2))


@pytest.mark.parametrize(
    ("kill", "extra"),
    [(signal.SIGKILL, {"reparameterisation": "mlp", "accumulation": 2}), (signal.SIGTERM, {})],
    ids=["SIGKILL", "SIGTERM"],
)
def test_a_killed_and_continued_run_ends_with_the_same_prompt_bit_for_bit(place, kill, extra):
    model, folder = place
    settings = {"steps": 300, "validate_every": 40} | extra
    subprocess.run(command(model, folder, "whole", **settings), check=True)

    broken = command(model, folder, "broken", save_every=0.0, **settings)
    state = folder / "broken/m/t/pt/tokens-5/seed-1/.state"
    process = subprocess.Popen(broken, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (state.exists() and any(state.glob("*.pt"))):
        time.sleep(0.005)
    time.sleep(0.1)
    process.send_signal(kill)
    message = process.communicate()[1]
    assert process.returncode != 0, "the run ended before it could be killed: give it more steps"
    assert not (state.parent / "adapter_model.safetensors").exists()
    if kill == signal.SIGTERM:
        assert "the same command continues from there" in message

    again = subprocess.run(broken, check=True, stderr=subprocess.PIPE, text=True)
    assert "continuing from step" in again.stderr
    assert torch.equal(prompt_of(folder, "whole"), prompt_of(folder, "broken"))

    def without_times(out):
        lines = (folder / out / "m/t/pt/tokens-5/seed-1/history.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "tokens_per_second"} for line in lines]

    assert without_times("whole") == without_times("broken")


def test_a_state_of_other_settings_is_not_used(place):
    model, folder = place
    process = subprocess.Popen(command(model, folder, "a", save_every=0.0, steps=3000), stderr=subprocess.DEVNULL)
    state = folder / "a/m/t/pt/tokens-5/seed-1/.state"
    while process.poll() is None and not (state.exists() and any(state.glob("*.pt"))):
        time.sleep(0.005)
    process.kill()
    process.wait()
    again = subprocess.run(command(model, folder, "a", steps=3), check=True, stderr=subprocess.PIPE, text=True)
    assert "continuing" not in again.stderr


def test_accumulation_equals_one_larger_batch(base):
    """The mean is over the target tokens of the whole effective batch, however it is cut."""
    from softshot.engine.arms.soft_prompt import SoftPrompt
    from softshot.tuning.train import Trainer

    rows = [Row(str(n), list(range(5, 8 + n)), list(range(40, 42 + n))) for n in range(8)]
    initial = torch.randn(3, base.embedding_size, generator=torch.Generator().manual_seed(0))
    prompts = []
    for parts in ([rows], [rows[:3], rows[3:]]):
        prompt = SoftPrompt(initial)
        Trainer(base, prompt, TuningSettings(clip=1e9), rows, rows, seed=1).step(parts)
        prompts.append(prompt().detach())
    torch.testing.assert_close(*prompts, rtol=1e-4, atol=1e-5)


def test_early_stopping_ends_the_run(place):
    subprocess.run(command(*place, "a", learning_rate=1e-9, patience=2, warmup=0.0), check=True)
    tuning = json.loads((place[1] / "a/m/t/pt/tokens-5/seed-1/tuning.json").read_text())["tuning"]
    assert tuning["stopped_early"]
    assert tuning["steps"] < 30


def test_every_row_is_seen_once_an_epoch_and_like_lengths_share_a_batch():
    rows = [Row(str(i), [0] * (i % 50 + 1), [1]) for i in range(230)]
    order = batches(rows, 8, seed=3)
    first, second = ([next(order) for _ in range(29)] for _ in range(2))  # 128 rows make 16 batches, 102 make 13
    for epoch in (first, second):
        assert sorted(row.id for batch in epoch for row in batch) == sorted(row.id for row in rows)
        assert max(len(batch[-1]) - len(batch[0]) for batch in epoch) < 15
    assert first != second


def test_learning_rate_schedules():
    def rates(**settings):
        made = TuningSettings(learning_rate=1.0, steps=100, warmup=0.1, **settings)
        return [learning_rate(step, made) for step in range(100)]

    for schedule in ("constant", "linear", "cosine"):
        values = rates(schedule=schedule)
        assert values[:10] == sorted(values[:10]) and 0 < values[0] < values[9] < 1
        assert values[10] == 1.0
    assert rates(schedule="constant")[-1] == 1.0
    assert rates(schedule="linear")[55] == pytest.approx(0.5)
    assert rates(schedule="cosine")[55] == pytest.approx(0.5)
    assert 0 < rates(schedule="linear")[-1] < 0.02
