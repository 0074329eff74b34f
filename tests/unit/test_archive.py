"""Archives: what is unpacked from them, and which are refused."""

import random
import stat
from contextlib import suppress

import pytest
from archives import listed, zipped

from softshot.data import archive
from softshot.data.archive import ArchiveError, unpack


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
