"""The download of a task's files: sources, checksums, and messages with the remedy."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from archives import listed, zipped
from loopback import serving_files

from softshot import catalogue, files
from softshot.data import archive, content, transfer
from softshot.data.download import deliver, download
from softshot.data.sources import unusable
from softshot.data.transfer import CHUNK
from softshot.errors import UserError
from softshot.sections import read
from softshot.task import TaskSettings

pytestmark = pytest.mark.usefixtures("sleeps")

HUB = "http://127.0.0.1:1"  # nobody listens there


def settings(**keys):
    """A task's entry; by default its files are a.json and b.json at an address where nobody listens."""
    default = {"files": {"train": "a.json", "test": "b.json"}, "carve": {"held_out": 0.1}, "metrics": ["bleu"]}
    if "archive" not in keys:
        default["base"] = HUB
    return read(TaskSettings, default | keys, "test")


@pytest.fixture
def mirror():
    with serving_files({"/mine/a.json": b"[1]", "/mine/b.json": b"[2]"}) as server:
        yield server


def zip_entry(mirror, members, **keys):
    """An entry whose archive the mirror has."""
    data = mirror.contents["/mine/data.zip"] = zipped(members)
    address = {"name": "data.zip", "url": f"{mirror.address}/mine/data.zip", "sha256": hashlib.sha256(data).hexdigest()}
    return settings(**({"archive": address, "shared": ["tables.json"], "folders": ["database"]} | keys))


def message(entry, source, folder):
    with pytest.raises(UserError) as error:
        download("mine", entry, source, HUB, folder)
    assert not (folder / "checksums.json").exists()
    return str(error.value)


@pytest.mark.parametrize("slash", ["", "/"])
def test_files_come_from_a_mirror_and_their_checksums_are_recorded(slash, mirror, tmp_path):
    download("mine", settings(), mirror.address + slash, HUB, tmp_path)
    sums = {"a.json": hashlib.sha256(b"[1]").hexdigest(), "b.json": hashlib.sha256(b"[2]").hexdigest()}
    checksums = {"task": "mine", "source": mirror.address + slash, "files": sums}
    assert files.read_json(tmp_path / "checksums.json") == checksums
    assert files.read_json(tmp_path / ".recorded.json") == {"mirror": sums}
    assert listed(tmp_path) == [".recorded.json", "a.json", "b.json", "checksums.json"]


def test_files_come_from_the_official_address(mirror, tmp_path):
    entry = settings(base=f"{mirror.address}/mine", shared=["c d.json"])
    mirror.contents["/mine/c%20d.json"] = b"[{}]"
    download("mine", entry, "official", HUB, tmp_path)
    assert (tmp_path / "b.json").read_text() == "[2]"
    assert (tmp_path / "c d.json").read_text() == "[{}]"


MEMBERS = [("top/a.json", "[1]"), ("top/b.json", "[2]"), ("top/tables.json", "[3]"), ("top/database/x/x.sqlite", "x")]


@pytest.mark.parametrize("source", ["official", "mirror"])
def test_an_archive_is_unpacked(source, mirror, tmp_path):
    entry = zip_entry(mirror, MEMBERS)
    download("mine", entry, mirror.address if source == "mirror" else source, HUB, tmp_path)
    names = ["a.json", "b.json", "checksums.json", "data.zip", "database/x/x.sqlite", "tables.json"]
    assert listed(tmp_path) == [".recorded.json", *names]
    checksums = files.read_json(tmp_path / "checksums.json")
    assert checksums["archive"] == {
        "url": f"{mirror.address}/mine/data.zip",
        "sha256": entry.archive.sha256,
        "folders": ["database"],
    }
    assert list(checksums["files"]) == ["a.json", "b.json", "tables.json"]


def test_what_is_there_with_its_published_checksum_is_not_downloaded_again(mirror, tmp_path):
    entry = zip_entry(mirror, MEMBERS)
    download("mine", entry, "official", HUB, tmp_path)
    download("mine", entry, "official", HUB, tmp_path)
    assert len(mirror.requests) == 1
    (tmp_path / "data.zip").write_bytes(b"changed")
    download("mine", entry, "official", HUB, tmp_path)
    assert len(mirror.requests) == 2


def test_a_wrong_checksum_leaves_nothing(mirror, tmp_path):
    told = message(settings(sha256={"a.json": "0" * 64}), mirror.address, tmp_path)
    assert f"a.json has SHA-256 {hashlib.sha256(b'[1]').hexdigest()}, published is 000" in told
    assert listed(tmp_path) == []


def test_a_wrong_checksum_of_an_archive_or_a_member_leaves_no_member(mirror, tmp_path):
    entry = zip_entry(mirror, MEMBERS, sha256={"a.json": "0" * 64})
    assert "a.json has SHA-256" in message(entry, mirror.address, tmp_path)
    assert listed(tmp_path) == ["data.zip"]
    mirror.contents["/mine/data.zip"] = zipped(MEMBERS[:1])
    (tmp_path / "data.zip").unlink()
    assert "data.zip has SHA-256" in message(entry, mirror.address, tmp_path)
    assert listed(tmp_path) == []


def test_a_file_that_changed_at_its_source_is_an_error_until_its_record_is_deleted(mirror, tmp_path):
    download("mine", settings(), mirror.address, HUB, tmp_path)
    mirror.contents["/mine/b.json"] = b"[3]"
    told = message(settings(), mirror.address, tmp_path)
    for part in ("b.json has SHA-256", hashlib.sha256(b"[2]").hexdigest(), "the source has changed", ".recorded.json"):
        assert part in told
    assert (tmp_path / "b.json").read_bytes() == b"[2]"
    record = files.read_json(tmp_path / ".recorded.json")
    del record["mirror"]["b.json"]
    files.write_json(tmp_path / ".recorded.json", record)
    download("mine", settings(), mirror.address, HUB, tmp_path)
    assert (tmp_path / "b.json").read_bytes() == b"[3]"


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
STRANGERS = {
    "a Git LFS pointer": POINTER,
    "a web page (Sign in)": b"<!DOCTYPE html><title>Sign in</title>",
    "a web page": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "it is no list of records": b'{"message": "Not Found"}',
    "it is cut or no data: not valid JSON": b'[{"a": 1}, {"a"',
    "it is cut or no data": b"404: Not Found",
    "it is empty": b"",
}


@pytest.mark.parametrize("what", STRANGERS)
@pytest.mark.parametrize("archived", [False, True])
def test_what_is_not_the_file_is_neither_recorded_nor_kept(what, archived, mirror, tmp_path):
    """With no published checksum; and the same command works once the source is mended."""
    if archived:
        members = {
            name: zipped([("top/a.json", "[1]"), ("top/b.json", text)])
            for name, text in (("bad", STRANGERS[what]), ("good", "[2]"))
        }
        entry = settings(archive={"name": "data.zip", "url": f"{mirror.address}/mine/data.zip"})
        place, bad, good = "/mine/data.zip", members["bad"], members["good"]
    else:
        entry, place, bad, good = settings(), "/mine/b.json", STRANGERS[what], b"[2]"
    mirror.contents[place] = bad
    told = message(entry, mirror.address, tmp_path)
    assert "b.json" in told and what in told and "What you can do:" in told
    assert not {"b.json", ".recorded.json"} & {*listed(tmp_path)}
    mirror.contents[place] = good
    download("mine", entry, mirror.address, HUB, tmp_path)
    assert (tmp_path / "b.json").read_bytes() == b"[2]"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.jsonl", b'{"a": 1}\n\n{"a": 2}\n\n', b'{"a": 1}\n{"a": '),
        ("a.jsonl", b'{"a": 1}', b'"a"\n'),
        ("a.txt", b"1\ta\n2\tb\n", b"1\ta\n2"),
        ("a.txt", b"1\ta", b"not found"),
        ("a.sqlite", b"anything", b""),
    ],
)
def test_files_of_lines_that_are_cut_are_told_by_their_last_line(name, good, bad, tmp_path):
    path = tmp_path / name
    path.write_bytes(good)
    assert content.fault(path, path.suffix) is None
    path.write_bytes(bad)
    assert content.fault(path, path.suffix)


def test_another_kind_of_source_has_its_own_record(mirror, tmp_path):
    download("mine", settings(), mirror.address, HUB, tmp_path)
    mirror.contents["/other/a.json"], mirror.contents["/other/b.json"] = b"[4]", b"[5]"
    download("mine", settings(base=f"{mirror.address}/other"), "official", HUB, tmp_path)
    assert set(files.read_json(tmp_path / ".recorded.json")) == {"mirror", "official"}


def test_an_archive_without_a_published_checksum_is_recorded_only_when_it_is_sound(mirror, tmp_path):
    entry = zip_entry(mirror, MEMBERS)
    entry = entry.model_copy(update={"archive": entry.archive.model_copy(update={"sha256": None})})
    good, mirror.contents["/mine/data.zip"] = mirror.contents["/mine/data.zip"], b"PK\x03\x04 but no archive"
    assert "not a sound zip archive" in message(entry, "official", tmp_path)
    assert listed(tmp_path) == []
    mirror.contents["/mine/data.zip"] = good
    download("mine", entry, "official", HUB, tmp_path)
    assert "data.zip" in files.read_json(tmp_path / ".recorded.json")["official"]


def test_an_archive_that_lacks_a_file_or_is_hostile_is_an_error_with_the_remedy(mirror, tmp_path):
    told = message(zip_entry(mirror, MEMBERS[:2]), mirror.address, tmp_path)
    assert f"{mirror.address}/mine/data.zip: the archive has no tables.json" in told
    assert "<folder>/mine/tables.json" in told
    told = message(zip_entry(mirror, [*MEMBERS, ("top/database/../../x", "x")]), mirror.address, tmp_path / "other")
    assert "unsafe name" in told
    assert listed(tmp_path) == []


def test_a_missing_file_is_an_error_with_the_manual_remedy(mirror, tmp_path):
    del mirror.contents["/mine/b.json"]
    told = message(settings(), mirror.address, tmp_path)
    for part in (
        f"task mine: could not get its files from {mirror.address}/mine/b.json: 404 Not Found",
        "<address>/mine/a.json, <address>/mine/b.json",
        "`data: {sources: {mine: <address>}}`",
        "`data: {sources: {mine: <folder>}}`",
        "<folder>/mine/b.json",
    ):
        assert part in told
    assert "mine: official" in told
    assert "mine: hub" not in told
    assert listed(tmp_path) == ["a.json"]


@pytest.mark.parametrize("task", ["totto", "dart", "logic2text", "spider", "mtop"])
def test_a_source_that_is_gone_names_every_file_and_the_hub_where_it_has_them(task, tmp_path):
    entry = catalogue.task_entry(task, {})
    with pytest.raises(UserError) as error:
        download(task, entry, "http://127.0.0.1:1", HUB, tmp_path)
    assert "refused" in str(error.value)
    for name in [*entry.files.values(), *entry.shared, *entry.folders]:
        assert f"    <folder>/{task}/{name}" in str(error.value)
    assert (f"{task}: hub" in str(error.value)) == (entry.hub is not None)
    assert listed(tmp_path) == []


def test_a_broken_download_continues_in_the_next_job(mirror, tmp_path):
    whole = mirror.contents["/mine/b.json"] = b"[" + b"1, " * 10**6 + b"1]"
    mirror.script = [{}, *[{"cut": CHUNK}] * transfer.ATTEMPTS]
    message(settings(), mirror.address, tmp_path)
    assert listed(tmp_path) == ["a.json", "b.json.part", "b.json.part.json"]
    download("mine", settings(), mirror.address, HUB, tmp_path)
    assert mirror.requests[-1][1] == f"bytes={CHUNK * transfer.ATTEMPTS}-"
    assert (tmp_path / "b.json").read_bytes() == whole


def test_a_folder_that_is_deleted_loses_neither_what_has_arrived_nor_what_the_files_were(mirror, tmp_path):
    """As Snakemake deletes it before the job and after a failure."""
    folder = tmp_path / "mine"
    mirror.contents["/mine/b.json"] = b"[" + b"1, " * 10**6 + b"1]"
    mirror.script = [{}, *[{"cut": CHUNK}] * transfer.ATTEMPTS]
    with pytest.raises(UserError, match=r"b\.json"):
        deliver("mine", settings(), mirror.address, HUB, folder)
    assert not folder.exists()
    deliver("mine", settings(), mirror.address, HUB, folder)
    assert mirror.requests[-1][1] == f"bytes={CHUNK * transfer.ATTEMPTS}-"
    assert listed(folder) == ["a.json", "b.json", "checksums.json"]
    shutil.rmtree(folder)
    mirror.contents["/mine/b.json"] = b"[2]"
    with pytest.raises(UserError, match=r"the source has changed(?s:.*)delete the entry") as error:
        deliver("mine", settings(), mirror.address, HUB, folder)
    record = Path(re.search(r"mirror: b\.json in (\S+)", str(error.value))[1])
    files.write_json(record, {"mirror": {"a.json": files.read_json(record)["mirror"]["a.json"]}})
    deliver("mine", settings(), mirror.address, HUB, folder)
    assert (folder / "b.json").read_bytes() == b"[2]"


def test_checksums_of_an_earlier_download_do_not_survive_a_failure(mirror, tmp_path):
    download("mine", settings(), mirror.address, HUB, tmp_path)
    del mirror.contents["/mine/a.json"]
    message(settings(), mirror.address, tmp_path)


def test_a_disk_that_is_full_is_an_error_without_traceback(mirror, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.shutil, "copyfileobj", full)
    assert "cannot be written: [Errno 28] No space left" in message(zip_entry(mirror, MEMBERS), "official", tmp_path)


def test_sources_and_files_that_cannot_be_meant_are_refused(tmp_path):
    assert "neither `official` nor `hub`" in message(settings(), "/some/folder", tmp_path)
    assert "nothing is read from s3:// addresses" in message(settings(), "s3://bucket/folder", tmp_path)
    assert "lies outside" in message(settings(files={"train": "../a", "test": "b"}), "official", tmp_path)
    assert "lies outside" in message(settings(folders=["/database"]), "official", tmp_path)
    assert "mine has no copy on the hub" in message(settings(), "hub", tmp_path)


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        ("s3://bucket/folder", "only from http and https ones and folders; copy the files into a local folder"),
        ("gs://bucket", "nothing is read from gs:// addresses"),
        ("file:///data/mine", "file:///data/mine: write the path alone, /data/mine"),
        ("hf://datasets/me/mine", "write `hub`"),
        ("https://", "names no host"),
        ("http:///folder", "names no host"),
    ],
)
def test_addresses_that_nothing_can_be_read_from_are_told_with_what_to_write(place, remedy):
    assert remedy in unusable(place)


@pytest.mark.parametrize(
    "place", ["official", "hub", "https://me.org/data", "http://127.0.0.1:8", "data", "/data", "~"]
)
def test_other_places_are_usable(place):
    assert unusable(place) is None
