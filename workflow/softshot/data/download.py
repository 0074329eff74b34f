"""A task's files onto disk, from their own address, a mirror or the hub; and every time the same files."""

import shutil
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from softshot import files
from softshot.data import content
from softshot.data.archive import ArchiveError, unpack
from softshot.data.sources import unusable
from softshot.data.transfer import TransferError, fetch
from softshot.errors import UserError
from softshot.task import SourceSettings

RECORD = ".recorded.json"  # kind of source -> file -> checksum


def deliver(task: str, entry: SourceSettings, source: str, hub: str, folder: Path) -> None:
    """`download` into a folder beside `folder`, which becomes it at the end.

    Snakemake deletes the folder before the job and where it fails: what has arrived by then, and what the files were
    at their first download, stays beside it. Of two studies at once the second takes what the first has made; one that
    names another source finds that out when it reads it.
    """
    with files.alone(folder, "checksums.json") as made:
        if not made:
            _deliver(task, entry, source, hub, folder)


def _deliver(task: str, entry: SourceSettings, source: str, hub: str, folder: Path) -> None:
    """The same for the one study that does it."""
    arriving, record = (folder.with_name(f".{folder.name}{end}") for end in (".arriving", RECORD))
    if folder.is_dir() and not arriving.exists():
        folder.rename(arriving)
    arriving.mkdir(parents=True, exist_ok=True)
    if record.is_file() and not (arriving / RECORD).is_file():
        shutil.copy(record, arriving / RECORD)
    download(task, entry, source, hub, arriving)
    if (arriving / RECORD).is_file():
        (arriving / RECORD).replace(record)
    shutil.rmtree(folder, ignore_errors=True)
    arriving.rename(folder)


def download(task: str, entry: SourceSettings, source: str, hub: str, folder: Path) -> None:
    """Put the task's files into `folder`, `checksums.json` last.

    `source` is `official`, `hub`, or the base address of a mirror, which holds `<task>/<file>` or
    `<task>/<name of the archive>`; `hub` is the hub's address. Nothing half-written is left but a `.part` file, with
    which the next call continues.
    """
    if source not in ("official", "hub") and ("://" not in source or unusable(source)):
        why = unusable(source) or f"{source!r} is neither `official` nor `hub` nor an http(s) address of a mirror"
        raise UserError(f"data.source: {why}")
    names = list(dict.fromkeys([*entry.files.values(), *entry.shared]))  # splits may share a file
    for name in [*names, *entry.folders]:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise UserError(f"task {task}: {name} lies outside the task's folder")
    (folder / "checksums.json").unlink(missing_ok=True)
    checksums = Checksums(task, entry, source, folder)
    mirror = None if source == "official" else f"{source.rstrip('/')}/{task}"
    try:
        if source == "hub":
            details = {"hub": _from_hub(task, entry, hub, folder, checksums)}
        else:
            packed, details = _packed(entry), {}
            if entry.archive:
                url = f"{mirror}/{quote(entry.archive.name)}" if mirror else entry.archive.url
                details = {"archive": _from_archive(entry, url, packed, folder, checksums)}
            for name in names:
                if name not in packed:
                    _fetch(f"{mirror or entry.base}/{quote(name)}", name, folder, checksums)
    except TransferError as error:
        raise UserError(f"task {task}: could not get its files from {error}\n{_remedy(task, entry, source)}") from None
    except OSError as error:
        raise UserError(f"task {task}: {folder} cannot be written: {error}") from None
    checksums.save()
    sums = {name: files.sha256(folder / name) for name in names}
    files.write_json(folder / "checksums.json", {"task": task, "source": source, **details, "files": sums})


def downloaded(record: str, wanted: str, file: Path) -> dict[str, Any]:
    """Where a downloaded file came from, by its task's checksums.json.

    Raises UserError where that is not the `wanted` source, or the file is not the one that was downloaded. The
    downloads belong to the machine: another study may have put its source's files there.
    """
    path = Path(record)
    known = files.read_json(path)
    remedy = f"Delete {path.parent} and run again."
    if known["source"] != wanted:
        raise UserError(
            f"{path.parent} holds the files from {known['source']}, but this study's are those from {wanted}"
            f" (config.yaml: data.source, data.sources). {remedy}"
        )
    recorded = known["files"].get(file.relative_to(path.parent).as_posix())
    if not file.is_file() or files.sha256(file) != recorded:
        raise UserError(f"{file} is not the file that was downloaded, by its checksum in {path.name}. {remedy}")
    return {key: value for key, value in known.items() if key not in ("task", "files")}


class Checksums:
    """What a task's files must be: as published or, where nothing is, as at their first download of the same kind."""

    def __init__(self, task: str, entry: SourceSettings, source: str, folder: Path) -> None:
        self.task = task
        self.kind = source if source in ("official", "hub") else "mirror"
        self.published = {} if source == "hub" else dict(entry.sha256)  # rows of the hub are written anew
        if source != "hub" and entry.archive and entry.archive.sha256:
            self.published[entry.archive.name] = entry.archive.sha256
        self.path = folder / RECORD
        self.recorded = files.read_json(self.path) if self.path.is_file() else {}
        self.found: dict[str, str] = {}

    def check(self, name: str, file: Path) -> None:
        """Refuse a file that is not what it must be; `name` is its path in the task's folder.

        Where nothing is published it must at least be data: what is recorded here is compared ever after.
        """
        found = files.sha256(file)
        if name not in self.published and (fault := content.fault(file, PurePosixPath(name).suffix)):
            raise TransferError(f"{name} is not the file that it should be: {fault}")
        self.found[name] = found
        recorded = self.recorded.get(self.kind, {}).get(name)
        if name in self.published:
            if found != self.published[name]:
                raise UserError(
                    f"task {self.task}: {name} has SHA-256 {found}, published is {self.published[name]}."
                    " It was changed on the way or at its source: run again; name another source"
                    f" (config.yaml: `data: {{sources: {{{self.task}: ...}}}}`); or, if its authors have renewed it,"
                    " correct the checksum in resources/tasks.yaml."
                )
        elif recorded not in (found, None):
            raise UserError(
                f"task {self.task}: {name} has SHA-256 {found}, at its first download from this kind of source"
                f" ({self.kind}) it had {recorded}: the source has changed. To accept the new file, delete the entry"
                f" {self.kind}: {name} in {self.path} and run again."
            )

    def verified(self, name: str, file: Path) -> bool:
        """Whether a file is there that has the published checksum, and need not be downloaded again."""
        return file.is_file() and name in self.published and files.sha256(file) == self.published[name]

    def save(self) -> None:
        """Record the checksums of files for which none is published."""
        new = {name: found for name, found in self.found.items() if name not in self.published}
        if new:
            self.recorded[self.kind] = self.recorded.get(self.kind, {}) | new
            files.write_json(self.path, self.recorded)


def _fetch(url: str, name: str, folder: Path, checksums: Checksums) -> None:
    """Download one file and check it, unless it is there already."""
    if not checksums.verified(name, folder / name):
        try:
            fetch(url, folder / name, lambda file: checksums.check(name, file))
        except TransferError as error:
            raise TransferError(f"{url}: {error}") from None


def _packed(entry: SourceSettings) -> list[str]:
    """The task's files that are in its archive."""
    if entry.archive is None:
        return []
    return [*entry.files.values(), *entry.shared] if entry.archive.files is None else entry.archive.files


def _from_archive(
    entry: SourceSettings, url: str, names: list[str], folder: Path, checksums: Checksums
) -> dict[str, Any]:
    """Download the task's archive, and unpack the files `names` and its folders."""
    path = folder / entry.archive.name
    _fetch(url, entry.archive.name, folder, checksums)
    try:
        folders = unpack(path, names, entry.folders, folder, checksums.check)
    except ArchiveError as error:
        path.unlink()
        raise TransferError(f"{url}: {error}") from None
    return {"url": url, "sha256": files.sha256(path), "folders": folders}


def _from_hub(task: str, entry: SourceSettings, hub: str, folder: Path, checksums: Checksums) -> dict[str, Any]:
    """Write the task's files from the rows of its copy on the hub."""
    if entry.hub is None:
        raise UserError(f"task {task} has no copy on the hub.\n{_remedy(task, entry, 'hub')}")
    from softshot.data.hub import write_files  # starts slowly, and only this source needs it

    commit = write_files(task, entry, hub, folder, checksums.check)
    return {"address": hub, **entry.hub.model_dump(exclude={"splits"}), "commit": commit}


def _remedy(task: str, entry: SourceSettings, source: str) -> str:
    """What a person can do when a source fails: other sources, and by hand which files to put where."""
    named = f"data: {{sources: {{{task}: "  # in config.yaml
    packed = _packed(entry)
    apart = [name for name in (*entry.files.values(), *entry.shared) if name not in packed]
    places = [f"the archive {entry.archive.url}"] if entry.archive else []
    where = " and ".join([*places, *([f"{entry.base}/"] if entry.base else [])])
    held = [*([entry.archive.name] if entry.archive else []), *apart]
    ways = ["run again, which continues a broken transfer"]
    if source != "official":
        ways.append(f"the official source, {where}: `{named}official}}}}` in config.yaml")
    if source == "hub":
        ways.append("a mirror of the hub: `data: {hub: <address>}` in config.yaml")
    elif entry.hub:
        ways.append(f"the copy on the hub: `{named}hub}}}}` in config.yaml")
    places = ", ".join(f"<address>/{task}/{name}" for name in held)
    ways.append(f"a mirror that holds {places}: `{named}<address>}}}}` in config.yaml")
    ways.append(f"by hand: `{named}<folder>}}}}` in config.yaml, and the files of {where} put here:")
    needed = [*entry.files.values(), *entry.shared, *(f"{name}/ (optional)" for name in entry.folders)]
    return "\n".join(["What you can do:", *(f"- {w}" for w in ways), *(f"    <folder>/{task}/{n}" for n in needed)])
