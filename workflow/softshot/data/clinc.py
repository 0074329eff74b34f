"""CLINC150: utterances to an assistant and their intents, 150 in ten domains.

The official file is one JSON object with a list of [utterance, intent] for each split, and out-of-scope utterances
apart, which are left out: they have no intent. `domains.json` beside it says which intents are of which domain.
Larson et al. 2019, https://aclanthology.org/D19-1131
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from softshot.data.content import refuse_stranger
from softshot.data.readers import reason
from softshot.data.text import is_a, shown
from softshot.errors import UserError

NAMES = {"train": "train", "held_out": "train", "validation": "val", "test": "test"}  # of the splits in the file


def rows(path: Path, split: str) -> Iterator[tuple[int, tuple[Any, dict[str, str]]]]:
    """The split's pairs, numbered from 1, and beside every one the domain of each intent."""
    pairs, domains = _read(path).get(NAMES[split]), _read(path.with_name("domains.json"))
    if not is_a(pairs, list):
        raise UserError(f"{path}: has no list of pairs `{NAMES[split]}`; this is not CLINC's file.")
    domain_of = {intent: domain for domain, intents in domains.items() for intent in intents}
    for number, pair in enumerate(pairs, start=1):
        yield number, (pair, domain_of)


def record(row: tuple[Any, dict[str, str]]) -> dict:
    """One record per utterance: its intent in words, among all intents; `meta.domain` is the intent's."""
    pair, domain_of = row
    if not (is_a(pair, list) and len(pair) == 2 and all(is_a(text, str) for text in pair)):
        raise ValueError(f"not [utterance, intent]: {shown(pair)}")
    utterance, intent = pair
    if intent not in domain_of:
        raise ValueError(f"domains.json has no intent {shown(intent)}")
    return {
        "input": utterance,
        "references": [in_words(intent)],
        "choices": list(map(in_words, domain_of)),
        "meta": {"domain": domain_of[intent]},
    }


def in_words(intent: str) -> str:
    """`pin_change` as `pin change`."""
    return intent.replace("_", " ")


def _read(path: Path) -> dict[str, Any]:
    """A file's JSON object."""
    if path.is_file():
        refuse_stranger(path)
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: {reason(error)}") from None
    if not is_a(value, dict):
        raise UserError(f"{path}: not a JSON object; this is not CLINC's file.")
    return value
