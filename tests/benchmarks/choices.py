"""Choices side by side: softshot, and lm-evaluation-harness on the same model, records and rows.

python tests/benchmarks/choices.py --model MODEL --data DATA --out FOLDER [--records N] [--repeats N]

DATA holds `sick/SICK_test_annotated.txt`, of three choices, and `clinc/data_small.json` with `domains.json`, of 150.
Rows are the input and `=>`, and with demonstrations two training records before it. The harness gets its rows as texts
where no demonstration is shown, and as softshot's token ids elsewhere: softshot writes a row piece by piece. Both have
one thread and the same batch. It is no dependency of the project: `pip install lm-eval==0.4.13` beside it.
"""

import argparse
import os
import statistics
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from common import seconds  # noqa: E402
from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from tables import markdown  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from softshot import catalogue  # noqa: E402
from softshot.data.convert import read_records  # noqa: E402
from softshot.engine import base as engine_base  # noqa: E402
from softshot.engine.choices import log_likelihoods  # noqa: E402
from softshot.engine.layout import Layout, Row, RowSettings  # noqa: E402
from softshot.files import write_json, write_text  # noqa: E402
from softshot.provenance import provenance  # noqa: E402
from softshot.scoring.score import score_texts  # noqa: E402
from softshot.settings import EngineSettings  # noqa: E402
from softshot.task import TaskSettings  # noqa: E402

BATCH = 16
FEWER = 4  # times fewer records of CLINC, each of which is 150 requests to the harness
LABELS = ["NEUTRAL", "ENTAILMENT", "CONTRADICTION"]
SICK = {
    "files": {"train": "SICK_train.txt"},
    "carve": {"validation": 0.1, "test": 0.1},
    "table": {"input": "{sentence_A} / {sentence_B}", "target": "{entailment_judgment}", "choices": LABELS},
    "metrics": ["accuracy"],
}
Sums = list[list[float]]


def main() -> None:
    """Measure, compare, write `choices.json` and `choices.md`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--data", type=Path, required=True, help="folder of sick/ and clinc/")
    parser.add_argument("--records", type=int, default=64, help="of each task")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    torch.set_num_threads(1)
    base = engine_base.load(args.model, "float32")
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(args.model, local_files_only=True)
    harness = HFLM(pretrained=model, tokenizer=tokenizer, device="cpu", batch_size=BATCH)
    results = []
    for name, shots in (("SICK", 0), ("SICK", 2), ("CLINC", 0)):
        results.append(compared(base, harness, name, shots, args))
        print(table(results[-1:]), file=sys.stderr)
    write_json(args.out / "choices.json", {"results": results, **provenance()})
    write_text(args.out / "choices.md", table(results))
    print(table(results))


def compared(base: engine_base.Base, harness: HFLM, name: str, shots: int, args: argparse.Namespace) -> dict:
    """Both on one task: seconds in turns, the largest difference of a log-likelihood, and the accuracies."""
    records, shown = records_of(name, args.data)
    layout = Layout(base, RowSettings(engine=EngineSettings(context=512)))
    count = max(1, args.records // (1 if name == "SICK" else FEWER))
    records = records[:: len(records) // count][:count]  # from all over the file: official files are in an order
    rows = [layout.generation_row(record, shown[:shots], None) for record in records]
    times: dict[str, list[float]] = {"softshot": [], "harness": []}
    ours = theirs = None
    for _ in range(args.repeats):

        def run_ours() -> None:
            nonlocal ours
            of = {row.id: sums for row, sums in log_likelihoods(base, None, rows, BATCH)}
            ours = [of[row.id] for row in rows]

        def run_theirs() -> None:
            nonlocal theirs
            theirs = by_ids(harness, rows) if shots else by_texts(harness, records)

        times["softshot"].append(seconds(run_ours)[0])
        times["harness"].append(seconds(run_theirs)[0])
    difference = max(
        abs(a - b) for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True)
    )
    scored = [
        record | {"log_likelihoods": sums, "choice_tokens": list(map(len, row.choices))}
        for record, sums, row in zip(records, ours, rows, strict=True)
    ]
    scores = score_texts(["accuracy", "acc_norm"], scored, [""] * len(records))[0]["scores"]
    medians = {contestant: statistics.median(values) for contestant, values in times.items()}
    return {
        "task": name,
        "shots": shots,
        "choices": len(records[0]["choices"]),
        "records": len(records),
        "seconds": times,
        "records_per_second": {contestant: len(records) / value for contestant, value in medians.items()},
        "ratio": medians["harness"] / medians["softshot"],
        "difference": difference,
        "softshot": scores,
        "harness": accuracies(records, theirs),
    }


def records_of(name: str, data: Path) -> tuple[list[dict], list[dict]]:
    """The task's test records, and training records to show."""
    if name == "SICK":
        entry, files = TaskSettings(**SICK), ("SICK_test_annotated.txt", "SICK_train.txt")
        return tuple(list(read_records("sick", entry, data / "sick" / file, "train")) for file in files)
    entry = catalogue.task_entry("clinc", {})
    path = data / "clinc" / "data_small.json"
    return tuple(list(read_records("clinc", entry, path, split)) for split in ("test", "train"))


def by_texts(harness: HFLM, records: list[dict]) -> Sums:
    """The harness as it is used: every choice is a request, with its context as text."""
    requests = [
        Instance("loglikelihood", {}, (f"{record['input']} =>", f" {choice}"), n)
        for n, record in enumerate(records)
        for choice in record["choices"]
    ]
    return grouped(harness.loglikelihood(requests, disable_tqdm=True), [len(record["choices"]) for record in records])


def by_ids(harness: HFLM, rows: list[Row]) -> Sums:
    """The same of token ids."""
    requests = [
        ((f"{n}", str(place)), row.context, list(choice))
        for n, row in enumerate(rows)
        for place, choice in enumerate(row.choices)
    ]
    found = harness._loglikelihood_tokens(requests, disable_tqdm=True)  # nothing public takes ids
    return grouped(found, [len(row.choices) for row in rows])


def grouped(found: list[tuple[float, bool]], counts: list[int]) -> Sums:
    """The requests' log-likelihoods by record."""
    sums = iter(value for value, _ in found)
    return [[next(sums) for _ in range(count)] for count in counts]


def accuracies(records: list[dict], sums: Sums) -> dict[str, float]:
    """`acc` and `acc_norm` as the harness takes them from log-likelihoods (ConfigurableTask.process_results)."""
    gold = [record["choices"].index(record["target"]) for record in records]
    lengths = [[float(len(choice)) for choice in record["choices"]] for record in records]
    plain = [np.argmax(one) for one in sums]
    normalised = [np.argmax(np.array(one) / length) for one, length in zip(sums, lengths, strict=True)]
    return {
        "accuracy": 100 * float(np.mean(np.equal(plain, gold))),
        "acc_norm": 100 * float(np.mean(np.equal(normalised, gold))),
    }


def table(results: list[dict]) -> str:
    """The results for docs/benchmarks.md."""
    head = ["task", "choices", "shots", "records", "softshot records/s", "harness records/s", "ratio"]
    head += ["largest difference, nats", "acc", "acc, harness", "acc_norm", "acc_norm, harness"]
    rows = [
        [
            *(one["task"], str(one["choices"]), str(one["shots"]), str(one["records"])),
            *(f"{one['records_per_second'][contestant]:.2f}" for contestant in ("softshot", "harness")),
            *(f"{one['ratio']:.1f}", f"{one['difference']:.1e}"),
            *(f"{one[who][metric]:.2f}" for metric in ("accuracy", "acc_norm") for who in ("softshot", "harness")),
        ]
        for one in results
    ]
    return markdown(head, rows)


if __name__ == "__main__":
    main()
