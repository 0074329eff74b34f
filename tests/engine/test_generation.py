"""The generation program: scores do not depend on the batch size, and what is stored says what was shown."""

import json
import subprocess
import sys

from softshot.demonstrations import table
from softshot.demonstrations.sample import Random

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
        scoring = ["--records", str(records), "--predictions", str(out / "predictions.jsonl"), "--out", str(out)]
        metrics = ["--settings", '{"metrics": ["chrf", "exact_match"]}']
        subprocess.run([sys.executable, "-m", "softshot.scoring", *metrics, *scoring], check=True)
        outputs.append([(out / name).read_text() for name in ("predictions.jsonl", "scores.json")])
        run = json.loads((out / "run.json").read_text())
        assert (run["arm"], run["retriever"], run["shots"], run["tuning"]) == ("icl", "random", 2, None)
        assert run["demonstrations"]["neighbours"] == "3"
        memory.append(run["generation"]["kv_cache_mb"])
    assert outputs[0] == outputs[1]
    assert memory[1] == 5 * memory[0] > 0
    shown = [json.loads(line)["demonstrations"] for line in outputs[0][0].splitlines()]
    assert all(len(demonstrations) == 2 for demonstrations in shown)
    assert all(record["id"] not in {d["id"] for d in seen} for record, seen in zip(RECORDS, shown, strict=True))
