"""Tables of the benchmarks. Imports nothing: the memory of what a benchmark starts counts from its own."""


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    ruler = ["---"] + ["---:"] * (len(head) - 1)
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ruler, *rows])
