"""A task's official files onto disk: verified where a checksum is published, recorded in checksums.json."""

import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import requests

from softshot import files
from softshot.errors import UserError

TIMEOUT = (15, 60)  # seconds to connect, and without a byte
CHUNK = 1 << 20


def download(task: str, entry: dict[str, Any], source: str, folder: Path) -> None:
    """Put the task's files into `folder`, `checksums.json` last.

    `source` is `official` or the base address of a mirror, which holds `<task>/<file>`. An archive is
    unpacked: the files named in the catalogue entry, by their exact names, and nothing else.
    """
    if source != "official" and not source.startswith(("http://", "https://")):
        raise UserError(f"data.source: {source!r} is neither `official` nor an http(s) address of a mirror")
    for file in entry["files"].values():
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise UserError(f"task {task}: file {file} lies outside the task's folder")
    mirror = f"{source.rstrip('/')}/{task}"
    record = {"task": task, "source": source}
    if "archive" in entry:
        official = entry["archive"]["url"]
        url = official if source == "official" else f"{mirror}/{official.rsplit('/', 1)[1]}"
        record["archive"] = {"url": url, "sha256": entry["archive"]["sha256"]}
        _from_archive(task, entry, url, folder)
    else:
        base = entry["base"] if source == "official" else mirror
        for file in entry["files"].values():
            with files.replacing(folder / file) as temporary:
                _stream(task, entry, f"{base}/{file}", temporary)
                _verify(task, f"{base}/{file}", temporary, entry.get("sha256", {}).get(file))
    record["files"] = {file: files.sha256(folder / file) for file in entry["files"].values()}
    files.write_json(folder / "checksums.json", record)


def _from_archive(task: str, entry: dict[str, Any], url: str, folder: Path) -> None:
    """Download a zip archive, verify it, and take the task's files out of it."""
    path = folder / url.rsplit("/", 1)[1]
    with files.replacing(path) as temporary:
        _stream(task, entry, url, temporary)
        _verify(task, url, temporary, entry["archive"]["sha256"])
    try:
        with zipfile.ZipFile(path) as archive:
            for file in entry["files"].values():
                with files.replacing(folder / file) as out:
                    with archive.open(file) as member, out.open("wb") as copy:
                        shutil.copyfileobj(member, copy)
                    _verify(task, f"{file} in {url}", out, entry.get("sha256", {}).get(file))
    except KeyError as error:
        raise UserError(f"task {task}: {url}: {error.args[0]}") from None
    except zipfile.BadZipFile as error:
        raise UserError(f"task {task}: {url} is not a whole zip archive: {error}") from None


def _stream(task: str, entry: dict[str, Any], url: str, path: Path) -> None:
    """Download `url` to `path`; on a terminal with a line that shows how far it is."""
    terminal = sys.stderr.isatty()
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT) as response, path.open("wb") as file:
            response.raise_for_status()
            total = int(response.headers.get("Content-Length", 0))
            print(f"{url} ({total / 1e6:.1f} MB)", file=sys.stderr)
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                if terminal:
                    print(f"\r{file.tell() / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)
            if terminal:
                print(file=sys.stderr)
    except requests.RequestException as error:
        places = "\n".join(f"  <folder>/{task}/{file}" for file in entry["files"].values())
        raise UserError(
            f"task {task}: could not download {url}: {error}\n"
            "Run again; or name a mirror (config.yaml: `data: {source: <address>}`); or fetch the files yourself,"
            f" put them here and set `data: {{source: <folder>}}`:\n{places}"
        ) from None


def _verify(task: str, name: str, path: Path, published: str | None) -> None:
    """Refuse a file whose checksum is not the published one."""
    found = files.sha256(path)
    if published not in (None, found):
        raise UserError(
            f"task {task}: {name} has SHA-256 {found}, published is {published}."
            " It was cut off or changed on the way: run again, or use another source."
        )
