"""Processor time of every metric on one core: DART's whole test set, and 10,000 records of each other task.

python tests/benchmarks/scoring.py [DATA]

DATA (tests/data) holds real records in their official layout. Where it has fewer than are scored they are repeated,
each copy with a word of its own in every text, so that no tokeniser finds a text in its cache. Predictions are
references with words left out, swapped and doubled; for SQL they are those of the official example.
"""

import gc
import itertools
import os
import random
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))
os.environ["OMP_NUM_THREADS"] = "1"

from tables import markdown  # noqa: E402

from softshot import catalogue  # noqa: E402
from softshot.data.convert import read_records  # noqa: E402
from softshot.scoring import command, score  # noqa: E402

DART = {1: 1476, 2: 1094, 3: 2527}  # references that count -> records of the official test set
RECORDS = 10_000
LIMIT = 20  # seconds
Corpus = tuple[list[dict], list[str]]


def main() -> None:
    """Print a table: what was scored, how many records and references, seconds."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "data"
    if not data.is_dir():
        sys.exit(f"{data}: no such folder; give the folder that holds dart/, totto/, ... in their official layout")
    cases: list[tuple[str, list[str], Callable[[Path], Corpus]]] = [
        ("DART", ["dart_bleu", "chrf", "dart_ter"], dart),
        *(("DART", [name], dart) for name in ("dart_bleu", "bleu", "chrf", "dart_ter", "ter")),
        ("ToTTo", ["totto_bleu"], totto),
        ("ToTTo", ["parent"], totto),
        *(("Logic2Text", [name], logic2text) for name in ("blec", "logic2text_rouge", "rouge_l", "token_f1", "ter")),
        *(("MTOP", [name], mtop) for name in ("exact_match", "frame_accuracy", "chrf")),
        *(("Spider", [name], spider) for name in ("exact_set_match", "partial_match")),
        ("Spider", ["execution_accuracy"], databases),
    ]
    rows = []
    for task, names, make in cases:
        records, predictions = make(data)
        references = sum(len(record["references"][:3]) for record in records)
        spent = seconds(lambda: score.score_texts(names, records, predictions, data / "spider"))  # noqa: B023
        rows.append([f"{task}: {', '.join(names)}", f"{len(records):,}", f"{references:,}", f"{spent:.1f}"])
        print(*rows[-1], sep="  ", flush=True, file=sys.stderr)
    print(markdown([f"limit {LIMIT} s", "records", "references", "seconds"], rows))


def seconds(run: Callable[[], object]) -> float:
    """The processor's seconds of this process and of those it starts, imports included."""
    start = clock()
    run()
    gc.collect()  # ends what a metric has started
    return clock() - start


def clock() -> float:
    """The processor's seconds so far, of this process and of those that it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def dart(data: Path) -> Corpus:
    """As many records with one, two and three references as the official test set has: 5,097 and 11,245."""
    pools: dict[int, list[dict]] = {count: [] for count in DART}
    for record in [*real_records("dart", data, "test"), *real_records("dart", data, "validation")]:
        pools[min(len(record["references"]), 3)].append(record)
    records = [record for count, size in DART.items() for record in itertools.islice(copies(pools[count]), size)]
    return records, perturbed(records)


def totto(data: Path) -> Corpus:
    """ToTTo's dev records."""
    return corpus("totto", data, "validation")


def logic2text(data: Path) -> Corpus:
    """Logic2Text's test records."""
    return corpus("logic2text", data, "test")


def mtop(data: Path) -> Corpus:
    """MTOP's validation records."""
    return corpus("mtop", data, "validation")


def corpus(task: str, data: Path, split: str) -> Corpus:
    """10,000 records of a split, and predictions a few words away from a reference."""
    records = list(itertools.islice(copies(real_records(task, data, split)), RECORDS))
    return records, perturbed(records)


def spider(data: Path) -> Corpus:
    """The official example of gold queries and predictions, over and over."""
    folder = data / "metrics" / "spider"
    records = command.spider_references([folder / "gold_example.txt"], data / "spider")
    pairs = zip(records, command.plain_lines(folder / "pred_example.txt"), strict=True)
    found = [pair for pair in itertools.islice(itertools.cycle(list(pairs)), RECORDS)]
    return [record for record, _ in found], [prediction for _, prediction in found]


def databases(data: Path) -> Corpus:
    """Those of which the database is there: the gold queries themselves, which all run to their end."""
    present = {path.name for path in (data / "spider" / "database").iterdir()}
    records = [record for record in spider(data)[0] if record["meta"]["db_id"] in present]
    records = list(itertools.islice(itertools.cycle(records), RECORDS))
    return records, [record["target"] for record in records]


def perturbed(records: list[dict]) -> list[str]:
    """A reference of each record with words left out, swapped and doubled."""
    generator = random.Random(0)
    predictions = []
    for record in records:
        words = generator.choice(record["references"]).split()
        kept = [word for word in words if generator.random() > 0.12]
        for place in range(len(kept) - 1):
            if generator.random() < 0.1:
                kept[place : place + 2] = reversed(kept[place : place + 2])
        predictions.append(" ".join(kept + generator.choices(words, k=len(words) // 8)))
    return predictions


def copies(records: list[dict]) -> Iterator[dict]:
    """Every record again and again, each time with the copy's number behind all its texts."""
    for copy in itertools.count():
        for record in records:
            texts = {key: marked(record[key], copy) for key in ("target", "references")}
            meta = {key: marked(value, copy) for key, value in record["meta"].items() if key not in ("subset", "logic")}
            kept = {key: value for key, value in record["meta"].items() if key in ("subset", "logic")}
            yield record | texts | {"id": f"{record['id']}-{copy}", "meta": meta | kept}


def marked(value: object, copy: int) -> object:
    """A text, or every text of a list, with the copy's number behind it."""
    if isinstance(value, list):
        return [marked(item, copy) for item in value]
    return f"{value} {copy}" if isinstance(value, str) else value


def real_records(task: str, data: Path, split: str) -> list[dict]:
    """All records of a split's official file."""
    entry = catalogue.task_entry(task, {})
    return list(read_records(task, entry, data / task / entry.files[split], split))


if __name__ == "__main__":
    main()
