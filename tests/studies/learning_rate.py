"""`python tests/studies/learning_rate.py [DATA]`: tune at several learning rates and initialisations, print a table.

One study is run again and again with one value changed, so that only its tuning jobs run again. DATA is a
folder with MTOP's official files, or `official`; without it the study has the excerpts of tests/data. What was
measured is kept in results/learning-rate/table.tsv; what stands there is not measured again.
"""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

STUDY = Path("tests/studies/learning_rate.yaml")
TABLE = Path("results/learning-rate/table.tsv")
COLUMNS = [
    "task",
    "arm",
    "initialisation",
    "learning rate",
    "validation loss before",
    "best validation loss",
    "seconds",
]
VALUES = [("demonstrations", rate) for rate in (0.03, 0.003, 0.01, 0.1, 0.3)] + [("vocabulary", 0.03)]


def tune(initialisation: str, rate: float, source: str) -> list[list]:
    """Run the study with these values on the records from `source`; one row per run."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        values = {"initialisation": initialisation, "learning_rate": rate}
        yaml.safe_dump({"methods": {"prompt-tuning": values}, "data": {"source": source}}, file)
        file.flush()
        runs = "results/learning-rate/runs/smollm2-135m/mtop"
        targets = [f"{runs}/{run}/seed-1/tuning.json" for run in ("pt/tokens-25", "ipt/tokens-25_retrieved-1")]
        command = ["snakemake", "--quiet", "all", "--cores", "2", *targets, "--configfile", str(STUDY), file.name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    rows = []
    for target in map(Path, targets):
        tuning = json.loads(target.read_text())["tuning"]
        task, arm = target.parts[-5:-3]
        losses = [f"{tuning[key]:.3f}" for key in ("first_validation_loss", "best_validation_loss")]
        rows.append([task, arm, initialisation, str(rate), *losses, f"{tuning['seconds']:.0f}"])
    return rows


def main() -> None:
    """Measure what is missing, then print everything as a Markdown table."""
    source = sys.argv[1] if len(sys.argv) > 1 else "tests/data"
    rows = list(csv.reader(TABLE.open(), delimiter="\t"))[1:] if TABLE.exists() else []
    for initialisation, rate in VALUES:
        if [initialisation, str(rate)] in [row[2:4] for row in rows]:
            continue
        rows += tune(initialisation, rate, source)
        with TABLE.open("w") as file:
            csv.writer(file, delimiter="\t", lineterminator="\n").writerows([COLUMNS, *rows])
        print(f"{initialisation}, {rate}: done", file=sys.stderr)
    ordered = sorted(rows, key=lambda row: (row[0], row[1] != "pt", row[2], float(row[3])))
    for row in [COLUMNS, ["---"] * len(COLUMNS), *ordered]:
        print("| " + " | ".join(row) + " |")


main()
