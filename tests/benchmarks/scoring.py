"""Time to score whole evaluation splits on one core: ToTTo with BLEU and PARENT, Spider with exact set match.

python tests/benchmarks/scoring.py [DATA]

DATA (tests/data) holds real records in their official layout. ToTTo's few are repeated up to 7,700, each copy with
words of its own, so that no tokeniser finds a text in its cache.
"""

import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))
os.environ["OMP_NUM_THREADS"] = "1"

from softshot import catalogue  # noqa: E402
from softshot.data.convert import read_records  # noqa: E402
from softshot.scoring import command, registry, score  # noqa: E402

TOTTO = 7_700  # records of the official dev split


def main() -> None:
    """Print a table: what was scored, how many, seconds, limit."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "data"
    if not data.is_dir():
        sys.exit(f"{data}: no such folder; give the folder that holds totto/ and spider/ in their official layout")
    cases = [
        ("ToTTo: totto_bleu, parent", ["totto_bleu", "parent"], lambda: totto(data), 30),
        ("Spider: exact_set_match", ["exact_set_match"], lambda: spider(data), 20),
    ]
    print(f"{'':28}{'records':>9}{'seconds':>9}{'limit':>7}")
    for title, names, make, limit in cases:
        count, seconds = timed(names, make)
        print(f"{title:28}{count:>9,}{seconds:>9.1f}{limit:>7}", flush=True)


def timed(names: list[str], make: Callable[[], tuple[list[dict], list[str]]]) -> tuple[int, float]:
    """How many records there are, and the processor's seconds from predictions to scores, imports included."""
    records, predictions = make()
    start = time.process_time()
    metrics = [registry.metric(name) for name in names]
    score.summary(metrics, records, score.statistics(metrics, records, predictions))
    return len(records), time.process_time() - start


def totto(data: Path) -> tuple[list[dict], list[str]]:
    """The real dev records over and over, with predictions a few words away from a reference."""
    records = list(itertools.islice(copies(real_records("totto", data, "validation")), TOTTO))
    generator = random.Random(0)
    predictions = []
    for record in records:
        words = generator.choice(record["references"]).split()
        kept = [word for word in words if generator.random() > 0.2]
        predictions.append(" ".join(kept + generator.choices(words, k=len(words) // 8)))
    return records, predictions


def copies(records: list[dict]) -> Iterator[dict]:
    """Every record again and again, each time with the copy's number behind all its texts."""
    for copy in itertools.count():
        for record in records:
            meta = record["meta"]
            marked = {key: [f"{text} {copy}" for text in meta[key]] for key in ("table", "highlighted")}
            marked |= {key: f"{meta[key]} {copy}" for key in ("page_title", "section_title", "section_text")}
            references = [f"{text} {copy}" for text in record["references"]]
            yield record | {"id": f"{record['id']}-{copy}", "references": references, "meta": meta | marked}


def spider(data: Path) -> tuple[list[dict], list[str]]:
    """The official example of gold queries and predictions."""
    folder = data / "metrics" / "spider"
    records = command.spider_references([folder / "gold_example.txt"], data / "spider")
    return records, command.plain_lines(folder / "pred_example.txt")


def real_records(task: str, data: Path, split: str) -> list[dict]:
    """All records of a split's official file."""
    entry = catalogue.task_entry(task, {})
    return list(read_records(task, entry, data / task / entry.files[split], split))


if __name__ == "__main__":
    main()
