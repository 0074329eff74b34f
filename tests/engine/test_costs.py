"""What runs cost: counts against what really ran through the model, memory, and what a job's record says."""

import json
import subprocess
import sys

import pytest
import torch
from test_tuning import command, prepare, run_folder
from tiny import save_tiny_model

from softshot.engine.base import load
from softshot.engine.decoding import decode
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.passes import Passes
from softshot.engine.prefix import Prefix, states_of
from softshot.engine.stops import Stops
from softshot.generation.drift import losses, neutral_rows
from softshot.peak_memory import FORGET
from softshot.settings import GenerationSettings

ROWS = [Row(str(n), [7 + n, 20, 31, 4, 9][: 2 + n], [30 + n, 9, 50][: 1 + n]) for n in range(3)]


def prefixes(base):
    """None, a soft prompt, and keys and values."""
    soft = Prefix(embeddings=torch.randn(4, base.embedding_size, generator=torch.Generator().manual_seed(1)))
    return {"none": None, "embeddings": soft, "states": states_of(base, [5, 6, 7, 8])}


def through_the_body(base):
    """Tokens that run through the model's first linear layer from here on: a list of their numbers."""
    layer = next(module for module in base.model.base_model.modules() if "attention" in type(module).__name__.lower())
    counts = []

    def note(_, given, options):
        hidden = given[0] if given else options["hidden_states"]
        counts.append(hidden.shape[:-1].numel())

    layer.register_forward_pre_hook(note, with_kwargs=True)
    return counts


@pytest.mark.parametrize("kind", ["none", "embeddings", "states"])
def test_what_a_batch_reads_is_what_runs_through_the_model(base, kind):
    prefix, passes = prefixes(base)[kind], Passes()
    counts = through_the_body(base)
    target_losses(base, prefix, ROWS)
    passes.add_batch(prefix, ROWS)
    assert passes.read == sum(counts)
    assert passes.target_tokens == passes.predicted == 1 + 2 + 3
    assert passes.tokens == sum(map(len, ROWS))
    before, own = (0 if prefix is None else 4), (4 if kind == "embeddings" else 0)
    pairs = [(before, len(row) - 1) for row in ROWS] + [(0, own)]
    assert passes.attended == sum(seen + place + 1 for seen, tokens in pairs for place in range(tokens))


@pytest.mark.parametrize("kind", ["none", "embeddings", "states"])
def test_what_a_prediction_reads_is_what_runs_through_the_model_for_it_alone(base, kind):
    prefix, row = prefixes(base)[kind], Row("r", [7, 20, 31, 4])
    counts = through_the_body(base)
    settings = GenerationSettings.model_construct(max_new_tokens=6, beams=1)
    (output,) = decode(base, prefix, [row], settings, Stops.of(base, "\n\n"), 1)
    passes = Passes()
    passes.add_prediction(prefix, row, output.tokens, beams=1)
    assert passes.read == sum(counts) - (4 if kind == "embeddings" else 0), "the prefix runs once for all rows"
    assert passes.predicted == output.tokens
    before = 0 if prefix is None else 4
    assert passes.attended == sum(before + place + 1 for place in range(passes.read))


HOLDING = """
import json, torch
from softshot.peak_memory import PeakMemory
memory = PeakMemory()
passing = torch.ones(40 * 2**18)  # 40 MB
del passing
memory.loaded()
held = torch.ones(20 * 2**18)
print(json.dumps(memory.facts()))
"""


def test_the_peak_is_what_is_held_at_once_since_the_model_is_there():
    """In a process of its own: what other tests have freed may be used again, and was resident before."""
    facts = json.loads(subprocess.run([sys.executable, "-c", HOLDING], capture_output=True, check=True).stdout)
    assert 19 <= facts["peak_memory_mb"] <= 70
    if FORGET.exists():
        assert facts["peak_memory_mb"] < 35 and facts["loading_peak_memory_mb"] >= 39
    assert facts["memory_before_mb"] > 50


def test_a_tuning_jobs_record_says_what_it_took(tiny_models, tmp_path):
    model, folder = prepare(tiny_models["gpt2"], tmp_path), tmp_path
    subprocess.run(command(model, folder, "a", steps=4, accumulation=2, validate_every=2), check=True)
    out = run_folder(folder, "a")
    note = json.loads((out / "tuning.json").read_text())
    facts = note["tuning"]
    files = [out / "adapter" / name for name in ("adapter_model.safetensors", "adapter_config.json")]
    assert facts["adapter_bytes"] == sum(file.stat().st_size for file in files)
    assert facts["positions_added"] == 5
    assert facts["seconds"] == pytest.approx(facts["step_seconds"] + facts["validation_seconds"])
    assert min(facts["step_seconds"], facts["validation_seconds"]) > 0
    assert facts["quantised_weights"] == 0
    # Twelve rows: 4 steps of 2 batches of 4 see each 32 / 12 times, three validations see each once in three batches.
    each = facts["validated"]["target_tokens"] / 3
    assert facts["trained"]["target_tokens"] == pytest.approx(each * 32 / 12, rel=0.1)
    prompts = {"trained": 8, "validated": 9}
    rows = {"trained": 32, "validated": 36}
    for name, count in prompts.items():
        assert facts[name]["read"] == facts[name]["tokens"] - rows[name] + 5 * count
    lines = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    for name in ("tokens", "target_tokens"):
        assert sum(line[name] for line in steps) == facts["trained"][name]
    assert 0 < facts["target_tokens_per_second"] < facts["tokens_per_second"]


@pytest.fixture
def wider(tmp_path):
    """A tiny model that can be packed, as the stage programs find it."""
    save_tiny_model("llama", tmp_path / "saved", wider=2)
    return prepare(tmp_path / "saved", tmp_path)


@pytest.mark.parametrize(
    ("method", "base", "merged", "positions"),
    [
        ("lora", "nf4-dequantised", True, 0),
        pytest.param("prompt-tuning", "nf4-dequantised", False, 4, marks=pytest.mark.long),
        pytest.param("lora", "nf4", False, 0, marks=pytest.mark.long),
    ],
)
def test_a_predicting_jobs_record_says_what_it_took(wider, tmp_path, method, base, merged, positions):
    out = tmp_path / "m/t/arm/variant/seed-1"
    adapted = {"name": method, "size": 4, "settings": {"learning_rate": 0.05}}
    rows = {"engine": {"context": 60}, "base": base}
    tuning = rows | {"method": adapted, "tuning": {"steps": 6, "batch_size": 4}, "max_new_tokens": 10}
    predicting = rows | {"method": {"name": method}, "generation": {"max_new_tokens": 5}, "neutral_tokens": 50}
    files = ["--model", wider, "--train", tmp_path / "train.jsonl", "--out", out]
    for program, settings, more in (
        ("tuning", tuning, ["--validation", tmp_path / "validation.jsonl", "--seed", "1"]),
        ("generation", predicting, ["--records", tmp_path / "validation.jsonl", "--adapter", out / "adapter"]),
    ):
        arguments = ["--settings", json.dumps(settings), *map(str, files + more)]
        subprocess.run([sys.executable, "-m", f"softshot.{program}", *arguments], check=True)
    note = json.loads((out / "run.json").read_text())
    facts, forgotten = note["generation"], note["drift"]
    assert (facts["merged"], facts["positions_added"]) == (merged, positions)
    assert note["settings"]["base"] == base
    assert facts["quantised_weights"] == note["tuning"]["quantised_weights"] > 10_000
    assert facts["passes"]["tokens"] == facts["input_tokens"] + facts["output_tokens"]
    assert forgotten["tokens"] == 50 and forgotten["after"] != forgotten["before"] > 0
    bare = load(wider, weights=base)
    whole = sum(losses(bare, None, neutral_rows(bare, 50, 60)))
    assert forgotten["before"] == pytest.approx(whole / 50, rel=1e-5), "of the rounded model, before the adapter"
