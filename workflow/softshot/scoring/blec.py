"""BLEC: does a sentence say what the words and numbers of its logical form ask for? (Shu et al. 2021)

The lists are the official evaluator's, with its slips, since the published scores were computed with them.
https://aclanthology.org/2021.findings-acl.388
"""

import re
from collections.abc import Sequence
from typing import Any

from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

MIN = "minimum|fastest|smallest|shortest|worst|youngest|least|lowest|earliest|any|highest rank|latest|longest|oldest"
MAX = (
    "max|slowest|maximum|largest|longest|oldest|top|best|most|highest|latest|larger than any|lowest rank|predominantly"
    "|earliest|shortest|newest"
)
GREATER = "faster|greater|larger|older|more|bigger|higher|after|above|over|at least|worse rank|later|longer"
LESS = "slower|younger|smaller|less|fewer|lower|before|shorter|below|under|lighter|better rank|earlier|prior"
MOST = "majority|most|major"
ALIASES = {  # the operators of which a word must occur, and their words
    "only": "only|one",
    "avg": "average|mean",
    "sum": "sum|total",
    **dict.fromkeys(("max", "argmax", "nth_argmax", "nth_max"), MAX),
    **dict.fromkeys(("min", "argmin", "nth_argmin", "nth_min"), MIN),
    **dict.fromkeys(("greater", "filter_greater", "filter_greater_eq", "all_greater", "all_greater_eq"), GREATER),
    **dict.fromkeys(("less", "filter_less", "filter_less_eq", "all_less", "all_less_eq"), LESS),
    **dict.fromkeys(("most_eq", "most_not_eq", "most_str_eq", "most_str_not_eq"), MOST),
    **dict.fromkeys(("most_greater", "most_greater_eq"), f"{MOST}|{GREATER}"),
    **dict.fromkeys(("most_less", "most_less_eq"), f"{MOST}|{LESS}"),
}
CARDINALS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "nine", "nine", "ten"]  # sic: 8 is `nine`
ORDINALS = ["zero", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]


class Blec:
    """Percentage of sentences without an error against the logical form `meta.logic` of their record.

    Official sentences themselves do not reach 100: 979 of the 1,095 validation sentences are without an error. And it
    is no measure of a sentence alone: the logical form itself, copied, is without an error nearly as often.
    """

    name = "blec"
    signature = "case:mixed|aliases:official|gold:target"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[1 if there is no error else 0, 1]"""
        return [float(not has_error(prediction, record["meta"]["logic"], record["target"])), 1.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Percentage of sentences without an error."""
        return {cls.name: percentage(*columns)}


def has_error(text: str, logic: str, gold: str) -> bool:
    """Whether `text` negates where the logic does not, lacks an alias of an operator, or a number `gold` has."""
    tokens = [token.strip() for token in re.split(r"[{};|]", logic)]
    if "not" in text and "not" not in tokens:
        return True
    return any(_missing(token, text, gold) for token in tokens)


def _missing(token: str, text: str, gold: str) -> bool:
    """Whether the token of a logical form is an operator or a number that the text should say and does not."""
    if token in ALIASES:
        return re.search(ALIASES[token], text) is None
    return token.isdecimal() and not says_number(text, token) and says_number(gold, token)


def says_number(text: str, digits: str) -> bool:
    """Whether the text says the number: in digits, up to 10 in a word, above with commas; any text says 1."""
    if digits in text or digits == "1":
        return True
    number = int(digits)
    if number <= 10:
        return ORDINALS[number] in text or CARDINALS[number] in text
    return f"{number:,}" in text
