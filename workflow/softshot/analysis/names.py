"""What everything is called and looks like in tables, figures and the page. Titles, colours and order are the study's.

The palette is colour-blind safe (after Okabe & Ito 2008, darkened until text in it reads on white); an arm has the
colour and the mark of its place in the study. A colour is paired with the one that stands for it in dark mode.
"""

from collections.abc import Iterable

from softshot.analysis.cells import UPPER_BOUND, Cell
from softshot.methods.registry import METHODS
from softshot.settings import Study

BASES = {  # in words, of a study whose models are not as they are
    "nf4": "linear layers in NF4, four bits a weight (QLoRA)",
    "nf4-dequantised": "linear layers rounded to NF4, four bits a weight (QLoRA's arithmetic)",
}
TASKS = {"dart": "DART", "mtop": "MTOP", "totto": "ToTTo", "spider": "Spider", "logic2text": "Logic2Text"}
SUPERGLUE = {"boolq": "BoolQ", "cb": "CB", "copa": "COPA", "rte": "RTE", "wic": "WiC"}
TASKS |= SUPERGLUE | {f"fewglue-{task}": f"FewGLUE {label}" for task, label in SUPERGLUE.items()}
TASKS |= {"mrpc": "MRPC", "qqp": "QQP", "clinc": "CLINC150", "sick": "SICK"}
METRICS = {"bleu": "BLEU", "dart_bleu": "official BLEU", "totto_bleu": "BLEU", "chrf": "chrF"}
METRICS |= {"ter": "TER", "dart_ter": "TER", "parent": "PARENT"}
METRICS |= {"parent_precision": "PARENT precision", "parent_recall": "PARENT recall"}
METRICS |= {"logic2text_rouge": "ROUGE-L"} | {f"logic2text_rouge_{n}": f"ROUGE-{n}" for n in (1, 2, 4)}
METRICS |= {"blec": "BLEC", "rouge_l": "ROUGE-L", "token_f1": "token F1"}
METRICS |= {"acc_norm": "accuracy per character", "acc_token": "accuracy per token", "macro_f1": "macro-F1"}
METRICS |= {"first_f1": "F1 of the first choice"}
INK, MUTED, FAINT, PAPER = "#1d2430", "#5a6472", "#dfe3e8", "#ffffff"
IN_DARK = {INK: "#e6e9ee", MUTED: "#a2acb9", FAINT: "#323a46", PAPER: "#14181f"}
PALETTE = {  # light: dark
    "#00795a": "#45c79c",
    "#0067ad": "#6fb6f2",
    "#b84a00": "#f59a5b",
    "#8d3a86": "#e08fd8",
    "#7a6000": "#d9bb4a",
    "#b3243f": "#f58a9b",
    "#00727d": "#4fc8d4",
    "#5b4bb5": "#ab9ff5",
}
IN_DARK |= PALETTE
MARKS = ("diamond", "circle", "square", "triangle-up", "triangle-down", "cross", "triangle-right", "triangle-left")


class Names:
    """The words and looks of one study's cells."""

    def __init__(self, study: Study, cells: Iterable[Cell]):
        cells = list(cells)
        used = {cell.arm for cell in cells}
        self.titles = {label: arm.title or label for label, arm in study.arms.items()}
        # An arm that is left out takes no colour from one that is there.
        self.places = {label: place for place, label in enumerate(sorted(study.arms, key=lambda one: one not in used))}
        self.variants = {(cell.arm, cell.variant): variant(cell) for cell in cells}

    def arm(self, label: str) -> str:
        """An arm's title."""
        return self.titles[label]

    def colour(self, label: str) -> str:
        """An arm's colour in light mode."""
        return list(PALETTE)[self.places[label] % len(PALETTE)]

    def mark(self, label: str) -> str:
        """An arm's mark in figures."""
        return MARKS[self.places[label] % len(MARKS)]

    def cell(self, cell: Cell) -> str:
        """A cell without its model and task: `IPT, 25 tokens, 1 retrieved`."""
        return self.label(cell.arm, cell.variant)

    def label(self, arm: str, variant: str) -> str:
        """The same of a table's row."""
        return ", ".join(filter(None, (self.titles[arm], self.words(arm, variant))))

    def words(self, arm: str, variant: str) -> str:
        """A variant in words; one that is tuned for other tasks alone, and no cell, by its folder's name."""
        return self.variants.get((arm, variant), variant)

    def series(self, cell: Cell) -> str:
        """What a line is called: a cell without the sizes that it is drawn against."""
        return ", ".join([self.titles[cell.arm], *_words(cell, sized=False)])

    def phrase(self, cell: Cell) -> str:
        """A cell in running text: `IPT with 25 soft tokens and 1 retrieved demonstration`."""
        what = {"tokens": _counted(cell.size, "soft token"), "rank": f"rank {cell.size}"}.get(cell.unit or "")
        shown = _counted(cell.shots, f"{cell.retriever} demonstration") if cell.shots else ""
        detail = " and ".join(filter(None, (what, shown)))
        return self.titles[cell.arm] + (f" with {detail}" if detail else "")

    def classes(self, label: str) -> str:
        """The page's classes of what is about an arm: its colour, and its mark."""
        return f"arm-{self.places[label]} {self.mark(label)}"

    def look(self, cell: Cell) -> dict[str, str]:
        """A mark's series, colour and shape."""
        return {"series": self.series(cell), "colour": self.colour(cell.arm), "shape": self.mark(cell.arm)}


def variant(cell: Cell) -> str:
    """What varies within an arm, in words: `25 tokens, 1 retrieved`."""
    return ", ".join(_words(cell, sized=True))


def _words(cell: Cell, sized: bool) -> list[str]:
    size = {"tokens": _counted(cell.size, "token"), "rank": f"rank {cell.size}"}.get(cell.unit or "")
    retriever = "oracle (upper bound)" if cell.retriever == UPPER_BOUND else cell.retriever
    words = [
        f"tuned on {task_label(cell.source)}" if cell.source else None,
        f"without {cell.without}" if cell.without else None,
        size if sized else None,
        "given" if cell.given else None,
        f"{cell.shots} {retriever}" if cell.shots else None,
        _counted(cell.train, "training record") if sized and cell.train else None,
        "no demonstrations" if not cell.shots and not cell.tuned else None,
    ]
    return [word for word in words if word]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def count(number: float) -> str:
    """A large number in short: `135M`, `1.1B`."""
    for unit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * unit:
            return f"{number / unit:.3g}{letter}"
    return f"{number:.3g}"


def size_axis(unit: str) -> str:
    """What a size is called on an axis."""
    return {"tokens": "soft tokens", "rank": "rank"}[unit]


def layout(cell: Cell) -> str:
    """What stands in a row, in order."""
    before = METHODS[cell.method].before
    return " · ".join(filter(None, (before, "demonstrations" if cell.shots else "", "input")))


def task_label(task: str) -> str:
    """A task's usual spelling; one of your own keeps its name."""
    return TASKS.get(task, task)


def metric_label(metric: str) -> str:
    """A metric's usual spelling; others are their name in plain words."""
    return METRICS.get(metric, metric.replace("_", " ")) or "score"


def palette_css(study: Study) -> str:
    """The style rules of the study's arms: a variable a colour, its dark twin, and the colour of each arm's rows."""
    light = "".join(f"--arm-{place}: {colour}; " for place, colour in enumerate(PALETTE))
    dark = "".join(f"--arm-{place}: {colour}; " for place, colour in enumerate(PALETTE.values()))
    drawn = "".join(
        f'svg [{part}="{colour}"] {{ {part}: var(--arm-{place}); }}\n'
        for place, colour in enumerate(PALETTE)
        for part in ("fill", "stroke")
    )
    rows = "".join(
        f".arm-{place} {{ --arm: var(--arm-{place % len(PALETTE)}); }}\n" for place, _ in enumerate(study.arms)
    )
    return f":root {{ {light}}}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n{drawn}{rows}"
