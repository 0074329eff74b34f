"""Zip archives made in memory, and what lies in a folder after they were unpacked."""

import io
import stat
import warnings
import zipfile


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
