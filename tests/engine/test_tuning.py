"""Tuning: it learns, it is decided by its seed, and a killed run ends as an unbroken one."""

import itertools
import json
import math
import multiprocessing
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file

from softshot.engine import base as engine_base
from softshot.engine.layout import Row
from softshot.methods import prompt_tuning
from softshot.methods.registry import PromptTuning
from softshot.sections import read
from softshot.settings import TuningSettings
from softshot.tuning import __main__ as stage
from softshot.tuning import objective, train
from softshot.tuning.batches import batches
from softshot.tuning.schedule import learning_rate
from softshot.tuning.train import Trainer

RECORDS = [
    {"id": f"r{i}", "input": f"{a} over the {b}", "target": f"{b} {a}", "references": [f"{b} {a}"], "meta": {}}
    for i, (a, b) in enumerate(itertools.product(["jumps", "music", "lazy", "river"], ["fox", "dog", "alarm"]))
]
LOOP = {"steps": 30, "batch_size": 4, "validate_every": 5}


def prepare(model, folder):
    """The model with its provenance, a copy of the shared one, and records where the stage program looks for them."""
    model = shutil.copytree(model, folder / "model")
    (model / "provenance.json").write_text("{}")
    for split in ("train", "validation"):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return model


def command(model, folder, out, seed=1, save_every=60.0, method=None, **loop):
    """The stage program for one run; `method` and `loop` change settings of the method and of the loop."""
    adapted = {"name": "prompt-tuning", "size": 5, "settings": {"learning_rate": 0.1} | (method or {})}
    settings = {"engine": {"context": 60}, "method": adapted, "tuning": LOOP | loop, "max_new_tokens": 10}
    return [
        *(sys.executable, "-m", "softshot.tuning", "--settings", json.dumps(settings), "--model", str(model)),
        *("--train", str(folder / "train.jsonl"), "--validation", str(folder / "validation.jsonl")),
        *("--save-every", str(save_every), "--seed", str(seed), "--out", str(run_folder(folder, out, seed))),
    ]


def run_folder(folder, out, seed=1):
    return folder / out / f"m/t/pt/tokens-5/seed-{seed}"


def prompt_of(folder, out):
    return load_file(run_folder(folder, out) / "adapter/adapter_model.safetensors")["prompt_embeddings"]


@pytest.fixture
def place(tiny_models, tmp_path):
    return prepare(tiny_models["gpt2"], tmp_path), tmp_path


def test_at_a_rate_of_next_to_nothing_a_prompt_stays_as_it_began(place):
    """What docs/analysis.md tells of an arm that is not tuned, the control of transfer."""
    subprocess.run(command(*place, "a", method={"learning_rate": 1e-6}, steps=1), check=True)
    tuning = json.loads((place[1] / "a/m/t/pt/tokens-5/seed-1/tuning.json").read_text())["tuning"]
    assert tuning["learned"]["mean_distance_from_start"] < 1e-4 * tuning["learned"]["mean_norm"]


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
    assert tuning["settings"]["method"]["settings"]["learning_rate"] == 0.1
    assert {"seconds", "peak_memory_mb", "trainable_parameters"} <= tuning["tuning"].keys()
    assert len((folder / "adapter/prompt.tsv").read_text().splitlines()) == 1 + 5 * 5
    norms = prompt_of(place[1], "a").norm(dim=-1)
    assert tuning["tuning"]["learned"]["mean_norm"] == pytest.approx(norms.mean().item())
    assert tuning["tuning"]["learned"]["mean_distance_from_start"] > 0
    assert not (folder / ".state").exists()


def test_the_seed_decides_the_prompt(base):
    def tuned(seed):
        run = trainer(base, ROWS, seed=seed, steps=4, validate_every=2)
        assert run.run(lambda: False, lambda: None, save_every=60)
        run.finish()
        return run.adapter().detach()

    assert torch.equal(tuned(1), tuned(1))
    assert not torch.equal(tuned(1), tuned(2))


@pytest.mark.parametrize(
    ("kill", "extra"),
    [(signal.SIGKILL, {"method": {"reparameterisation": "mlp"}, "accumulation": 2}), (signal.SIGTERM, {})],
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
    assert not (state.parent / "adapter").exists()
    if kill == signal.SIGTERM:
        assert "the same command continues from there" in message

    again = subprocess.run(broken, check=True, stderr=subprocess.PIPE, text=True)
    assert "continuing from step" in again.stderr
    assert torch.equal(prompt_of(folder, "whole"), prompt_of(folder, "broken"))

    def without_times(out):
        lines = (folder / out / "m/t/pt/tokens-5/seed-1/history.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "tokens_per_second"} for line in lines]

    assert without_times("whole") == without_times("broken")


@pytest.mark.long
def test_twenty_kills_at_random_moments_leave_the_prompt_as_it_would_be(place):
    """The state is written after every step, so that kills fall into writing it as well."""
    model, folder = place
    settings = {"steps": 400, "validate_every": 40, "method": {"reparameterisation": "residual"}}
    subprocess.run(command(model, folder, "whole", **settings), check=True, stderr=subprocess.DEVNULL)
    broken = command(model, folder, "broken", save_every=0.0, **settings)
    out = folder / "broken/m/t/pt/tokens-5/seed-1"
    draw, kills = random.Random(0), 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["softshot.tuning.__main__"])  # imported once, not 20 times
    while kills < 20 and not (out / "tuning.json").exists():
        process = context.Process(target=tune, args=(broken[3:],))
        before = written(out)
        process.start()
        while process.is_alive() and written(out) == before:  # a kill before the first step is no test
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.05))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
    assert kills == 20, "the run ended before it could be killed 20 times: give it more steps"
    subprocess.run(broken, check=True, stderr=subprocess.DEVNULL)
    assert torch.equal(prompt_of(folder, "whole"), prompt_of(folder, "broken"))


def tune(arguments):
    """The stage program, in this process."""
    from softshot.tuning.__main__ import main

    sys.argv = ["softshot.tuning", *arguments]
    main()


def written(out):
    """When the state was last written."""
    return [path.stat().st_mtime_ns for path in out.glob(".state/[!.]*.pt")]


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
    lines = [line for line in again.stderr.splitlines() if line.startswith("step ")]
    assert lines[0].startswith("step 0/3: validation loss ") and "3/3: loss " in lines[-1], "no step, no loss of one"


def test_a_state_of_another_chosen_rate_is_not_used(place):
    """The rate that the first seed's trials chose may be another when a killed run of another seed goes on."""
    model, folder = place
    rate = folder / "rate.json"

    def run(chosen, **loop):
        rate.write_text(json.dumps({"learning_rate": chosen}))
        tried = {"learning_rate": [0.1, 0.01]}
        return [*command(model, folder, "a", save_every=0.0, method=tried, **loop), "--rate", str(rate)]

    process = subprocess.Popen(run(0.1, steps=1000), stderr=subprocess.DEVNULL)
    while process.poll() is None and not written(run_folder(folder, "a")):
        time.sleep(0.005)
    process.kill()
    process.wait()
    again = subprocess.Popen(run(0.01, steps=1000), stderr=subprocess.PIPE, text=True)
    first = next(line for line in again.stderr if line.startswith(("step ", "continuing")))
    again.kill()
    again.wait()
    assert first.startswith("step 0/1000: ")


def test_a_state_of_other_weights_types_is_not_used(place, monkeypatch):
    """`auto` is bfloat16 on a GPU and float32 here: what was killed there begins anew."""
    model, folder = place
    monkeypatch.setattr(sys, "argv", command(model, folder, "a")[2:])
    args = stage.arguments_of()
    settings = read(stage.TuningSlice, args.settings, "--settings")
    states = {
        dtype: stage.state_of(args, settings, trainer(engine_base.load(model, dtype), ROWS))
        for dtype in ("auto", "float32", "bfloat16")
    }
    assert states["auto"] == states["float32"] != states["bfloat16"]


def test_accumulation_equals_one_larger_batch(base):
    """The mean is over the target tokens of the whole effective batch, however it is cut."""
    rows = [Row(str(n), list(range(5, 8 + n)), list(range(40, 42 + n))) for n in range(8)]
    prompts = []
    for parts in ([rows], [rows[:3], rows[3:]]):
        run = trainer(base, rows, clip=1e9)
        run.step(parts)
        prompts.append(run.adapter().detach())
    torch.testing.assert_close(*prompts, rtol=1e-4, atol=1e-5)


def trainer(base, rows, seed=1, rate=0.03, **settings):
    """A trainer of a soft prompt of three vectors."""
    adapter = prompt_tuning.new(base, 3, PromptTuning(initialisation="uniform"), [], seed)
    loop = TuningSettings(**{"batch_size": 4, "validate_every": 1000} | settings)
    return Trainer(base, adapter, loop, rate, rows, rows, seed)


ROWS = [Row(str(n), [5 + n, 6, 7], [40 + n, 50]) for n in range(12)]


def test_a_loss_that_is_no_number_stops_the_run_and_saves_the_last_good_state(base, monkeypatch):
    real, run, saved = objective.target_losses, trainer(base, ROWS, steps=20), []

    def failing(*arguments):
        return real(*arguments) * (math.nan if run.progress.step == 3 else 1)

    monkeypatch.setattr(objective, "target_losses", failing)
    with pytest.raises(train.Diverged, match=r"nan.*step 4.*lower the learning rate"):
        run.run(lambda: False, lambda: saved.append(run.state()), save_every=1e9)
    assert saved[-1]["progress"]["step"] == 3
    assert saved[-1]["adapter"]["embedding"].isfinite().all()
    assert len(saved[-1]["optimizer"]["state"][0]) and saved[-1]["optimizer"]["state"][0]["step"] == 3


def test_a_model_that_gives_no_numbers_is_told_apart(base, monkeypatch):
    monkeypatch.setattr(objective, "target_losses", lambda *_: torch.tensor([math.nan]))
    with pytest.raises(train.Diverged, match=r"after 0 steps.*engine\.dtype"):
        trainer(base, ROWS, steps=2).run(lambda: False, lambda: None, save_every=1e9)


def test_a_loss_far_above_the_first_for_long_stops_the_run(base, monkeypatch):
    real, run, saved = objective.target_losses, trainer(base, ROWS, steps=200), []

    def rising(*arguments):
        return real(*arguments) * (10 if run.progress.step >= 5 else 1)

    monkeypatch.setattr(objective, "target_losses", rising)
    with pytest.raises(train.Diverged, match=r"step 55 .* 50 steps.*lower the learning rate"):
        run.run(lambda: False, lambda: saved.append(run.state()), save_every=1e9)
    assert saved[-1]["progress"]["step"] == 54


def test_a_prompt_that_changes_no_logits_is_an_error(place):
    again = subprocess.run(command(*place, "a", method={"learning_rate": 1e-12}), stderr=subprocess.PIPE, text=True)
    assert again.returncode != 0 and "raise the learning rate" in again.stderr
    assert not (place[1] / "a/m/t/pt/tokens-5/seed-1/tuning.json").exists()


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "bloom", "llama"])
def test_fifty_steps_equal_those_of_pefts_plain_loop(architecture, tmp_path):
    """Same initial prompt, rows, optimiser and clipping."""
    from peft import PromptTuningConfig, get_peft_model
    from tiny import save_tiny_model
    from transformers import AutoModelForCausalLM

    from softshot.engine.base import load

    save_tiny_model(architecture, tmp_path, projected=False)
    run = trainer(load(tmp_path), ROWS, rate=0.003, steps=50, schedule="constant", warmup=0.0)
    initial = run.adapter().detach().clone()
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3, prompt_tuning_init="RANDOM")
    theirs = get_peft_model(AutoModelForCausalLM.from_pretrained(tmp_path).eval(), config)
    prompt = theirs.prompt_encoder["default"].embedding.weight
    prompt.data.copy_(initial)
    optimizer = torch.optim.AdamW([prompt], lr=0.003, weight_decay=0.0)
    order = batches(ROWS, 4, seed=1)
    for _ in range(50):
        rows = next(order)
        run.step([rows])
        ids = torch.tensor([row.context + row.target for row in rows])
        labels = ids.clone()
        labels[:, :3] = -100
        loss = theirs(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_([prompt], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        assert run.progress.history[-1]["loss"] == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(run.adapter().detach(), prompt.detach(), rtol=0, atol=1e-5)
    assert (prompt.detach() - initial).abs().max() > 0.01


def test_early_stopping_ends_the_run(base, monkeypatch):
    real, run = objective.target_losses, trainer(base, ROWS, steps=30, patience=2, validate_every=5)

    def rising(*arguments):
        return real(*arguments) + 1000 * run.progress.step

    monkeypatch.setattr(objective, "target_losses", rising)
    assert run.run(lambda: False, lambda: None, save_every=1e9)
    assert run.progress.stopped_early
    assert (run.progress.step, run.progress.best_step) == (10, 0)


def test_the_last_state_may_be_kept_which_no_validation_loss_has_chosen(base, monkeypatch):
    real, run = objective.target_losses, trainer(base, ROWS, steps=6, keep="last", validate_every=2)
    monkeypatch.setattr(objective, "target_losses", lambda *rows: real(*rows) + 1000 * run.progress.step)
    assert run.run(lambda: False, lambda: None, save_every=1e9)
    last = run.adapter().detach().clone()
    assert run.progress.best_step == 6
    run.finish()
    assert torch.equal(run.adapter().detach(), last)


def test_every_row_is_seen_once_an_epoch_and_like_lengths_share_a_batch():
    rows = [Row(str(i), [0] * (i % 50 + 1), [1]) for i in range(230)]
    order = batches(rows, 8, seed=3)
    first, second = ([next(order) for _ in range(29)] for _ in range(2))  # 128 rows make 16 batches, 102 make 13
    for epoch in (first, second):
        assert sorted(row.id for batch in epoch for row in batch) == sorted(row.id for row in rows)
        assert max(len(batch[-1]) - len(batch[0]) for batch in epoch) < 15
    assert first != second


def test_no_row_is_laid_out_before_its_window():
    class Counted(list):
        asked: ClassVar[set[int]] = set()

        def __getitem__(self, place):
            self.asked.add(place)
            return super().__getitem__(place)

    rows = Counted(Row(str(i), [0] * (i % 50 + 1), [1]) for i in range(1000))
    order = batches(rows, 4, seed=3)
    for _ in range(16):
        next(order)
    assert len(rows.asked) == 16 * 4
    next(order)
    assert len(rows.asked) == 2 * 16 * 4


def test_learning_rate_schedules():
    def rates(**settings):
        loop = TuningSettings(steps=100, warmup=0.1, **settings)
        return [learning_rate(step, loop, 1.0) for step in range(100)]

    for schedule in ("constant", "linear", "cosine"):
        values = rates(schedule=schedule)
        assert values[:10] == sorted(values[:10]) and 0 < values[0] < values[9] < 1
        assert values[10] == 1.0
    assert rates(schedule="constant")[-1] == 1.0
    assert rates(schedule="linear")[55] == pytest.approx(0.5)
    assert rates(schedule="cosine")[55] == pytest.approx(0.5)
    assert 0 < rates(schedule="linear")[-1] < 0.02
