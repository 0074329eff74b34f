"""The transfer of one file: broken, continued, refused, or not the file that was meant."""

import hashlib
import random
import sys

import pytest
from loopback import CONTENT, serving_files

from softshot.data import transfer
from softshot.data.transfer import CHUNK, TransferError, fetch
from softshot.errors import UserError

pytestmark = pytest.mark.usefixtures("sleeps")


@pytest.fixture
def server():
    with serving_files({"/file": CONTENT}) as server:
        yield server


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
