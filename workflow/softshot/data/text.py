"""What the converters share: reading a file, white space."""

from pathlib import Path

from softshot.errors import UserError


def read_text(path: Path) -> str:
    """A UTF-8 file's text, with or without a byte order mark; other bytes are an error that names the line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8 text (byte {error.object[error.start]:#04x})") from None


def collapse(text: str) -> str:
    """The text with every run of white space as one blank, and none at its ends."""
    return " ".join(text.split())
