"""The words of a query, as Spider's evaluator has them.

Its tokenizer is made for English: `a>=1` is `a`, `>`, `=1`, and `1,2` is one word. What does not parse for that
reason counts as wrong in every published figure, so it does here.
"""

import re
from functools import cache

QUOTED = re.compile(r'"[^"]*"')


@cache
def _word_tokenizer():
    """nltk's Treebank tokenizer; it needs none of nltk's data."""
    from nltk.tokenize import NLTKWordTokenizer  # nltk is slow to import, and execution accuracy does without

    return NLTKWordTokenizer()


def tokenize(sql: str) -> list[str]:
    """Lower-case words; a quoted value is one word, with its case and in double quotes whatever it was written in.

    An odd number of quotes is a ValueError, a text that is too long to be read likewise.
    """
    text = sql.replace("'", '"')
    if text.count('"') % 2:
        raise ValueError("a quote is not closed")
    values: dict[str, str] = {}

    def put_aside(quoted: re.Match) -> str:
        place = f"__value_{len(values)}__"
        values[place] = quoted.group()
        return place

    try:
        words = [word.lower() for word in _word_tokenizer().tokenize(QUOTED.sub(put_aside, text))]
    except TimeoutError:  # nltk gives each of its patterns five seconds, enough for a text of megabytes
        raise ValueError("too long a text") from None
    merged: list[str] = []
    for word in words:
        if word == "=" and merged and merged[-1] in ("!", ">", "<"):
            merged[-1] += "="
        else:
            merged.append(values.get(word, word))
    return merged
