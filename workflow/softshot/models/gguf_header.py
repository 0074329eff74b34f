"""The header of a GGUF file: what it says of the model, without its numbers. Imports nothing heavy.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian. The package
`gguf`, which reads the whole file, takes seconds for a vocabulary of 50,000.
"""

import math
import struct
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from softshot.errors import UserError

NUMBERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIifBQqd", strict=True))  # by the number of their type
STRING, ARRAY = 8, 9
KEYS = {"positions": "context_length", "layers": "block_count", "width": "embedding_length"}


def read(file: Path) -> dict[str, Any]:
    """A model's `architecture`, `parameters`, `positions`, `layers`, `width` and `vocabulary`, where it says them.

    Raises UserError where it is no such file, or only the beginning of one.
    """
    stat = file.stat()
    return dict(_read(file, stat.st_mtime_ns, stat.st_size))


@cache
def _read(file: Path, *_: int) -> dict[str, Any]:
    with file.open("rb") as opened:
        if opened.read(4) != b"GGUF":
            raise UserError(f"{file} is no GGUF file. Was it cloned without Git LFS, or is it an error page?")
        try:
            version, tensors, entries = _unpack(opened, "IQQ")
            if version not in (2, 3):
                raise UserError(f"{file}: GGUF of version {version} cannot be read, only of 2 and 3.")
            values = {_text(opened): _value(opened, *_unpack(opened, "I")) for _ in range(entries)}
            sizes = [_tensor(opened) for _ in range(tensors)]
        except (struct.error, UnicodeDecodeError, KeyError, OverflowError, MemoryError):
            raise UserError(f"{file} is only the beginning of a GGUF file: fetch it again.") from None
    kind = values.get("general.architecture")
    facts = {name: values.get(f"{kind}.{key}") for name, key in KEYS.items()}
    facts["vocabulary"] = values.get("tokenizer.ggml.tokens") or values.get(f"{kind}.vocab_size")
    facts |= {"architecture": kind, "parameters": sum(sizes)}
    return {name: value for name, value in facts.items() if value}


def _unpack(opened: BinaryIO, types: str) -> tuple:
    return struct.unpack(f"<{types}", opened.read(struct.calcsize(f"<{types}")))


def _text(opened: BinaryIO) -> str:
    (length,) = _unpack(opened, "Q")
    return opened.read(length).decode()


def _value(opened: BinaryIO, kind: int) -> Any:
    """The next value; of an array only how long it is."""
    if kind == STRING:
        return _text(opened)
    if kind != ARRAY:
        return _unpack(opened, NUMBERS[kind])[0]
    kind, length = _unpack(opened, "IQ")
    if kind in NUMBERS:
        opened.seek(length * struct.calcsize(f"<{NUMBERS[kind]}"), 1)
    else:
        for _ in range(length):
            _value(opened, kind)
    return length


def _tensor(opened: BinaryIO) -> int:
    """How many numbers the next tensor has."""
    _text(opened)
    (dimensions,) = _unpack(opened, "I")
    *shape, _, _ = _unpack(opened, f"{dimensions}QIQ")
    return math.prod(shape)
