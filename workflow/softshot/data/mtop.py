"""MTOP: requests to an assistant and their meaning in decoupled form.

The official file is tab-separated, without header or quoting: id, intent, slot spans, utterance, domain,
locale, decoupled form, tokens as JSON. Li et al. 2021, https://aclanthology.org/2021.eacl-main.257
"""

from softshot.data.text import collapse, shown

COLUMNS = ("id", "intent", "slot spans", "utterance", "domain", "locale", "decoupled form", "tokens")


def record(row: str) -> dict:
    """One record per line: the utterance, and its decoupled form as the only reference."""
    values = row.removesuffix("\n").removesuffix("\r").split("\t")
    if len(values) != len(COLUMNS):
        raise ValueError(f"{len(values)} tab-separated columns, not {len(COLUMNS)}")
    columns = dict(zip(COLUMNS, values, strict=True))
    for column in ("id", "utterance", "decoupled form"):
        if not columns[column].strip():
            raise ValueError(f"the {column} is empty")
    form = collapse(columns["decoupled form"])
    if not balanced(form):
        raise ValueError(f"the brackets of the decoupled form do not match: {shown(form)}")
    return {
        "id": columns["id"],
        "input": columns["utterance"],
        "references": [form],
        "meta": {key: columns[key] for key in ("domain", "intent", "locale")},
    }


def balanced(form: str) -> bool:
    """Whether a form is one tree: every `[IN:...` or `[SL:...` closed by a `]` of its own, nothing after the root."""
    depth = 0
    tokens = form.split()
    for position, token in enumerate(tokens):
        depth += token.startswith("[") - (token == "]")
        if depth <= 0 and position < len(tokens) - 1:
            return False
    return depth == 0
