"""What each method can do, in words, from its entry in the registry: for the report and docs/methods.md.

Imports nothing heavy.
"""

from softshot.methods.registry import Method

TITLES = {
    "merges": "Costs nothing at prediction",
    "peft": "Loads in PEFT as",
    "nf4": "Takes an NF4 base",
    "positions": "Positions before every row",
}
NEVER = "–"  # of what trains nothing


def capabilities(method: Method) -> dict[str, str]:
    """By the keys of TITLES."""
    trained = method.settings is not None
    return {
        "merges": ("merged into the weights" if method.merges("full") else "no") if trained else NEVER,
        "peft": (method.reads[0] or "no") if trained else NEVER,
        "nf4": "no, it trains all weights" if method.every_weight else "yes",
        "positions": f"its tokens: {method.before}" if method.unit == "tokens" else "none",
    }
