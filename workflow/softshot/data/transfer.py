"""One file over HTTP, through broken transfers: retried, resumed, and in its place only when whole and checked."""

import re
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from softshot import files
from softshot.data.content import stranger

TIMEOUT = (15, 60)  # seconds to connect, and without a byte
CHUNK = 1 << 16  # bytes; a chunk that a broken transfer ends in is lost
ATTEMPTS = 6  # requests for an answer, and transfers of one file
BACKOFF = 1.0  # seconds before the second repetition; each further one waits twice as long
LONGEST_WAIT = 120  # seconds, also where a server's Retry-After asks for more
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)}


class TransferError(Exception):
    """A file that could not be had; the message says why."""


class _Broken(Exception):
    """A transfer that ended early and can be continued."""


def fetch(url: str, path: Path, check: Callable[[Path], object]) -> None:
    """Download `url` to `path`.

    What has arrived stays in `<path>.part` when a transfer breaks, also for the next call, which asks for the rest
    of the same file only (`Range` with `If-Range`); `<path>.part.json` says which file it is part of. A file that
    changed meanwhile, or a server that cannot continue, starts it anew. `check` is called on the whole file and
    raises if it is not right; the file is then deleted.
    Raises TransferError when the address is gone, or still fails after all attempts.
    """
    part, note = Path(f"{path}.part"), Path(f"{path}.part.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=_retries()))
        for attempt in range(ATTEMPTS):
            try:
                _transfer(session, url, part, note)
                break
            except _Broken as error:
                if attempt == ATTEMPTS - 1:
                    raise TransferError(f"{error}, {ATTEMPTS} times; what has arrived is kept in {part}") from None
                print(f"{url}: {error}; continuing", file=sys.stderr)
                time.sleep(min(BACKOFF * 2**attempt, LONGEST_WAIT))
            except requests.RequestException as error:
                raise TransferError(_reason(error)) from None
    note.unlink(missing_ok=True)
    try:
        _refuse_stranger(part)
        check(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _retries() -> Retry:
    """Repetitions of a request that gets no answer, or one that may pass; urllib3 waits and heeds Retry-After."""
    return Retry(
        total=ATTEMPTS - 1,
        backoff_factor=BACKOFF,
        backoff_max=LONGEST_WAIT,
        retry_after_max=LONGEST_WAIT,
        status_forcelist=PASSING,
        raise_on_status=False,
    )


def _transfer(session: requests.Session, url: str, part: Path, note: Path) -> None:
    """Add to `part` what is missing of `url`; _Broken if it ends early again."""
    start, version = _arrived(url, part, note)
    headers = {"Accept-Encoding": "identity"}  # ranges and lengths are those of the file itself
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
            raise _Broken("the file has no such rest")
        if not response.ok:
            times = f", {ATTEMPTS} times" if response.status_code in PASSING else ""
            raise TransferError(f"{response.status_code} {response.reason}{times}")
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            start = 0
        elif _version(response) not in (version, None) or not _continues(response, start):
            part.unlink(missing_ok=True)
            raise _Broken("the server sent something else than the rest that was asked for")
        length = response.headers.get("Content-Length")
        total = None if length is None or "Content-Encoding" in response.headers else start + int(length)
        if not start:
            part.unlink(missing_ok=True)
            files.write_json(note, {"url": url, "version": _version(response)})
        _write(response, part, start, total)


def _arrived(url: str, part: Path, note: Path) -> tuple[int, str | None]:
    """Bytes that have arrived and can be continued, and the version of the file that they are of."""
    if not (part.is_file() and note.is_file()):
        return 0, None
    known = files.read_json(note)
    if known["url"] != url or known["version"] is None:
        return 0, None
    return part.stat().st_size, known["version"]


def _continues(response: requests.Response, start: int) -> bool:
    """Whether a partial answer begins where the file that has arrived ends."""
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _write(response: requests.Response, part: Path, start: int, total: int | None) -> None:
    """Append the answer's body to `part`, with progress; `total` is the whole file's size, None if not known."""
    terminal = sys.stderr.isatty()
    size = "" if total is None else f" ({total / 1e6:.1f} MB)"
    if not terminal:
        print(f"{response.url}{size}: " + (f"from byte {start}" if start else "started"), file=sys.stderr)
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem, disable=not terminal)
    with bar, part.open("ab") as file:
        try:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        except requests.RequestException as error:  # also a body that is shorter than its Content-Length
            raise _Broken(f"broken off ({_reason(error)})") from None
    if not terminal:
        print(f"{response.url}: {part.stat().st_size / 1e6:.1f} MB, done", file=sys.stderr)


def _version(response: requests.Response) -> str | None:
    """What `If-Range` may compare: a strong ETag, else the time of the last change; None where nothing is."""
    etag = response.headers.get("ETag", "")
    if "Content-Encoding" in response.headers:
        return None  # its bytes are not the file's
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _refuse_stranger(path: Path) -> None:
    """Refuse what is no file of data, such as the page of a host whose quota is used up, or asks for consent."""
    if what := stranger(path):
        quota = "; is its quota used up?" if "page" in what else ""
        raise TransferError(f"the server sent {what} and not the file{quota}")


def _reason(error: Exception) -> str:
    """The innermost reason of a connection's fault, without the layers around it."""
    inner = [getattr(error, "reason", None), *reversed(error.args)]
    found = next((part for part in inner if isinstance(part, Exception)), None)
    return _reason(found) if found else re.sub(r"^\w+\(.*?\): ", "", str(error))
