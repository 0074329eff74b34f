"""`python -m softshot.methods_page`: what each method is, can do and costs, as Markdown (docs/methods.md).

A method's words are those of its module, its settings and facts those of the registry.
"""

import ast
import inspect
import re
from pathlib import Path

from softshot import catalogue
from softshot.capabilities import TITLES, capabilities
from softshot.methods.registry import METHODS, TRAINED, Method, Shape
from softshot.settings_table import rows

MODULES = Path(__file__).parent / "methods"
MODELS = ("smollm2-135m", "gpt2-xl")  # whose adapters' sizes are given
SIZES = {"tokens": 25, "rank": 8, None: 0}
FLOAT = 4  # bytes of a stored number
INTRODUCTION = [
    "# The methods",
    "What can be adapted, each with and without demonstrations in its rows. A study names them in `arms` and says in"
    " `methods` what each trains. `make docs` writes this page from the registry and the modules of"
    " `workflow/softshot/methods/`.",
    "Notation: x is the input of a linear layer and W its weight, H the width of the embeddings, T the tokens that"
    " stand before every row, r a rank, D the numbers of a head's key.",
    "In a packed NF4 base (`models.base: nf4`) weights take no change: what is merged otherwise is computed beside them"
    " there, at prediction too. No method needs a record's answer choices. Stored numbers are those of the adapter,"
    " which need not be those that were trained: an encoder is not kept. How the learning rates were found:"
    " [learning_rate.md](learning_rate.md).",
]


def main() -> None:
    """Print the page."""
    print("\n\n".join(INTRODUCTION), end="\n\n")
    print("| method | " + " | ".join(TITLES.values()) + " |")
    print("| --- |" + " --- |" * len(TITLES))
    for name, method in METHODS.items():
        print(f"| `{name}`: {method.title} | " + " | ".join(capabilities(method).values()) + " |")
    for name, method in TRAINED.items():
        print(f"\n## {method.title[0].upper()}{method.title[1:]}\n\n`{name}`. {method.about}\n\n{words(method)}\n")
        print(facts(name, method))
        print("\n| setting | type and limits | default | meaning |\n| --- | --- | --- | --- |")
        print(*rows(method.settings, f"methods.{name}."), sep="\n")


def words(method: Method) -> str:
    """What its module says of it: a paragraph a line."""
    text = ast.get_docstring(ast.parse((MODULES / f"{method.module}.py").read_text(encoding="utf-8")))
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def facts(name: str, method: Method) -> str:
    """Its size, default rate, and how much it stores."""
    rate = method.settings().learning_rate
    lines = [f"- Size: {f'`{method.unit}`' if method.unit else 'none'}; default learning rate {rate:g}."]
    size = SIZES[method.unit]
    of_size = f"At {size} tokens" if method.unit == "tokens" else f"At rank {size}" if method.unit else "Always"
    stored = [f"{model} {amount(method.stored(size, shape(model)))}" for model in MODELS]
    lines.append(f"- {of_size}, about so many numbers are stored for a plain transformer like {' and '.join(stored)}.")
    return "\n".join(lines)


def shape(model: str) -> Shape:
    """A model of the catalogue."""
    return Shape(catalogue.parameters(model, {}), *catalogue.dimensions(model, {}))


def amount(numbers: int) -> str:
    """`14,400 (58 KB)`."""
    size = FLOAT * numbers
    unit, of_unit = next((pair for pair in ((1e9, "GB"), (1e6, "MB")) if size >= pair[0]), (1e3, "KB"))
    return f"{numbers:,} ({size / unit:.3g} {of_unit})"


if __name__ == "__main__":
    main()
