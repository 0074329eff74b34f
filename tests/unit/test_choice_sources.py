"""The catalogue's tasks with choices: records in the official formats, out of archives, files and the hub's copies.

The records are ours, in the formats of the official files.
"""

import json

import pytest
from archives import zipped
from loopback import Hub, serving, serving_files
from test_hub_data import run, table

from softshot import catalogue
from softshot.data.convert import read_records
from softshot.data.download import download
from softshot.data.registry import CONVERTERS, choices
from softshot.errors import UserError
from softshot.scoring import registry

PAIR = {"premise": "It rained. I think that it rained.", "hypothesis": "It rained.", "idx": 0}
LINES = {  # rows of SuperGLUE's files
    "boolq": [
        {"passage": "Snow is frozen water.", "question": "is snow water", "idx": 0, "label": True},
        {"passage": "Snow is frozen water.", "question": "is snow warm", "idx": 1, "label": False},
    ],
    "cb": [PAIR | {"label": label} for label in ("entailment", "contradiction", "neutral")],
    "copa": [
        {"premise": "The grass was wet.", "choice1": "It rained.", "choice2": "It was sunny.", "question": "cause",
         "label": 0, "idx": 0},
        {"premise": "I fell.", "choice1": "I flew.", "choice2": "I was hurt.", "question": "effect", "label": 1,
         "idx": 1},
    ],
    "rte": [PAIR | {"label": label} for label in ("entailment", "not_entailment")],
    "wic": [
        {"word": "bank", "sentence1": "The bank lent.", "sentence2": "By the bank.", "idx": 0, "label": False,
         "start1": 4, "start2": 7, "end1": 8, "end2": 11, "version": 1.1},
        {"word": "run", "sentence1": "We run.", "sentence2": "They run.", "idx": 1, "label": True,
         "start1": 3, "start2": 5, "end1": 6, "end2": 8, "version": 1.1},
    ],
}  # fmt: skip
NUMBERS = {  # of the hub's labels
    "boolq": [False, True],
    "cb": ["entailment", "contradiction", "neutral"],
    "copa": [0, 1],
    "rte": ["entailment", "not_entailment"],
    "wic": [False, True],
}
TABLES = {  # GLUE's
    "mrpc": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    '1\t7\t8\tHe said "yes .\tHe agreed .\n0\t9\t10\tIt fell .\tIt rose .\n',
    "qqp": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    '0\t1\t2\tHow old is "it?\tWhat is its age?\t1\n1\t3\t4\tWhy?\tWho?\t0\n',
}
EXPECTED = {  # input, target and choices of the first record
    "boolq": ("Snow is frozen water. Question: is snow water?", "yes", ["yes", "no"]),
    "cb": (
        "It rained. I think that it rained. Question: It rained. True, false, or neither?",
        "true",
        ["true", "false", "neither"],
    ),
    "copa": ("The grass was wet because", "It rained.", ["It rained.", "It was sunny."]),
    "rte": ("It rained. I think that it rained. Question: It rained. True or false?", "true", ["true", "false"]),
    "wic": (
        "The bank lent. By the bank. Question: Is the word 'bank' used in the same sense in both?",
        "no",
        ["yes", "no"],
    ),
    "mrpc": ('He said "yes . | He agreed . Question: Do both mean the same?', "yes", ["yes", "no"]),
    "qqp": ('How old is "it? | What is its age? Question: Do both mean the same?', "yes", ["yes", "no"]),
}


def written(task):
    """A split's official file."""
    task = task.removeprefix("fewglue-")
    return TABLES[task] if task in TABLES else "".join(json.dumps(row) + "\n" for row in LINES[task])


def copy_on_the_hub(task):
    """The rows of the hub's copy of it."""
    if task in LINES:
        return [row | {"label": NUMBERS[task].index(row["label"])} for row in LINES[task]]
    first, second = ("sentence1", "sentence2") if task == "mrpc" else ("question1", "question2")
    texts = [line.split("\t") for line in TABLES[task].splitlines()[1:]]
    label = 0 if task == "mrpc" else 5
    return [{first: row[3], second: row[4], "label": int(row[label]), "idx": n} for n, row in enumerate(texts)]


def told(records):
    """What a record is, without its id."""
    return [{key: record[key] for key in ("input", "target", "references", "choices", "meta")} for record in records]


@pytest.mark.parametrize("task", EXPECTED)
def test_a_record_of_the_official_file(task, tmp_path):
    path = tmp_path / "file"
    path.write_text(written(task), encoding="utf-8")
    first, *others = read_records(task, catalogue.task_entry(task, {}), path, "train")
    assert (first["input"], first["target"], first["choices"]) == EXPECTED[task]
    assert others and all(record["target"] in record["choices"] for record in others)
    assert len({tuple(record["choices"]) for record in (first, *others)}) == 1 or choices(task, None) == "own"


SERVED = [*EXPECTED, *(name for name in CONVERTERS if name.startswith("fewglue-"))]


@pytest.mark.parametrize("task", SERVED)
def test_files_come_from_the_official_addresses(task, tmp_path):
    entry = catalogue.task_entry(task, {})
    packed = (entry.archive.files or list(entry.files.values())) if entry.archive else []
    contents = {f"/base/{name}": written(task).encode() for name in entry.files.values() if name not in packed}
    contents["/a.zip"] = zipped([(name, written(task)) for name in packed])
    with serving_files(contents) as server:
        here = {"base": entry.base and f"{server.address}/base"}
        here["archive"] = entry.archive and entry.archive.model_copy(update={"url": f"{server.address}/a.zip"})
        download(task, entry.model_copy(update=here), "official", "", tmp_path)
        assert len(server.requests) == len(contents) - (not packed), "each file once"
    for split, name in entry.files.items():
        (first, *_) = read_records(task, entry, tmp_path / name, split)
        assert (first["input"], first["target"]) == EXPECTED[task.removeprefix("fewglue-")][:2]


@pytest.mark.parametrize("task", EXPECTED)
def test_the_copy_on_the_hub_gives_the_records_of_the_official_files(task, tmp_path):
    entry = catalogue.task_entry(task, {})
    contents = {f"{task}/{split}/0000.parquet": table(copy_on_the_hub(task)) for split in entry.hub.splits.values()}
    entry = entry.model_copy(update={"hub": entry.hub.model_copy(update={"path": "me/tiny"})})
    with serving(Hub, contents=contents, published={}, broken=set()) as server:
        result = run(task, entry, server, tmp_path)
    assert result.returncode == 0, result.stderr
    original = tmp_path / "original"
    original.write_text(written(task), encoding="utf-8")
    for split, name in entry.files.items():
        found = told(read_records(task, entry, tmp_path / task / name, split))
        assert found == told(read_records(task, entry, original, split))


def test_clinc_is_downloaded_once_and_read_by_split(real_data, tmp_path):
    entry = catalogue.task_entry("clinc", {})
    names = ("data_small.json", "domains.json")
    with serving_files({f"/{name}": (real_data / "clinc" / name).read_bytes() for name in names}) as server:
        download("clinc", entry.model_copy(update={"base": server.address}), "official", "", tmp_path)
        assert sorted(path for path, *_ in server.requests) == [f"/{name}" for name in names]
    of = {split: list(read_records("clinc", entry, tmp_path / name, split)) for split, name in entry.files.items()}
    assert {split: len(records) for split, records in of.items()} == {"train": 60, "validation": 24, "test": 36}
    first = of["test"][0]
    assert (first["input"], first["target"]) == ("can you freeze my bank account", "freeze account")
    assert len(first["choices"]) == 12 and first["meta"] == {"domain": "banking"}


def test_faults_of_these_files_say_what_is_wrong(real_data, tmp_path):
    def fault(task, text):
        path = tmp_path / "data_small.json"
        path.write_text(text)
        with pytest.raises(UserError) as error:
            list(read_records(task, catalogue.task_entry(task, {}), path, "train"))
        return str(error.value)

    line = json.dumps(LINES["boolq"][0])
    assert "line 2: `label` is not true or false: 1" in fault("boolq", line + "\n" + line.replace("true", "1"))
    told_of = fault("cb", json.dumps(LINES["cb"][0]).replace('"entailment"', '"maybe"'))
    assert 'line 1: the label is "maybe", and none of ["entailment", "contradiction", "neutral"]' in told_of
    assert "line 2: 2 tab-separated columns, not the header's 5" in fault(
        "mrpc", TABLES["mrpc"].partition("\n")[0] + "\n1\t7\n"
    )
    (tmp_path / "domains.json").write_text('{"banking": ["pin_change"]}')
    assert "has no list of pairs `train`" in fault("clinc", "{}")
    assert 'line 1: domains.json has no intent "fly"' in fault("clinc", '{"train": [["i fly", "fly"]]}')
    assert "not a JSON object" in fault("clinc", "[]")


@pytest.mark.parametrize("task", [*EXPECTED, "clinc"])
def test_a_file_that_is_not_there_is_named(task, tmp_path):
    with pytest.raises(UserError, match="nowhere: cannot be read: No such file"):
        list(read_records(task, catalogue.task_entry(task, {}), tmp_path / "nowhere", "train"))


def test_metrics_of_the_catalogue_fit_its_choices():
    for task in CONVERTERS:
        metrics = catalogue.task_entry(task, {}).metrics
        assert choices(task, None) or not set(metrics) & set(registry.OF_CHOICES)
        assert choices(task, None) == "same" or not set(metrics) & set(registry.OF_CLASSES)
