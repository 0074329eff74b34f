"""pytest tests/unit/test_data.py"""

import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from softshot import catalogue, files
from softshot.data import dart, mtop
from softshot.data.convert import convert, sample
from softshot.data.download import download
from softshot.errors import UserError

TRIPLE = ["Mars Hill College", "JOINED", "1973"]
ANNOTATION = {"source": "WikiSQL_lily", "text": "Mars Hill College joined in 1973."}
ROW = "7\tIN:GET_EVENT\t\tShow me concerts\tevent\ten_XX\t[IN:GET_EVENT [SL:CATEGORY_EVENT concerts ] ]\t{}"


# Converting


def write_dart(path, items):
    path.write_text(json.dumps(items, indent=1), encoding="utf-8")
    return path


def test_dart_record(tmp_path):
    other = {"source": "e2e", "text": "In 1973\n Mars Hill  College joined. "}
    item = {"tripleset": [TRIPLE, ["Mars Hill College", "LOCATION", "Mars  Hill"]], "annotations": [ANNOTATION, other]}
    source = write_dart(tmp_path / "dart.json", [item, {"tripleset": [TRIPLE], "annotations": [ANNOTATION]}])
    first, second = dart.records(source, "train")
    assert first == {
        "id": "dart-train-00000",
        "input": "Mars Hill College : JOINED : 1973 | Mars Hill College : LOCATION : Mars Hill",
        "target": "Mars Hill College joined in 1973.",
        "references": ["Mars Hill College joined in 1973.", "In 1973 Mars Hill College joined."],
        "meta": {"sources": ["WikiSQL_lily", "e2e"], "triples": 2},
    }
    assert second["id"] == "dart-train-00001"


def test_an_empty_annotation_beside_others_is_left_out_as_in_the_official_test_file(tmp_path):
    item = {"tripleset": [TRIPLE], "annotations": [{"source": "e2e", "text": " "}, ANNOTATION]}
    (record,) = dart.records(write_dart(tmp_path / "dart.json", [item]), "test")
    assert record["references"] == [ANNOTATION["text"]]
    assert record["meta"]["sources"] == ["WikiSQL_lily"]


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ([], "not an object"),
        ({"annotations": [ANNOTATION]}, "`tripleset` is missing"),
        ({"tripleset": [TRIPLE]}, "`annotations` is missing"),
        ({"tripleset": "a b c", "annotations": [ANNOTATION]}, "`tripleset` is not a list"),
        ({"tripleset": [], "annotations": [ANNOTATION]}, "`tripleset` is empty"),
        ({"tripleset": [["", " ", ""]], "annotations": [ANNOTATION]}, "`tripleset` has no text"),
        ({"tripleset": [TRIPLE[:2]], "annotations": [ANNOTATION]}, "triple 1 is not a list of three texts"),
        ({"tripleset": [TRIPLE, ["a", "b", 3]], "annotations": [ANNOTATION]}, "triple 2 is not a list of three texts"),
        ({"tripleset": [TRIPLE], "annotations": []}, "`annotations` is empty"),
        ({"tripleset": [TRIPLE], "annotations": ["text"]}, "annotation 1 is not an object"),
        ({"tripleset": [TRIPLE], "annotations": [{"source": "e2e"}]}, "annotation 1 has no text under `text`"),
        ({"tripleset": [TRIPLE], "annotations": [{"text": "x"}]}, "annotation 1 has no text under `source`"),
        ({"tripleset": [TRIPLE], "annotations": [{"source": "e2e", "text": "\n"}]}, "every annotation's text is empty"),
        ({"tripleset": [["a", "b", "\ud800"]], "annotations": [ANNOTATION]}, "surrogates not allowed"),
    ],
)
def test_a_malformed_dart_record_is_an_error_with_its_line_and_position(tmp_path, item, fault):
    good = {"tripleset": [TRIPLE], "annotations": [ANNOTATION]}
    lines = ["[", json.dumps(good) + ",", "", json.dumps(item), "]"]
    source = tmp_path / "dart.json"
    source.write_text("\r\n".join(lines), encoding="utf-8")
    with pytest.raises(UserError) as error:
        convert("dart", "train", None, 0, source, tmp_path / "out" / "train.jsonl")
    assert f"{source}, line 4 (record 1): " in str(error.value)
    assert fault in str(error.value)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("", 1, "a JSON list of records expected, found the end of the file"),
        ('\n{"a": 1}', 2, "a JSON list of records expected, found '{'"),
        ('[\n{"a": 1}\n{"a": 2}]', 3, "',' or ']' expected, found '{'"),
        ('[\n{"a": 1},\n', 3, "not valid JSON"),
        ('[\n{"a":\n oops}]', 3, "not valid JSON"),
        ("[1]\n\nmore", 3, "the end of the file expected, found 'm'"),
        ("[1\n", 2, "',' or ']' expected, found the end of the file"),
    ],
)
def test_a_dart_file_that_is_no_json_list_is_an_error_with_its_line(tmp_path, text, line, fault):
    source = tmp_path / "dart.json"
    source.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        list(dart.elements(source))
    assert f"{source}, line {line}: " in str(error.value)
    assert fault in str(error.value)


def test_mtop_record_with_line_ends_of_windows(tmp_path):
    source = tmp_path / "train.txt"
    source.write_bytes(f"{ROW}\r\n8\tIN:GET_ALARM\t\tmy  alarms \t\ten_XX\t[IN:GET_ALARM ]\t{{}}\r\n".encode())
    first, second = mtop.records(source, "train")
    form = "[IN:GET_EVENT [SL:CATEGORY_EVENT concerts ] ]"
    assert first == {
        "id": "mtop-train-7",
        "input": "Show me concerts",
        "target": form,
        "references": [form],
        "meta": {"domain": "event", "intent": "IN:GET_EVENT", "locale": "en_XX"},
    }
    assert second["input"] == "my alarms"


def changed(column, value):
    columns = ROW.split("\t")
    columns[column] = value
    return "\t".join(columns)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("", "1 tab-separated columns, not 8"),
        (ROW.rsplit("\t", 1)[0], "7 tab-separated columns, not 8"),
        (f"{ROW}\tmore", "9 tab-separated columns, not 8"),
        (changed(0, " "), "the id is empty"),
        (changed(3, " "), "the utterance is empty"),
        (changed(6, ""), "the decoupled form is empty"),
        (changed(6, "[IN:A [SL:B c ]"), "brackets"),
        (changed(6, "[IN:A b ] ]"), "brackets"),
        (changed(6, "[IN:A b ]]"), "brackets"),
        (changed(6, "] [IN:A b"), "brackets"),
        (changed(6, "[IN:A ] [IN:B ]"), "brackets"),
        (changed(6, "no form"), "brackets"),
        (changed(0, "first"), "id first was already used in line 1"),
    ],
)
def test_a_malformed_mtop_row_is_an_error_with_its_line(tmp_path, row, fault):
    source = tmp_path / "train.txt"
    source.write_text("\n".join([changed(0, "first"), ROW, row, changed(0, "last"), ""]), encoding="utf-8")
    with pytest.raises(UserError) as error:
        convert("mtop", "train", None, 0, source, tmp_path / "out" / "train.jsonl")
    assert f"{source}, line 3: " in str(error.value)
    assert fault in str(error.value)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("task", ["dart", "mtop"])
def test_bad_bytes_are_an_error_with_their_line(tmp_path, task):
    source = tmp_path / "file"
    source.write_bytes(b"first\nsecond \xe9t\xe9\n")
    with pytest.raises(UserError, match=r"file, line 2: not UTF-8 text \(byte 0xe9\)"):
        convert(task, "train", None, 0, source, tmp_path / "train.jsonl")


@pytest.mark.parametrize("task", ["dart", "mtop"])
def test_a_missing_and_an_empty_file_are_errors_that_name_it(tmp_path, task):
    with pytest.raises(UserError, match="nowhere: cannot be read"):
        convert(task, "train", None, 0, tmp_path / "nowhere", tmp_path / "train.jsonl")
    source = tmp_path / "source"
    source.write_text("[]" if task == "dart" else "")
    with pytest.raises(UserError, match="source: holds no record"):
        convert(task, "train", None, 0, source, tmp_path / "train.jsonl")


def test_a_sample_is_the_same_everywhere_keeps_the_order_and_grows():
    assert sample(10, 4, "0-dart-train") == [0, 3, 7, 8]
    assert sample(10, None, "0-dart-train") == list(range(10))
    assert sample(10, 99, "0-dart-train") == list(range(10))
    assert sample(100, 50, "1-dart-train") != sample(100, 50, "0-dart-train")
    assert set(sample(100, 10, "s")) < set(sample(100, 20, "s"))


@pytest.mark.parametrize("task", ["dart", "mtop"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_real_records(shared_data, tmp_path, task, split):
    source = shared_data / task / catalogue.task_entry(task)["files"][split]
    everything, limited = tmp_path / "all.jsonl", tmp_path / "limited.jsonl"
    convert(task, split, None, 0, source, everything)
    convert(task, split, 100, 0, source, limited)
    records = files.read_jsonl(everything)
    text = source.read_text(encoding="utf-8")
    assert len(records) == (len(json.loads(text)) if task == "dart" else text.count("\n"))
    assert len({record["id"] for record in records}) == len(records)
    for record in records:
        assert record.keys() == {"id", "input", "target", "references", "meta"}
        assert record["target"] == record["references"][0]
        for value in [record["input"], *record["references"]]:
            assert value == " ".join(value.split()) != ""
    chosen = files.read_jsonl(limited)
    ids = {record["id"] for record in chosen}
    assert len(chosen) == 100
    assert chosen == [record for record in records if record["id"] in ids]


def test_the_program_converts_and_a_fault_is_one_message_without_traceback(tmp_path):
    source, out = tmp_path / "train.txt", tmp_path / "train.jsonl"
    settings = json.dumps({"task": "mtop", "limits": {"train": 1}, "sample_seed": 0})
    command = [sys.executable, "-m", "softshot.data", "convert", "--settings", settings, "--split", "train"]
    command += ["--source", str(source), "--out", str(out)]
    source.write_text(f"{ROW}\n{changed(0, '8')}\n")
    subprocess.run(command, check=True)
    assert len(files.read_jsonl(out)) == 1
    source.write_text("one column\n")
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr == f"softshot: {source}, line 1: 1 tab-separated columns, not 8\n"


# Downloading


@pytest.fixture
def mirror(tmp_path):
    """A folder that is served over HTTP, and its address."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def plain_task(folder, **sha256):
    """A task of one plain file on the mirror, and its catalogue entry."""
    (folder / "dart").mkdir()
    (folder / "dart" / "train.json").write_text("[1]")
    return {"base": "http://127.0.0.1:1/official", "files": {"train": "train.json"}, "sha256": sha256}


def zip_task(folder, members, **entry):
    """A task of an archive on the mirror with the given members, and its catalogue entry."""
    (folder / "mtop").mkdir()
    path = folder / "mtop" / "mtop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    archive = {"url": "http://127.0.0.1:1/mtop.zip", "sha256": files.sha256(path)}
    return {"archive": archive, "files": {"train": "mtop/en/train.txt"}, **entry}


def test_files_come_from_a_mirror_and_their_checksums_are_recorded(mirror, tmp_path):
    folder, address = mirror
    out = tmp_path / "downloads" / "dart"
    download("dart", plain_task(folder), address + "/", out)
    assert (out / "train.json").read_text() == "[1]"
    assert files.read_json(out / "checksums.json") == {
        "task": "dart",
        "source": address + "/",
        "files": {"train.json": hashlib.sha256(b"[1]").hexdigest()},
    }
    assert sorted(path.name for path in out.iterdir()) == ["checksums.json", "train.json"]


def test_files_come_from_the_official_address(mirror, tmp_path):
    folder, address = mirror
    entry = plain_task(folder) | {"base": f"{address}/dart"}
    download("dart", entry, "official", tmp_path / "out")
    assert (tmp_path / "out" / "train.json").read_text() == "[1]"


def test_only_the_named_members_leave_an_archive_and_none_leaves_the_folder(mirror, tmp_path):
    folder, address = mirror
    members = {"mtop/en/train.txt": "row\n", "../escaped.txt": "x", "/tmp/escaped.txt": "x", "mtop/de/train.txt": "x"}
    out = tmp_path / "downloads" / "mtop"
    download("mtop", zip_task(folder, members), address, out)
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert left == ["checksums.json", "mtop.zip", "mtop/en/train.txt"]
    assert (out / "mtop/en/train.txt").read_text() == "row\n"
    assert not list(tmp_path.glob("downloads/*.txt"))


def test_a_link_in_an_archive_is_written_as_a_plain_file(mirror, tmp_path):
    folder, address = mirror
    link = zipfile.ZipInfo("mtop/en/train.txt")
    link.external_attr = 0o120777 << 16  # a symbolic link, as Info-ZIP stores it
    entry = zip_task(folder, {})
    path = folder / "mtop" / "mtop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/hostname")
    entry["archive"]["sha256"] = files.sha256(path)
    download("mtop", entry, address, tmp_path / "out")
    assert not (tmp_path / "out/mtop/en/train.txt").is_symlink()
    assert (tmp_path / "out/mtop/en/train.txt").read_text() == "/etc/hostname"


def refused(task, entry, source, out):
    """The message of a refused download, after which no file is there."""
    with pytest.raises(UserError) as error:
        download(task, entry, source, out)
    assert [path for path in out.rglob("*") if path.is_file()] == []
    return str(error.value)


def test_a_missing_file_is_an_error_with_the_manual_remedy(mirror, tmp_path):
    folder, address = mirror
    entry = plain_task(folder) | {"files": {"train": "gone.json"}}
    message = refused("dart", entry, address, tmp_path / "out")
    assert f"{address}/dart/gone.json" in message
    assert "404" in message
    assert "<folder>/dart/gone.json" in message
    assert "source: <folder>" in message


def test_no_connection_is_an_error_with_the_manual_remedy(mirror, tmp_path):
    folder, _ = mirror
    assert "<folder>/dart/train.json" in refused("dart", plain_task(folder), "official", tmp_path / "out")


def test_a_download_that_is_cut_off_leaves_nothing(tmp_path):
    class Short(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"[1, ")

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Short) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        message = refused("dart", {"base": address, "files": {"train": "a.json"}}, "official", tmp_path / "out")
        server.shutdown()
    assert "could not download" in message


def test_a_wrong_checksum_of_a_file_leaves_nothing(mirror, tmp_path):
    folder, address = mirror
    message = refused("dart", plain_task(folder, **{"train.json": "0" * 64}), address, tmp_path / "out")
    assert hashlib.sha256(b"[1]").hexdigest() in message


def test_a_wrong_checksum_of_an_archive_leaves_nothing(mirror, tmp_path):
    folder, address = mirror
    entry = zip_task(folder, {"mtop/en/train.txt": "row\n"})
    entry["archive"]["sha256"] = "0" * 64
    assert "published is 000" in refused("mtop", entry, address, tmp_path / "out")


@pytest.mark.parametrize(
    ("members", "sha256", "fault"),
    [
        ({"mtop/en/test.txt": "row\n"}, {}, "no item named 'mtop/en/train.txt'"),
        ({"mtop/en/train.txt": "row\n"}, {"mtop/en/train.txt": "0" * 64}, "published is 000"),
    ],
)
def test_a_wrong_archive_leaves_no_record_and_no_member(mirror, tmp_path, members, sha256, fault):
    folder, address = mirror
    with pytest.raises(UserError, match=fault):
        download("mtop", zip_task(folder, members, sha256=sha256), address, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["mtop.zip"]


def test_a_file_that_is_no_archive_is_an_error(mirror, tmp_path):
    folder, address = mirror
    entry = zip_task(folder, {})
    (folder / "mtop/mtop.zip").write_text("<html>")
    entry["archive"]["sha256"] = files.sha256(folder / "mtop/mtop.zip")
    with pytest.raises(UserError, match="not a whole zip archive"):
        download("mtop", entry, address, tmp_path / "out")


def test_a_source_that_is_no_address_and_a_file_outside_the_folder_are_refused(tmp_path):
    entry = {"base": "http://127.0.0.1:1", "files": {"train": "train.json"}}
    assert "neither `official` nor" in refused("dart", entry, "/some/folder", tmp_path / "out")
    entry["files"]["train"] = "../train.json"
    assert "outside" in refused("dart", entry, "official", tmp_path / "out")
