"""Where files can come from. Read while the Snakefile is parsed: imports nothing heavy."""

from urllib.parse import urlsplit


def unusable(place: str) -> str | None:
    """Why files cannot come from an address, and what to write instead; None for what has none of its own.

    `official`, `hub`, http(s) addresses and paths are usable; whether a path is there is not looked at.
    """
    scheme, there, rest = place.partition("://")
    if not there:
        return None
    if scheme in ("http", "https"):
        return None if urlsplit(place).hostname else f"{place} names no host"
    if scheme == "file":
        return f"{place}: write the path alone, /{rest.partition('/')[2]}"
    remedy = "copy the files into a local folder, or serve them over http, and name that"
    if scheme == "hf":
        remedy = "write `hub` for a task's copy there, or copy the files into a local folder and name that"
    return f"{place}: nothing is read from {scheme}:// addresses, only from http and https ones and folders; {remedy}"
