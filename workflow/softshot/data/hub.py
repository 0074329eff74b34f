"""A task's copy on the hub, written in the layout of the official files, so that one converter reads both.

No code of a data set runs: `datasets` loads files only, and refuses loading scripts.
"""

import ast
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from softshot import files
from softshot.data.transfer import TransferError
from softshot.task import SourceSettings

MTOP_COLUMNS = {0: "id", 1: "intent", 3: "utterance", 4: "domain", 5: "locale", 6: "dcp_form"}  # as far as published


def write_files(task: str, entry: SourceSettings, address: str, folder: Path, check: Callable[[str, Path], Any]) -> str:
    """Write the task's files into `folder` from its copy on the hub at `address`; return the copy's commit.

    `check(name, file)` is called before a file is put in its place. Must run before anything else of this process
    imports huggingface_hub, which reads the hub's address once. Raises TransferError.
    """
    cache = folder / ".hub"
    shutil.rmtree(cache, ignore_errors=True)
    try:
        commit, dataset = _load(entry, address, cache)
        if missing := [split for split in entry.files if entry.hub.splits.get(split) not in dataset]:
            raise TransferError(f"{entry.hub.path}: no split for {missing[0]}; it has {', '.join(dataset)}")
        for split, name in entry.files.items():
            theirs = entry.hub.splits[split]
            with files.replacing(folder / name) as temporary:
                try:
                    _write(temporary, OFFICIAL[task](dataset[theirs]))
                except (KeyError, TypeError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
                    fault = f"no column {error}" if isinstance(error, KeyError) else error
                    raise TransferError(f"{entry.hub.path}, split {theirs}: not the expected rows: {fault}") from None
                check(name, temporary)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    return commit


def _load(entry: SourceSettings, address: str, cache: Path) -> tuple[str, dict]:
    """The commit that the copy's revision stands for, and its splits; all that is downloaded lies in `cache`."""
    if "huggingface_hub" in sys.modules:
        raise RuntimeError("huggingface_hub is imported already and has read another address than the hub's")
    os.environ |= {"HF_ENDPOINT": address.rstrip("/"), "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
    os.environ |= {f"HF_{part}_CACHE": str(cache / part.lower()) for part in ("HUB", "DATASETS", "XET")}
    if not sys.stderr.isatty():
        os.environ |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    hub = entry.hub
    try:
        commit = HfApi().dataset_info(hub.path, revision=hub.revision).sha
        # hf:// so that no folder of that name here is taken for it; a configuration is a folder of the repository
        return commit, load_dataset(f"hf://datasets/{hub.path}", data_dir=hub.config, revision=commit)
    except (DatasetsError, HTTPError, OSError, ValueError, RuntimeError) as error:
        told = error.__cause__ or error  # "an error occurred while generating the dataset" says nothing
        reason = (str(told).strip() or type(told).__name__).splitlines()[0]
        raise TransferError(f"{hub.path}, revision {hub.revision}, from {address}: {reason}") from None


def _write(path: Path, records: Iterable[Any]) -> None:
    """Write records as the suffix of the official file asks: JSON lines, one JSON list, or tab-separated lines."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        if path.suffix == ".json":
            file.write("[")
            for number, record in enumerate(records):
                file.write((",\n" if number else "\n") + json.dumps(record, ensure_ascii=False))
            file.write("\n]\n")
        else:
            tabs = path.suffix in (".txt", ".tsv")
            for record in records:
                line = "\t".join(record) if tabs else json.dumps(record, ensure_ascii=False)
                file.write(line + "\n")


def totto(rows: Iterable[dict]) -> Iterator[dict]:
    """GEM/totto has a row per sentence of a training record, numbered by record; ids and subsets are texts there."""
    names = ("table", "table_webpage_url", "table_page_title", "table_section_title", "table_section_text")
    for _, group in groupby(rows, key=lambda row: row["totto_id"]):
        same = list(group)
        record = {name: same[0][name] for name in (*names, "highlighted_cells")}
        record["example_id"] = int(same[0]["example_id"])
        if same[0]["overlap_subset"] in ("True", "False"):  # of training rows: none
            record["overlap_subset"] = same[0]["overlap_subset"] == "True"
        yield record | {"sentence_annotations": [sentence for row in same for sentence in row["sentence_annotations"]]}


def dart(rows: Iterable[dict]) -> Iterator[dict]:
    """Yale-LILY/dart has the annotations as one object of lists."""
    for row in rows:
        sources, texts = row["annotations"]["source"], row["annotations"]["text"]
        pairs = [{"source": source, "text": text} for source, text in zip(sources, texts, strict=True)]
        yield {**row, "annotations": pairs}


def logic2text(rows: Iterable[dict]) -> Iterator[dict]:
    """kasnerz/logic2text has every value as Python prints it; texts are as they were."""
    structured = ("annotation", "logic", "num_func", "nid", "g_ids", "g_ids_features", "g_adj")
    for row in rows:
        yield row | {name: ast.literal_eval(row[name]) for name in (*structured, "table_header", "table_cont")}


def mtop(rows: Iterable[dict]) -> Iterator[list[str]]:
    """WillHeld/mtop has the official columns in their order, and once more those whose name began with a blank."""
    for row in rows:
        columns = {name.strip(): value for name, value in row.items()}
        names = list(columns)
        if len(names) != 8 or any(names[place] != name for place, name in MTOP_COLUMNS.items()):
            raise ValueError(f"its columns are {', '.join(names)}")
        yield [" ".join(str("" if value is None else value).split()) for value in columns.values()]


def superglue(labels: list[Any] | None, rows: Iterable[dict]) -> Iterator[dict]:
    """aps/super_glue has the official objects with a number for a label; None: it is the official one."""
    for row in rows:
        yield row if labels is None else row | {"label": labels[row["label"]]}


def glue(header: list[str], columns: list[str | None], rows: Iterable[dict]) -> Iterator[list[str]]:
    """nyu-mll/glue has some columns of the official table; what it lacks (None) is empty."""
    yield header
    for row in rows:
        yield ["" if name is None else " ".join(str(row[name]).split()) for name in columns]


OFFICIAL = {
    "totto": totto,
    "dart": dart,
    "logic2text": logic2text,
    "mtop": mtop,
    "boolq": partial(superglue, [False, True]),
    "cb": partial(superglue, ["entailment", "contradiction", "neutral"]),
    "copa": partial(superglue, None),
    "rte": partial(superglue, ["entailment", "not_entailment"]),
    "wic": partial(superglue, [False, True]),
    "mrpc": partial(
        glue, ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"], ["label", None, None, "sentence1", "sentence2"]
    ),
    "qqp": partial(
        glue,
        ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"],
        ["idx", None, None, "question1", "question2", "label"],
    ),
}
