"""The generation program: scores do not depend on the batch size, and what is stored says what was shown."""

import json
import subprocess
import sys

import pytest
import torch

from softshot.demonstrations import table
from softshot.demonstrations.sample import Random
from softshot.engine.arms import soft_prompt
from softshot.engine.base import load
from softshot.errors import UserError
from softshot.files import PREDICTIONS, read_json, read_jsonl, write_json, write_jsonl
from softshot.generation import __main__ as program

RECORDS = [
    {"id": f"r{n}", "input": text, "target": "Paris", "references": ["Paris"], "meta": {}}
    for n, text in enumerate(["the lazy dog", "a river", "Play some music by the river now", "jumps", "fox 0123456789"])
]


def test_icl_scores_do_not_depend_on_the_batch_size(tiny_models, tmp_path):
    records, neighbours = tmp_path / "test.jsonl", tmp_path / "neighbours.parquet"
    records.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    table.write(neighbours, Random(RECORDS, 3, seed=1).search(RECORDS), 3, {})
    settings = {"engine": {"context": 150}, "generation": {"max_new_tokens": 12}}
    outputs, memory = [], []
    for batch_size in (1, 5):
        out = tmp_path / str(batch_size) / "m/t/icl/random-2/seed-1"
        common = ["--settings", json.dumps(settings), "--train", str(records), "--records", str(records)]
        common += ["--demonstrations", str(neighbours), "--batch-size", str(batch_size), "--out", str(out)]
        model = str(tiny_models["bloom"])
        subprocess.run([sys.executable, "-m", "softshot.generation", "--model", model, *common], check=True)
        scoring = ["--records", str(records), "--predictions", str(out / PREDICTIONS), "--out", str(out)]
        metrics = ["--settings", '{"metrics": ["chrf", "exact_match"]}']
        subprocess.run([sys.executable, "-m", "softshot.scoring", *metrics, *scoring], check=True)
        outputs.append([(out / name).read_bytes() for name in (PREDICTIONS, "scores.json")])
        run = json.loads((out / "run.json").read_text())
        assert (run["arm"], run["retriever"], run["shots"], run["tuning"]) == ("icl", "random", 2, None)
        assert run["demonstrations"]["neighbours"] == "3"
        memory.append(run["generation"]["kv_cache_mb"])
    assert outputs[0] == outputs[1]
    assert memory[1] == 5 * memory[0] > 0
    shown = [row["demonstrations"] for row in read_jsonl(out / PREDICTIONS)]
    assert all(len(demonstrations) == 2 for demonstrations in shown)
    assert all(record["id"] not in {d["id"] for d in seen} for record, seen in zip(RECORDS, shown, strict=True))


@pytest.fixture
def generate(tiny_models, tmp_path, monkeypatch):
    """A function that generates one run's predictions, with a prompt tuned as PT on the task `other` beside it."""
    base = load(tiny_models["gpt2"])
    write_jsonl(tmp_path / "test.jsonl", RECORDS)
    table.write(tmp_path / "near.parquet", Random(RECORDS, 3, seed=1).search(RECORDS), 3, {})
    source = tmp_path / "m/other/pt/tokens-3/seed-1"
    soft_prompt.save(torch.randn(3, 32, generator=torch.Generator().manual_seed(0)), base, source)
    made_by = {"template": {"instruction": "Of the other."}, "tuning": {"steps": 7}}
    write_json(source / "tuning.json", {"settings": made_by, "tuning": {"seconds": 1.5}, "commit": "abc"})

    def run(place: str, prompt: bool) -> list[dict]:
        settings = {
            "engine": {"context": 150},
            "template": {"instruction": "Say."},
            "generation": {"max_new_tokens": 8},
        }
        files = ["--train", tmp_path / "test.jsonl", "--records", tmp_path / "test.jsonl"]
        files += [
            "--demonstrations",
            tmp_path / "near.parquet",
            "--model",
            tiny_models["gpt2"],
            "--out",
            tmp_path / place,
        ]
        files += ["--prompt", source] if prompt else []
        monkeypatch.setattr(sys, "argv", ["softshot.generation", "--settings", json.dumps(settings), *map(str, files)])
        program.main()
        return read_jsonl(tmp_path / place / PREDICTIONS)

    return run


def test_a_transferred_prompt_stands_before_the_targets_demonstrations(generate, tmp_path):
    place = "m/t/transfer/from-other_tokens-3_random-1/seed-1"
    transferred = generate(place, prompt=True)
    note = read_json(tmp_path / place / "run.json")
    assert (note["arm"], note["source"], note["tokens"], note["shots"]) == ("transfer", "other", 3, 1)
    assert note["settings"]["template"] == {"instruction": "Say."}, "the rows are the target's"
    assert note["settings"]["tuning"] == {"steps": 7}
    assert note["tuning"] == {
        **{"seconds": 1.5, "commit": "abc"},
        **{"run": "m/other/pt/tokens-3/seed-1", "template": {"instruction": "Of the other."}},
    }
    alone = generate("m/t/icl/random-1/seed-1", prompt=False)
    assert [row["demonstrations"] for row in transferred] == [row["demonstrations"] for row in alone]
    assert [row["input_tokens"] for row in transferred] == [row["input_tokens"] for row in alone]
    assert [row["prediction"] for row in transferred] != [row["prediction"] for row in alone], "the prompt is seen"
    as_its_own = generate("m/t/ipt/tokens-3_random-1/seed-1", prompt=True)
    assert transferred == as_its_own, "the same prompt before the same rows"


def test_a_run_and_its_prompt_come_together(generate):
    with pytest.raises(UserError, match="a run with 3 soft tokens needs --prompt"):
        generate("m/t/transfer/from-other_tokens-3_random-1/seed-1", prompt=False)
    with pytest.raises(UserError, match="a run with 0 soft tokens has no use for --prompt"):
        generate("m/t/icl/random-1/seed-1", prompt=True)
