"""pytest tests/unit/test_download.py"""

import hashlib
import io
import random
import stat
import sys
import warnings
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest
from loopback import serving

from softshot import catalogue, files
from softshot.data import archive, transfer
from softshot.data.archive import ArchiveError, unpack
from softshot.data.download import download
from softshot.data.transfer import CHUNK, TransferError, fetch
from softshot.errors import UserError
from softshot.sections import read
from softshot.task import TaskSettings

CONTENT = bytes(random.Random(0).randbytes(3_000_000))
HUB = "http://127.0.0.1:1"  # nobody listens there


class Files(BaseHTTPRequestHandler):
    """Serves `contents` (path to bytes). `script` says what is special about the answers to come, one entry each.

    cut: the body ends after so many bytes. status, headers: an answer without a body. becomes: from now on the file
    has this content. `ranges` is False for a server that knows none, "always" for one that overlooks If-Range;
    `versions` are the headers that name a file's version.
    """

    def do_GET(self):
        server = self.server
        asked = {name: self.headers.get(name) for name in ("Range", "If-Range")}
        server.requests.append((self.path, *asked.values()))
        special = server.script.pop(0) if server.script else {}
        if "becomes" in special:
            server.contents[self.path] = special["becomes"]
        if "status" in special or self.path not in server.contents:
            return self.head(special.get("status", 404), {"Content-Length": "0", **special.get("headers", {})})
        content = server.contents[self.path]
        versions = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"'} if server.versions is None else server.versions
        start, status = 0, 200
        if asked["Range"] and (server.ranges == "always" or (server.ranges and asked["If-Range"] in versions.values())):
            start, status = int(asked["Range"].removeprefix("bytes=").rstrip("-")), 206
            if start >= len(content):
                return self.head(416, {"Content-Length": "0"})
            versions |= {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        self.head(status, {"Content-Length": str(len(content) - start), **versions})
        self.wfile.write(content[start:][: special.get("cut")])

    def head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with serving(Files, contents={"/file": CONTENT}, script=[], ranges=True, versions=None) as server:
        yield server


@pytest.fixture(autouse=True)
def sleeps(monkeypatch):
    """The waits that were asked for; none is waited."""
    asked = []
    monkeypatch.setattr("time.sleep", asked.append)
    return asked


def get(server, path, check=lambda file: None):
    fetch(f"{server.address}/file", path, check)
    assert path.read_bytes() == server.contents["/file"]
    assert list(path.parent.iterdir()) == [path]


def fails(server, path, check=lambda file: None, left=()):
    """The message of a transfer that fails, after which only the files `left` are there."""
    with pytest.raises(TransferError) as error:
        fetch(f"{server.address}/file", path, check)
    assert sorted(file.name for file in path.parent.iterdir()) == sorted(left)
    return str(error.value)


def ranges(server):
    return [asked for _, asked, _ in server.requests]


# One file


def test_a_file_arrives_with_a_line_at_start_and_end(server, tmp_path, capsys):
    get(server, tmp_path / "out" / "a.json")
    assert capsys.readouterr().err.splitlines() == [
        f"{server.address}/file (3.0 MB): started",
        f"{server.address}/file: 3.0 MB, done",
    ]


def test_a_terminal_shows_a_bar(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    get(server, tmp_path / "a.json")
    told = capsys.readouterr().err
    assert "a.json: 100%" in told
    assert "started" not in told


def test_a_broken_transfer_continues_where_it_ended(server, tmp_path):
    server.script = [{"cut": 10 * CHUNK + 5}, {"cut": 5 * CHUNK}, {"cut": 0}]
    get(server, tmp_path / "a")
    assert ranges(server) == [None, *(f"bytes={count * CHUNK}-" for count in (10, 15, 15))]
    assert server.requests[1][2] == f'"{hashlib.sha1(CONTENT).hexdigest()}"'


@pytest.mark.parametrize("seed", range(20))
def test_whatever_breaks_the_file_is_whole_or_not_there(seed, server, tmp_path):
    chance = random.Random(seed)
    kinds = [{"cut": chance.randrange(3_000_000)}, {"status": 503}, {"becomes": chance.randbytes(1_000_000)}, {}]
    server.script = [
        chance.choice(kinds) | ({"cut": chance.randrange(900_000)} if chance.random() < 0.5 else {})
        for _ in range(chance.randrange(12))
    ]
    server.ranges = chance.choice([True, False])
    for _ in range(4):
        try:
            get(server, tmp_path / "a")
            break
        except TransferError:
            assert not (tmp_path / "a").exists()


def test_a_server_that_ignores_ranges_starts_anew(server, tmp_path):
    server.ranges = False
    server.script = [{"cut": CHUNK}]
    get(server, tmp_path / "a")
    assert ranges(server) == [None, f"bytes={CHUNK}-"]


@pytest.mark.parametrize("ranges", [True, "always"])
def test_a_file_that_changed_meanwhile_starts_anew(ranges, server, tmp_path):
    server.ranges = ranges
    server.script = [{"cut": CHUNK}, {"becomes": CONTENT[::-1]}]
    get(server, tmp_path / "a")


@pytest.mark.parametrize(
    ("versions", "compared"),
    [
        ({"ETag": 'W/"weak"', "Last-Modified": "Mon, 02 Jan 2023 00:00:00 GMT"}, "Mon, 02 Jan 2023 00:00:00 GMT"),
        ({"ETag": 'W/"weak"'}, None),
        ({}, None),
    ],
)
def test_what_names_no_version_for_sure_is_not_continued(versions, compared, server, tmp_path):
    server.versions = versions
    server.script = [{"cut": CHUNK}]
    get(server, tmp_path / "a")
    assert server.requests[1] == ("/file", f"bytes={CHUNK}-" if compared else None, compared)


def test_what_has_arrived_is_kept_and_the_next_call_continues(server, tmp_path):
    server.script = [{"cut": CHUNK}] * transfer.ATTEMPTS
    message = fails(server, tmp_path / "a", left=["a.part", "a.part.json"])
    assert "broken off" in message
    assert "6 times; what has arrived is kept in" in message
    server.requests.clear()
    get(server, tmp_path / "a")
    assert ranges(server) == [f"bytes={CHUNK * transfer.ATTEMPTS}-"]


def test_a_part_of_another_address_is_not_continued(server, tmp_path):
    server.contents["/other"] = CONTENT
    server.script = [{"cut": CHUNK}] * transfer.ATTEMPTS
    fails(server, tmp_path / "a", left=["a.part", "a.part.json"])
    server.requests.clear()
    fetch(f"{server.address}/other", tmp_path / "a", lambda file: None)
    assert ranges(server) == [None]


def test_a_part_that_is_already_whole_starts_anew(server, tmp_path):
    server.script = [{"cut": CHUNK}] * transfer.ATTEMPTS
    fails(server, tmp_path / "a", left=["a.part", "a.part.json"])
    (tmp_path / "a.part").write_bytes(CONTENT)
    get(server, tmp_path / "a")


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_gone_is_asked_for_once(status, server, tmp_path, sleeps):
    server.script = [{"status": status}]
    assert str(status) in fails(server, tmp_path / "a")
    assert len(server.requests) == 1
    assert sleeps == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_waited_for(status, server, tmp_path):
    server.script = [{"status": status}] * 3
    get(server, tmp_path / "a")
    assert len(server.requests) == 4


def test_a_fault_that_does_not_pass_ends_after_ever_longer_waits(server, tmp_path, sleeps):
    server.script = [{"status": 503}] * 100
    assert "503 Service Unavailable, 6 times" in fails(server, tmp_path / "a")
    assert len(server.requests) == transfer.ATTEMPTS
    assert sleeps == [2, 4, 8, 16]


def test_waits_between_broken_transfers_grow(server, tmp_path, sleeps):
    server.script = [{"cut": 1}] * 4
    get(server, tmp_path / "a")
    assert sleeps == [1, 2, 4, 8]


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("1000000", transfer.LONGEST_WAIT)])
def test_a_server_may_say_how_long_to_wait(asked, waited, server, tmp_path, sleeps):
    server.script = [{"status": 429, "headers": {"Retry-After": asked}}]
    get(server, tmp_path / "a")
    assert sleeps == [waited]


def test_a_web_page_in_the_files_place_is_named_as_such(server, tmp_path):
    page = b"\n<!DOCTYPE html><html><head><title>Google Drive -\n Quota exceeded</title></head>Sorry</html>"
    server.contents["/file"] = page
    message = fails(server, tmp_path / "a")
    assert "a web page (Google Drive - Quota exceeded) and not the file" in message


def test_a_file_that_fails_its_check_is_deleted(server, tmp_path):
    def check(file):
        assert file.read_bytes() == CONTENT
        raise UserError("wrong")

    with pytest.raises(UserError, match="wrong"):
        fetch(f"{server.address}/file", tmp_path / "a", check)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [("http://127.0.0.1:1/file", "refused"), ("http://no-such-host.invalid/file", "resolve"), ("http://", "Invalid")],
)
def test_an_address_without_a_server_is_an_error_that_says_why(url, reason, tmp_path):
    with pytest.raises(TransferError, match=reason):
        fetch(url, tmp_path / "a", lambda file: None)
    assert list(tmp_path.iterdir()) == []


# Archives


def zipped(members, mode=stat.S_IFREG | 0o644):
    """A zip archive of (name, text) pairs, which may repeat a name."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names that repeat
        for name, text in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            opened.writestr(info, text)
    return data.getvalue()


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def unpacked(tmp_path, data, names=("a.txt",), folders=("database",)):
    (tmp_path / "archive.zip").write_bytes(data)
    found = unpack(tmp_path / "archive.zip", list(names), list(folders), tmp_path / "out", lambda name, file: None)
    return found, listed(tmp_path / "out")


SPIDER = [("a.txt", "a"), ("tables.json", "t"), ("database/x/x.sqlite", "x"), ("database/y/y.sqlite", "y")]


@pytest.mark.parametrize("top", ["", "spider/", "spider_data/", "deep/er/"])
def test_files_and_folders_are_found_below_any_top_folder(top, tmp_path):
    members = [(top + name, text) for name, text in SPIDER]
    members += [("__MACOSX/" + top + name, "resource fork") for name, _ in SPIDER]
    members += [(top + "test/a.txt", "deeper"), (top + "test_database/z/z.sqlite", "z"), (top + "else.txt", "e")]
    found, left = unpacked(tmp_path, zipped(members))
    assert found == ["database"]
    assert left == ["a.txt", "database/x/x.sqlite", "database/y/y.sqlite"]
    assert (tmp_path / "out/a.txt").read_text() == "a"


def test_a_folder_that_is_not_there_is_left_out_and_an_old_one_is_replaced(tmp_path):
    assert unpacked(tmp_path, zipped(SPIDER[:2])) == ([], ["a.txt"])
    (tmp_path / "out/database").mkdir()
    (tmp_path / "out/database/old").write_text("")
    assert unpacked(tmp_path, zipped(SPIDER))[1] == ["a.txt", "database/x/x.sqlite", "database/y/y.sqlite"]
    assert stat.S_IMODE((tmp_path / "out/database").stat().st_mode) == 0o755


GOOD = ("a.txt", "a")
HOSTILE = {
    "a way up": ([GOOD, ("database/../../escaped", "x")], "unsafe name"),
    "a way up, for a file": ([("../a.txt", "x")], "unsafe name"),
    "an absolute name": ([("/tmp/a.txt", "x")], "unsafe name"),
    "an absolute folder": ([GOOD, ("/etc/database/x", "x")], "unsafe name"),
    "backslashes": ([GOOD, ("database/..\\..\\escaped", "x")], "unsafe name"),
    "a drive": ([GOOD, ("C:/database/x", "x")], "unsafe name"),
    "an empty part": ([GOOD, ("database//x", "x")], "unsafe name"),
    "a dot": ([GOOD, ("database/./x", "x")], "unsafe name"),
    "a name twice": ([GOOD, GOOD], "more than once"),
    "a name twice in a folder": ([GOOD, ("database/x", "1"), ("database/x", "2")], "more than once"),
    "two candidates": ([("one/a.txt", "1"), ("two/a.txt", "2")], "more than once: one/a.txt, two/a.txt"),
    "a file that is a folder too": ([GOOD, ("database/x", "1"), ("database/x/y", "2")], "more than once"),
    "no such file": ([("b.txt", "b")], "has no a.txt"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_are_refused_before_anything_is_written(case, tmp_path):
    members, fault = HOSTILE[case]
    with pytest.raises(ArchiveError, match=fault):
        unpacked(tmp_path, zipped(members))
    assert listed(tmp_path) == ["archive.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
@pytest.mark.parametrize("name", ["a.txt", "database/link"])
def test_links_and_devices_are_refused(kind, name, tmp_path):
    with pytest.raises(ArchiveError, match="link or a device"):
        unpacked(tmp_path, zipped([(name, "/etc/passwd"), *([] if name == "a.txt" else [GOOD])], mode=kind | 0o777))
    assert listed(tmp_path) == ["archive.zip"]


def patched(data, place, value):
    """The archive with bytes of its first member's entry in the directory changed."""
    start = data.index(b"PK\x01\x02") + place
    return data[:start] + value + data[start + len(value) :]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (patched(zipped([GOOD]), 8, b"\x01\x00"), "encrypted"),
        (patched(zipped([("a.txt", "a" * 10_000)]), 24, (100).to_bytes(4, "little")), "CRC"),  # larger than declared
        (patched(zipped([("a.txt", "a" * 10_000)]), 16, b"\0\0\0\0"), "CRC"),
        (patched(zipped([GOOD]), 10, b"\x63\x00"), "compression"),
        (patched(zipped([GOOD]), 42, b"\xff\xff\0\0"), "not a sound zip"),  # begins outside the file
        (zipped([GOOD])[:-10], "not a sound zip"),
        (b"no archive", "not a sound zip"),
        (b"", "not a sound zip"),
    ],
)
def test_unsound_archives_are_refused(data, fault, tmp_path):
    with pytest.raises(ArchiveError, match=fault):
        unpacked(tmp_path, data)
    assert listed(tmp_path) == ["archive.zip"]


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST", 1000)
    members = [GOOD, *((f"database/{number}", "0" * 100) for number in range(10))]
    with pytest.raises(ArchiveError, match="limit"):
        unpacked(tmp_path, zipped(members))
    assert unpacked(tmp_path, zipped(members[:-1]))[0] == ["database"]


@pytest.mark.parametrize("seed", range(5))
def test_no_name_leads_out_of_the_folder(seed, tmp_path):
    chance = random.Random(seed)
    parts = ["..", ".", "", "a.txt", "database", "C:", "x\\y", "\\", "~", "b", "..\\..", "\n", "é"]
    for _ in range(50):
        members = [("/".join(chance.choices(parts, k=chance.randint(1, 6))), "x") for _ in range(3)] + [GOOD]
        try:
            unpacked(tmp_path, zipped(members))
        except ArchiveError:
            continue
        assert {path.split("/")[0] for path in listed(tmp_path)} <= {"archive.zip", "out"}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_damaged_is_an_error_or_harmless(seed, tmp_path):
    chance = random.Random(seed)
    whole = zipped([GOOD, ("database/x", "x" * 5000), ("database/y", "y")])
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with suppress(ArchiveError):
            unpacked(tmp_path, bytes(data))


# A task's files


def settings(**keys):
    """A task's entry; by default its files are a.json and b.json at an address where nobody listens."""
    default = {"files": {"train": "a.json", "test": "b.json"}, "carve": {"held_out": 0.1}, "metrics": ["bleu"]}
    if "archive" not in keys:
        default["base"] = HUB
    return read(TaskSettings, default | keys, "test")


@pytest.fixture
def mirror(server):
    server.contents = {"/mine/a.json": b"[1]", "/mine/b.json": b"[2]"}
    return server


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
    mirror.contents["/mine/c%20d.json"] = b"{}"
    download("mine", entry, "official", HUB, tmp_path)
    assert (tmp_path / "b.json").read_text() == "[2]"
    assert (tmp_path / "c d.json").read_text() == "{}"


MEMBERS = [("top/a.json", "1"), ("top/b.json", "2"), ("top/tables.json", "t"), ("top/database/x/x.sqlite", "x")]


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
    mirror.contents["/mine/b.json"] = CONTENT
    mirror.script = [{}, *[{"cut": CHUNK}] * transfer.ATTEMPTS]
    message(settings(), mirror.address, tmp_path)
    assert listed(tmp_path) == ["a.json", "b.json.part", "b.json.part.json"]
    download("mine", settings(), mirror.address, HUB, tmp_path)
    assert mirror.requests[-1][1] == f"bytes={CHUNK * transfer.ATTEMPTS}-"
    assert (tmp_path / "b.json").read_bytes() == CONTENT


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
    assert "lies outside" in message(settings(files={"train": "../a", "test": "b"}), "official", tmp_path)
    assert "lies outside" in message(settings(folders=["/database"]), "official", tmp_path)
    assert "mine has no copy on the hub" in message(settings(), "hub", tmp_path)
