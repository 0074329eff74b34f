"""The modules that decide each stage's result, and their checksum: an edit of one is a reason to run again.

Rules have the checksum as a parameter and results record it; a module that is touched and not edited keeps it.
Imports nothing heavy: every cluster job parses it.
"""

import functools
import hashlib
from pathlib import Path

from softshot.scoring import registry

PACKAGE = Path(__file__).parent
# What tuning and generation share.
ENGINE = ("base", "bloom", "kernels", "last_layer", "packed", "prefix", "loss", "memory")
ENGINE += ("layout", "stops", "tokenization", "cache", "frozen", "probe", "rotary", "changes", "nf4")
NEUTRAL = "../../resources/neutral.txt"  # whose loss is taken
SHOWN = ("demonstrations/shown.py", "demonstrations/table.py")
DENSE = ("dense", "nearest", "approximate", "embeddings")
RETRIEVERS = {"random": ("sample",), "bm25": ("bm25",), "oracle": ("oracle",), "dense": DENSE, "mmr": (*DENSE, "mmr")}


@functools.cache
def checksum(*places: str) -> str:
    """Of the names and contents of the modules that the patterns below `softshot/` match, each once."""
    found = hashlib.sha256()
    for path in sorted({path for place in places for path in PACKAGE.glob(place) if path.is_file()}):
        found.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def conversion(task: str, table: bool, split: str) -> str:
    """What a split's records are; of those of Spider that can be scored also how hard they are."""
    names = ["convert", "leaks", "readers", "splits", "text", *(("delimited", "table") if table else (task,))]
    parser = ("tokens", "query", "parse", "hardness") if task == "spider" and split in ("validation", "test") else ()
    return checksum(*(f"data/{name}.py" for name in names), *(f"scoring/spider/{name}.py" for name in parser))


def encoding() -> str:
    """What vectors an encoder gives."""
    return checksum(*(f"demonstrations/{name}.py" for name in ("encode", "encoders", "embeddings")))


def retrieval(kind: str) -> str:
    """What retrievers of a kind find."""
    return checksum(*(f"demonstrations/{name}.py" for name in (*RETRIEVERS[kind], "ranking", "exclusion", "table")))


def tuning() -> str:
    """What prompt a run ends with."""
    return checksum(*(f"engine/{name}.py" for name in ENGINE), *SHOWN, "methods/*.py", "tuning/*.py")


def generation() -> str:
    """What a run predicts."""
    names = (*ENGINE, "decoding", "beam")
    return checksum(*(f"engine/{name}.py" for name in names), *SHOWN, "methods/*.py", "generation/*.py", NEUTRAL)


@functools.cache
def scoring(*metrics: str) -> str:
    """What a run scores: by its task's metrics only."""
    modules = [registry.METRICS[name].partition(":")[0].removeprefix("softshot.").replace(".", "/") for name in metrics]
    shared = (
        f"scoring/{name}.py" for name in ("score", "shares", "bleu", "ter", "tercom", "shifts")
    )  # what metrics import
    # A metric is a module, or a package of several.
    return checksum(*shared, *(place for name in modules for place in (f"{name}.py", f"{name}/*.py")))


def analysis() -> str:
    """What the tables, figures and page say."""
    return checksum("analysis/**/*.py", "scoring/token_f1.py", "../report/**/*")
