"""The generation program: scores do not depend on the batch size, and what is stored says what was shown."""

import json
import subprocess
import sys

import pytest

from softshot.demonstrations import table
from softshot.demonstrations.sample import Random
from softshot.engine.base import load
from softshot.errors import UserError
from softshot.files import PREDICTIONS, read_json, read_jsonl, write_json, write_jsonl
from softshot.generation import __main__ as program
from softshot.methods import prompt_tuning
from softshot.methods.registry import PromptTuning

RECORDS = [
    {"id": f"r{n}", "input": text, "target": "Paris", "references": ["Paris"], "meta": {}}
    for n, text in enumerate(["the lazy dog", "a river", "Play some music by the river now", "jumps", "fox 0123456789"])
]


def test_icl_scores_do_not_depend_on_the_batch_size(tiny_models, tmp_path):
    records, neighbours = tmp_path / "test.jsonl", tmp_path / "neighbours.parquet"
    records.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    table.write(neighbours, Random(RECORDS, 3, seed=1).search(RECORDS), 3, {})
    settings = {"engine": {"context": 150}, "shots": 2, "method": {"name": "none"}}
    settings["generation"] = {"max_new_tokens": 12}
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
        assert (run["arm"], run["variant"], run["seed"], run["tuning"]) == ("icl", "random-2", "seed-1", None)
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
    prompt_tuning.new(base, 3, PromptTuning(initialisation="uniform"), [], seed=0).save(source / "adapter")
    made_by = {"template": {"instruction": "Of the other."}, "method": {"name": "prompt-tuning", "size": 3}}
    write_json(source / "tuning.json", {"settings": made_by, "tuning": {"seconds": 1.5}, "commit": "abc"})

    def run(place: str, method: str, adapter: bool) -> list[dict]:
        settings = {
            "engine": {"context": 150},
            "template": {"instruction": "Say."},
            "shots": 1,
            "method": {"name": method},
            "generation": {"max_new_tokens": 8},
        }
        files = ["--train", tmp_path / "test.jsonl", "--records", tmp_path / "test.jsonl"]
        files += ["--demonstrations", tmp_path / "near.parquet", "--model", tiny_models["gpt2"]]
        files += ["--out", tmp_path / place, *(["--adapter", source / "adapter"] if adapter else [])]
        monkeypatch.setattr(sys, "argv", ["softshot.generation", "--settings", json.dumps(settings), *map(str, files)])
        program.main()
        return read_jsonl(tmp_path / place / PREDICTIONS)

    return run


def test_a_transferred_prompt_stands_before_the_targets_demonstrations(generate, tmp_path):
    place = "m/t/pt/from-other_tokens-3_random-1/seed-1"
    transferred = generate(place, "prompt-tuning", adapter=True)
    note = read_json(tmp_path / place / "run.json")
    assert note["settings"]["template"] == {"instruction": "Say."}, "the rows are the target's"
    assert note["settings"]["method"] == {"name": "prompt-tuning", "size": 3}
    assert note["tuning"] == {
        **{"seconds": 1.5, "commit": "abc"},
        **{"run": "m/other/pt/tokens-3/seed-1", "template": {"instruction": "Of the other."}},
    }
    alone = generate("m/t/icl/random-1/seed-1", "none", adapter=False)
    assert [row["demonstrations"] for row in transferred] == [row["demonstrations"] for row in alone]
    assert [row["input_tokens"] for row in transferred] == [row["input_tokens"] for row in alone]
    assert [row["prediction"] for row in transferred] != [row["prediction"] for row in alone], "the prompt is seen"
    assert transferred == generate("m/t/ipt/tokens-3_random-1/seed-1", "prompt-tuning", adapter=True)


def test_a_run_and_its_adapter_come_together(generate):
    with pytest.raises(UserError, match="a run of prompt-tuning needs --adapter"):
        generate("m/t/pt/from-other_tokens-3_random-1/seed-1", "prompt-tuning", adapter=False)
    with pytest.raises(UserError, match="a run of none has no use for --adapter"):
        generate("m/t/icl/random-1/seed-1", "none", adapter=True)
