"""DART v1.1.1: sets of (subject, relation, object) and sentences that say them.

The official file is a JSON list of {"tripleset": [[s, r, o], ...], "annotations": [{"source", "text"}, ...]}.
Nan et al. 2021, https://aclanthology.org/2021.naacl-main.37
"""

from typing import Any

from softshot.data.text import collapse, get, shown


def record(row: Any) -> dict:
    """One record per tripleset, all its annotations as references.

    An annotation without text is left out (the official test file has one); a record needs one with text.
    """
    triples, annotations = _triples(row), _annotations(row)
    return {
        "input": linearise(triples),
        "references": [text for _, text in annotations],
        "meta": {"sources": [source for source, _ in annotations], "triples": len(triples)},
    }


def linearise(triples: list[list[str]]) -> str:
    """`subject : relation : object | subject : relation : object`, the form of published work on DART."""
    return " | ".join(collapse(" : ".join(triple)) for triple in triples)


def _triples(row: Any) -> list[list[str]]:
    """The record's triples, at least one; an empty subject, relation or object is allowed."""
    triples = get(row, "tripleset", list)
    for number, triple in enumerate(triples, 1):
        if not isinstance(triple, list) or len(triple) != 3 or not all(isinstance(part, str) for part in triple):
            raise ValueError(f"triple {number} is not a list of three texts: {shown(triple)}")
    if not triples:
        raise ValueError("`tripleset` is empty")
    if not any(part.strip() for triple in triples for part in triple):
        raise ValueError("`tripleset` has no text")
    return triples


def _annotations(row: Any) -> list[tuple[str, str]]:
    """The source and the text of the record's annotations that have a text, at least one."""
    annotations = get(row, "annotations", list)
    found = []
    for number, annotation in enumerate(annotations, 1):
        try:
            found.append((get(annotation, "source", str), get(annotation, "text", str)))
        except ValueError as fault:
            raise ValueError(f"annotation {number}: {fault}") from None
    if not annotations:
        raise ValueError("`annotations` is empty")
    found = [(source, text) for source, text in found if text.strip()]
    if not found:
        raise ValueError("every annotation's text is empty")
    return found
