"""What the runs of a study are averaged over the seeds of: one model, task, arm and variant.

Nothing in the analysis knows an arm by its label. What a cell is follows from its method and its demonstrations: the
published study's ICL has the method none, PT is prompt tuning without and IPT with demonstrations.
"""

from collections.abc import Collection, Container, Iterable
from typing import NamedTuple

import pandas as pd

from softshot.analysis.estimate import Unit
from softshot.grid import NOTHING, Run, runs
from softshot.methods.registry import METHODS
from softshot.settings import Study

MAIN_SIZE = {"tokens": 25, "rank": 8}  # of the published main table; of LoRA's authors and of peft
PROMPT_TUNING, RANDOM, UPPER_BOUND = "prompt-tuning", "random", "oracle"

Key = tuple[str, str, str, str]  # model, task, arm, variant: what names a cell in tables and folders


class Cell(NamedTuple):
    """A run without its seed."""

    model: str
    task: str
    arm: str
    variant: str
    method: str
    unit: str | None  # what the size counts
    size: int
    retriever: str | None
    shots: int
    source: str | None
    train: int | None
    given: bool = False  # its adapter was trained elsewhere
    without: str | None = None  # the groups of records that are held out of it

    @classmethod
    def of(cls, run: Run) -> "Cell":
        """The cell of a run."""
        return cls(*(getattr(run, name) for name in cls._fields))

    @property
    def key(self) -> Key:
        """What names it in tables."""
        return self[:4]

    @property
    def tuned(self) -> bool:
        """Whether something was trained for it: here, on a source task, or elsewhere."""
        return METHODS[self.method].settings is not None

    @property
    def shown(self) -> str:
        """Its demonstrations, such as `retrieved-1`; "" of none."""
        return f"{self.retriever}-{self.shots}" if self.shots else ""

    @property
    def ordinary(self) -> bool:
        """Whether it is of the arms themselves, and of no question asked of them."""
        return self.source is None and self.train is None and self.without is None

    def but(self, *names: str) -> "Cell":
        """What it is a point of where these fields vary: the same without them."""
        return self._replace(variant="", **dict.fromkeys(names))

    @property
    def units(self) -> frozenset[Unit]:
        """What a seed draws anew in it. Cells that have a unit in common have the same draw of it by the same seed.

        An adapter is its arm's on its source; random demonstrations are drawn per task, whatever the model and however
        many are shown; parts of the training records are nested, so that all sizes share a seed's order.
        """
        units = set()
        if self.tuned and not self.given:
            shown = "" if self.source else self.shown
            adapter = (self.model, self.source or self.task, self.arm, f"{self.unit}-{self.size}", shown)
            units.add(("adapter", *adapter, f"{self.train or ''}", f"{self.without or ''}"))
        if self.retriever == RANDOM:
            units.add(("demonstrations", self.task))
        if self.train:
            units.add(("training records", self.task))
        return frozenset(units)


def cells(study: Study) -> list[Cell]:
    """Every cell of the study, in the order of its grid."""
    return list(dict.fromkeys(map(Cell.of, runs(study))))


def compared(cells: Collection[Cell]) -> list[Cell]:
    """Those that are held against each other: the main cells without upper bounds, which no system can use."""
    return [cell for cell in main(cells) if cell.retriever != UPPER_BOUND]


def main(cells: Collection[Cell]) -> list[Cell]:
    """The cells of the main table: one size of each arm, all training records.

    The size is not chosen by score, so that no arm is compared at its luckiest. It is the nearest to MAIN_SIZE of those
    that all arms which count in the same unit share, or of the arm's own where they share none.
    """
    plain = [cell for cell in cells if cell.ordinary]
    sizes: dict[tuple[str, str], set[int]] = {}
    for cell in plain:
        if cell.unit:
            sizes.setdefault((cell.unit, cell.arm), set()).add(cell.size)
    chosen = {}
    for (unit, arm), own in sizes.items():
        shared = set.intersection(*(others for (theirs, _), others in sizes.items() if theirs == unit))
        chosen[arm] = min(shared or own, key=lambda size: (abs(size - MAIN_SIZE[unit]), size))
    return [cell for cell in plain if not cell.unit or cell.size == chosen[cell.arm]]


def with_and_without(cells: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    """Every pair of cells with the same model, task, method and size that differ in their demonstrations: none, some.

    Of several arms that show nothing the arm's own cell is taken, else the first; an adapter from elsewhere is its
    arm's own.
    """

    def place(cell: Cell) -> tuple:
        return (cell.model, cell.task, cell.method, cell.size, cell.arm if cell.given else None)

    ordinary = [cell for cell in cells if cell.ordinary]
    plain: dict[tuple, Cell] = {}
    for cell in ordinary:
        if not cell.shots:
            plain.setdefault(place(cell), cell)
            plain.setdefault((cell.arm, *place(cell)), cell)
    both = [(plain.get((cell.arm, *place(cell))) or plain.get(place(cell)), cell) for cell in ordinary if cell.shots]
    return [(alone, shown) for alone, shown in both if alone]


def baseline(cells: Iterable[Cell], moved: Cell) -> Cell | None:
    """What a transferred adapter is measured against: the same demonstrations, and nothing trained."""
    return next((cell for cell in cells if cell.method == NOTHING and _same_rows(cell, moved)), None)


def _same_rows(cell: Cell, moved: Cell) -> bool:
    return cell.ordinary and (cell.model, cell.task, cell.shown) == (moved.model, moved.task, moved.shown)


def grouped(cells: Iterable[Cell], *names: str) -> dict[tuple, list[Cell]]:
    """Cells by their values of some fields, in the order in which these come first."""
    groups: dict[tuple, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(tuple(getattr(cell, name) for name in names), []).append(cell)
    return groups


def keys(table: pd.DataFrame) -> list[Key]:
    """What names the cell of every row of a table."""
    return list(table[["model", "task", "arm", "variant"]].itertuples(index=False, name=None))


def only(table: pd.DataFrame, wanted: Container[Key]) -> pd.DataFrame:
    """The rows of a table that are about these cells."""
    return table[pd.Series([key in wanted for key in keys(table)], index=table.index, dtype=bool)]
