"""DART v1.1.1: sets of (subject, relation, object) and sentences that say them.

The official file is a JSON list of {"tripleset": [[s, r, o], ...], "annotations": [{"source", "text"}, ...]}.
Nan et al. 2021, https://aclanthology.org/2021.naacl-main.37
"""

import json
from collections.abc import Iterator
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any

from softshot.data.text import collapse, read_text
from softshot.errors import UserError


def records(path: Path, split: str) -> Iterator[dict]:
    """One record per tripleset, all its annotations as references; the id is the position in the file.

    An annotation without text is left out (the official test file has one); a record needs one with text.
    """
    for position, (line, item) in enumerate(elements(path)):
        try:
            triples, annotations = _triples(item), _annotations(item)
            json.dumps(item, ensure_ascii=False).encode()  # half a surrogate pair is a ValueError
        except ValueError as fault:
            raise UserError(f"{path}, line {line} (record {position}): {fault}") from None
        references = [text for _, text in annotations]
        yield {
            "id": f"dart-{split}-{position:05d}",
            "input": linearise(triples),
            "target": references[0],
            "references": references,
            "meta": {"sources": [source for source, _ in annotations], "triples": len(triples)},
        }


def linearise(triples: list[list[str]]) -> str:
    """`subject : relation : object | subject : relation : object`, the form of published work on DART."""
    return " | ".join(collapse(" : ".join(triple)) for triple in triples)


def elements(path: Path) -> Iterator[tuple[int, Any]]:
    """The elements of a file's JSON list, each with the line it starts on, so that a fault can be found.

    They are decoded one by one: a decoder of the whole list would lose the lines.
    """
    text = read_text(path)
    decoder = json.JSONDecoder()
    line, counted = 1, 0

    def skip(place: int) -> int:
        """The place of the first character from `place` on that is not white space."""
        while place < len(text) and text[place] in " \t\r\n":
            place += 1
        return place

    def fault(place: int, what: str) -> UserError:
        found = repr(text[place]) if place < len(text) else "the end of the file"
        return UserError(f"{path}, line {text.count(chr(10), 0, place) + 1}: {what} expected, found {found}")

    place = skip(0)
    if text[place : place + 1] != "[":
        raise fault(place, "a JSON list of records")
    place = skip(place + 1)
    while text[place : place + 1] != "]":
        line, counted = line + text.count("\n", counted, place), place
        try:
            item, place = decoder.raw_decode(text, place)
        except JSONDecodeError as error:
            raise UserError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}") from None
        yield line, item
        place = skip(place)
        if text[place : place + 1] == ",":
            place = skip(place + 1)
        elif text[place : place + 1] != "]":
            raise fault(place, "',' or ']'")
    if skip(place + 1) < len(text):
        raise fault(skip(place + 1), "the end of the file")


def _triples(item: Any) -> list[list[str]]:
    """The record's triples, at least one; an empty subject, relation or object is allowed."""
    triples = _list(item, "tripleset")
    for number, triple in enumerate(triples, 1):
        if not isinstance(triple, list) or len(triple) != 3 or not all(isinstance(part, str) for part in triple):
            raise ValueError(f"triple {number} is not a list of three texts: {json.dumps(triple)}")
    if not triples:
        raise ValueError("`tripleset` is empty")
    if not any(part.strip() for triple in triples for part in triple):
        raise ValueError("`tripleset` has no text")
    return triples


def _annotations(item: Any) -> list[tuple[str, str]]:
    """The record's annotations that have text, at least one: source and text."""
    annotations = _list(item, "annotations")
    for number, annotation in enumerate(annotations, 1):
        if not isinstance(annotation, dict):
            raise ValueError(f"annotation {number} is not an object: {json.dumps(annotation)}")
        for key in ("source", "text"):
            if not isinstance(annotation.get(key), str):
                raise ValueError(f"annotation {number} has no text under `{key}`")
    if not annotations:
        raise ValueError("`annotations` is empty")
    found = [(annotation["source"], collapse(annotation["text"])) for annotation in annotations]
    found = [(source, text) for source, text in found if text]
    if not found:
        raise ValueError("every annotation's text is empty")
    return found


def _list(item: Any, key: str) -> list:
    if not isinstance(item, dict):
        raise ValueError(f"not an object: {json.dumps(item)[:80]}")
    if key not in item:
        raise ValueError(f"key `{key}` is missing")
    if not isinstance(item[key], list):
        raise ValueError(f"`{key}` is not a list")
    return item[key]
