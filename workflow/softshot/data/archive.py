"""A task's files out of a zip archive, which is not trusted: nothing is written outside the task's folder.

Only the members that are asked for are touched. One with an unsafe name, a link, an encrypted one, two of one name, or
more bytes than an archive may hold end the job before anything is written; a member never gives more bytes than the
archive's directory declares.
"""

import errno
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from softshot import files

LARGEST = 20 * 10**9  # bytes of all that is taken out of one archive
FAULTS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class ArchiveError(Exception):
    """An archive that is not sound, lacks a file, or is hostile; the message says which."""


def unpack(
    archive: Path, names: list[str], folders: list[str], out: Path, check: Callable[[str, Path], object]
) -> list:
    """Unpack the files `names`, and the `folders` that are there with all that is below them, into `out`.

    Each is found by its path in the archive, or by it below top folders, whose names differ between editions.
    `check(name, file)` is called before a file is put in its place. Returns the folders that were there.
    Raises ArchiveError.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not re.search("/$|__MACOSX", info.filename)]
            found = {name: _file(members, name) for name in names}
            trees = {folder: tree for folder in folders if (tree := _tree(members, folder))}
            _refuse_hostile(members, [*found.values(), *(info for tree in trees.values() for info in tree.values())])
            for name, info in found.items():
                with files.replacing(out / name) as temporary:
                    _copy(opened, info, temporary)
                    check(name, temporary)
            for folder, tree in trees.items():
                _copy_tree(opened, tree, out / folder)
    except (*FAULTS, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # the disk's; EINVAL is an impossible offset in the archive
        raise ArchiveError(f"{archive.name} is not a sound zip archive ({error})") from None
    return list(trees)


def _file(members: list[zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    """The member with the path `name`, or the one that ends in it and lies least deep."""
    ending = [info for info in members if f"/{info.filename}".endswith(f"/{name}")]
    if not ending:
        raise ArchiveError(f"the archive has no {name}")
    depth = min(info.filename.count("/") for info in ending)
    found = [info for info in ending if info.filename.count("/") == depth]
    if len(found) > 1:
        raise ArchiveError(f"the archive has {name} more than once: {', '.join(info.filename for info in found)}")
    return found[0]


def _tree(members: list[zipfile.ZipInfo], folder: str) -> dict[str, zipfile.ZipInfo]:
    """The members below `folder`, or below the one that ends in it and lies least deep: path below it, and member."""
    trees: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for info in members:
        top, found, below = f"/{info.filename}".partition(f"/{folder}/")
        if found:
            trees.setdefault(top, {})[below] = info
    return trees[min(trees, key=lambda top: top.count("/"))] if trees else {}


def _refuse_hostile(members: list[zipfile.ZipInfo], wanted: list[zipfile.ZipInfo]) -> None:
    """Refuse what an honest archive does not have; `members` are all, `wanted` those that will be written."""
    count = Counter(info.filename for info in members)
    parents = {str(parent) for info in wanted for parent in PurePosixPath(info.filename).parents}
    for info in wanted:
        name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
        if "\\" in name or re.match(r"/|[A-Za-z]:", name) or {"", ".", ".."} & set(name.split("/")):
            raise ArchiveError(f"the archive has a member with an unsafe name: {name!r}")
        if kind not in (0, stat.S_IFREG):
            raise ArchiveError(f"the archive's member {name} is a link or a device, not a file")
        if info.flag_bits & 0x1:
            raise ArchiveError(f"the archive's member {name} is encrypted")
        if count[name] > 1 or name in parents:
            raise ArchiveError(f"the archive has {name} more than once")
    size = sum(info.file_size for info in wanted)
    if size > LARGEST:
        raise ArchiveError(f"the archive would unpack to {size / 1e9:.1f} GB; {LARGEST / 1e9:.0f} GB is the limit")


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, out: Path) -> None:
    """Unpack one member to `out`; zipfile stops at its declared size and then compares its CRC."""
    with archive.open(info) as member, out.open("wb") as file:
        shutil.copyfileobj(member, file)


def _copy_tree(archive: zipfile.ZipFile, tree: dict[str, zipfile.ZipInfo], out: Path) -> None:
    """Unpack a folder's members beside `out`, then put the folder in its place, whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        for below, info in tree.items():
            (temporary / below).parent.mkdir(parents=True, exist_ok=True)
            _copy(archive, info, temporary / below)
        files.as_any_other(temporary)
        shutil.rmtree(out, ignore_errors=True)
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
