"""`python tests/studies/icl_loss.py tests/studies/real.yaml`: ICL's loss where tuning takes its validation loss.

The loss per target token of in-context learning on a finished study's validation records, with random
(first seed) and retrieved demonstrations, beside the best validation losses of its PT and IPT runs.
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, "workflow")

from softshot import configuration
from softshot import study as studies
from softshot.configfiles import merged
from softshot.demonstrations.sample import Random
from softshot.demonstrations.table import read_neighbours
from softshot.engine import base as engine_base
from softshot.engine.layout import Layout, RowSettings
from softshot.engine.loss import target_losses
from softshot.files import read_jsonl


def icl_loss(base, layout, train: list[dict], validation: list[dict], neighbours: dict[str, list[str]]) -> float:
    """Mean cross-entropy per target token with one demonstration a record."""
    pool = {record["id"]: record for record in train}
    total, count = 0.0, 0
    for record in validation:
        row = layout.tuning_row(record, [pool[neighbours[record["id"]][0]]], record["target"], 0)
        with torch.no_grad():
            losses = target_losses(base, None, [row])
        total, count = total + losses.sum().item(), count + len(losses)
    return total / count


def main() -> None:
    """Print one line per model, task and arm."""
    study = configuration.load(merged([Path("config.yaml"), Path(sys.argv[1])]))
    folder = Path("results") / study.study
    for model in study.models.use:
        base = engine_base.load(Path("resources/models") / model, study.engine.dtype)
        for task in study.data.tasks:
            layout = Layout(base, RowSettings(engine=study.engine, template=studies.template(study, task)))
            train = read_jsonl(folder / f"data/{task}/train.jsonl")
            validation = read_jsonl(folder / f"data/{task}/validation.jsonl")[: study.tuning.validation_records]
            drawn = {row.id: row.neighbours for row in Random(train, 1, study.seeds[0]).search(validation)}
            table = read_neighbours(folder / f"demonstrations/{task}/retrieved/validation.parquet")
            found = {record: [neighbour for neighbour, _ in pairs] for record, pairs in table.items()}
            for name, neighbours in (("icl random-1", drawn), ("icl retrieved-1", found)):
                print(model, task, name, f"{icl_loss(base, layout, train, validation, neighbours):.3f}", sep="\t")
            for path in sorted((folder / "runs" / model / task).glob("*pt/*/*/tuning.json")):
                loss = json.loads(path.read_text())["tuning"]["best_validation_loss"]
                print(model, task, "/".join(path.parts[-4:-1]), f"{loss:.3f}", sep="\t")


main()
