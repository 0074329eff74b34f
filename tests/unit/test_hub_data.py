"""pytest tests/unit/test_hub_data.py"""

import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pytest
from loopback import COMMIT, Hub, serving
from pyarrow import parquet

from softshot import catalogue, files
from softshot.data.convert import read_records
from softshot.task import SourceSettings


def gem(records, train):
    """Rows of GEM/totto: ids and subsets as texts; a row per sentence of a training record."""
    for number, record in enumerate(records):
        row = record | {"example_id": str(record["example_id"]), "totto_id": number, "references": []}
        row["overlap_subset"] = "none" if train else str(record["overlap_subset"])
        annotations = record["sentence_annotations"]
        yield from [row | {"sentence_annotations": [one]} for one in annotations] if train else [row]


def lily(records, train):
    """Rows of Yale-LILY/dart: annotations as an object of lists."""
    for record in records:
        pairs = record["annotations"]
        columns = {key: [pair[key] for pair in pairs] for key in ("source", "text")}
        yield record | {"annotations": columns}


def kasnerz(records, train):
    """Rows of kasnerz/logic2text: every value as Python prints it."""
    for record in records:
        yield {key: str(value) for key, value in record.items()}


def held(records, train):
    """Rows of WillHeld/mtop: the official columns with a blank before all names but the first, then without it."""
    names = ["id", "intent", "slot_string", "utterance", "domain", "locale", "dcp_form", "tokens"]
    for record in records:
        values = [record[0], record[1], record[2] or None, *record[3:]]
        blank = dict(zip([names[0], *(f" {name}" for name in names[1:])], values, strict=True))
        yield blank | dict(zip(names, values, strict=True))


ROWS = {
    "totto": (gem, lambda text: [json.loads(line) for line in text.splitlines()], "totto/{}/0000.parquet"),
    "dart": (lily, json.loads, "default/{}/0000.parquet"),
    "logic2text": (kasnerz, json.loads, "data/{}-00000-of-00001.parquet"),
    "mtop": (held, lambda text: [line.split("\t") for line in text.splitlines()], "data/{}-00000-of-00001.parquet"),
}


def table(rows):
    """The rows as a Parquet file; a column without a value is one of texts, as it is in the larger original."""
    out, found = io.BytesIO(), pa.Table.from_pylist(list(rows))
    fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in found.schema]
    parquet.write_table(found.cast(pa.schema(fields)), out)
    return out.getvalue()


@pytest.fixture
def hub():
    with serving(Hub, contents={}, published={}, broken=set()) as server:
        yield server


def official(task, real_data, split):
    """Up to 30 real records of a split's official file."""
    text = (real_data / task / catalogue.task_entry(task, {}).files[split]).read_text(encoding="utf-8")
    return ROWS[task][1](text)[:30]


def serve(hub, task, real_data):
    """Put a task's copy on the hub, made of its real records; the entry of the task with this copy."""
    entry = catalogue.task_entry(task, {})
    make, _, place = ROWS[task]
    for split, theirs in entry.hub.splits.items():
        rows = make(official(task, real_data, split), split == "train")
        hub.contents[place.format(theirs)] = table(rows)
    return entry.model_copy(update={"hub": entry.hub.model_copy(update={"path": "me/tiny"})})


def run(task, entry, hub, tmp_path, **environment):
    """Run the stage program, as its own process: the tests' own is set to be offline."""
    settings = json.dumps(
        {
            "task": task,
            "entry": entry.model_dump(include=set(SourceSettings.model_fields)),
            "source": "hub",
            "hub": hub.address,
        }
    )
    environment = {"HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1"} | environment
    command = [sys.executable, "-m", "softshot.data", "download", "--settings", settings, "--out", tmp_path / task]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("task", ROWS)
def test_a_copy_on_the_hub_gives_the_records_of_the_official_files(task, hub, real_data, tmp_path):
    entry = serve(hub, task, real_data)
    result = run(task, entry, hub, tmp_path)
    assert result.returncode == 0, result.stderr
    for split, name in entry.files.items():
        original = tmp_path / f"original-{split}"
        parts = official(task, real_data, split)
        if task == "mtop":
            original.write_text("".join("\t".join(part) + "\n" for part in parts), encoding="utf-8")
        elif task == "totto":
            if split == "train":  # the official training file does not say
                parts = [part | {"overlap_subset": None} for part in parts]
            files.write_jsonl(original, parts)
        else:
            files.write_json(original, parts)
        found = list(read_records(task, entry, tmp_path / task / name, split))
        assert found == list(read_records(task, entry, original, split))
        assert found
    checksums = files.read_json(tmp_path / task / "checksums.json")
    details = {"address": hub.address, "path": "me/tiny", "config": entry.hub.config, "revision": entry.hub.revision}
    assert checksums["hub"] == details | {"commit": COMMIT}
    assert checksums["source"] == "hub"
    assert checksums["files"] == {name: files.sha256(tmp_path / task / name) for name in entry.files.values()}
    left = [path.relative_to(tmp_path / task).as_posix() for path in (tmp_path / task).rglob("*") if path.is_file()]
    assert sorted(left) == sorted([*entry.files.values(), "checksums.json"])
    assert files.read_json(tmp_path / f".{task}.recorded.json") == {"hub": checksums["files"]}
    assert not (tmp_path / "hf").exists()


def refused(task, entry, hub, tmp_path, **environment):
    """The message of a refused download, after which nothing is left."""
    result = run(task, entry, hub, tmp_path, **environment)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "What you can do:" in result.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    return result.stderr


def test_an_unknown_copy_and_a_missing_split_are_errors_with_the_remedy(hub, real_data, tmp_path):
    entry = serve(hub, "dart", real_data)
    unknown = entry.model_copy(update={"hub": entry.hub.model_copy(update={"path": "me/unknown"})})
    told = refused("dart", unknown, hub, tmp_path)
    assert "me/unknown, revision refs/convert/parquet, from http://127.0.0.1" in told
    assert "404" in told
    assert "data: {hub: <address>}" in told
    del hub.contents["default/test/0000.parquet"]
    assert "me/tiny: no split for test; it has train, validation" in refused("dart", entry, hub, tmp_path)


def test_other_columns_than_expected_are_an_error_that_names_them(hub, real_data, tmp_path):
    entry = serve(hub, "mtop", real_data)
    for name in list(hub.contents):
        hub.contents[name] = table([{"text": "wake me up", "label": 1}])
    told = refused("mtop", entry, hub, tmp_path)
    assert "me/tiny, split train_en: not the expected rows: its columns are text, label" in told


def test_values_that_are_no_literals_are_an_error_and_no_code_runs(hub, real_data, tmp_path):
    entry = serve(hub, "logic2text", real_data)
    name = "data/train-00000-of-00001.parquet"
    row = parquet.read_table(io.BytesIO(hub.contents[name])).to_pylist()[0]
    for value in (f"open({str(tmp_path / 'made')!r}, 'w')", "(" * 100_000):
        hub.contents[name] = table([row | {"table_cont": value}])
        assert "not the expected rows" in refused("logic2text", entry, hub, tmp_path)


def test_an_offline_process_says_so(hub, real_data, tmp_path):
    told = refused("dart", serve(hub, "dart", real_data), hub, tmp_path, HF_HUB_OFFLINE="1")
    assert "offline" in told.lower()
    assert hub.requests == []
