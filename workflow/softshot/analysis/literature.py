"""Claims of the literature besides the published study's, by role: what is said by method, size and demonstrations.

A claim that the study does not ask has no effects here, and is in no table. What contrasts.py compares is read from
there; all else is judged by its rule.
"""

from collections.abc import Iterator

import pandas as pd

from softshot import catalogue, overrides
from softshot.analysis.cells import (
    PROMPT_TUNING,
    RANDOM,
    UPPER_BOUND,
    Cell,
    Key,
    compared,
    grouped,
    keys,
    with_and_without,
)
from softshot.analysis.claims import COUNTED, PARTS, Part, Place, contrast_effect, standard_mean, tested_effects
from softshot.analysis.collect import Results
from softshot.analysis.contrasts import Contrasts
from softshot.analysis.estimate import Estimate, Sample, mean
from softshot.analysis.evidence import Evidence
from softshot.analysis.names import Names
from softshot.analysis.near import Near
from softshot.analysis.scale import approach, full_tuning, sizes
from softshot.analysis.shift import Shift
from softshot.analysis.similarity import nearer_gain
from softshot.grid import NOTHING, Run, runs
from softshot.settings import Study

FEW = 100  # training records that count as few; Liu et al. 2022 had 20 to 70
RECIPE = {"likelihood", "unlikelihood", "length-normalised"}
Asked = tuple[Place, str, Estimate | None]  # where, about what there, and the effect


class Literature:
    """The claims of one study, by number, and the roles that its cells play in them."""

    def __init__(
        self,
        study: Study,
        results: Results,
        evidence: dict[str, Evidence],
        contrasts: Contrasts,
        near: Near,
        costs: pd.DataFrame,
        ensembles: pd.DataFrame,
        shifts: list[Shift],
        names: Names,
    ):
        """`costs`: a row per cell; `ensembles`: a row per ensemble, with its estimate over the mean member."""
        self.study, self.results, self.evidence = study, results, evidence
        self.contrasts, self.near, self.ensembles, self.names = contrasts, near, ensembles, names
        self.shifts = shifts
        self.costs: dict[Key, dict] = dict(zip(keys(costs), costs.to_dict("records"), strict=True))

    def parts(self) -> list[Part]:
        """The parts of the claims that the study asks."""
        asked = {
            "5": self._scale(),
            "7": self._ensembles(),
            "8a": self._lora(),
            "8b": self._trained(),
            "9a": self._recipe(),
            "9b": self._tokens(),
            "10": self._similar(),
        }
        parts = [self._part(name, effects) for name, effects in asked.items() if effects]
        return sorted([*parts, *self._shifts()], key=lambda part: part.claim)

    def _part(self, name: str, asked: list[Asked]) -> Part:
        effects = tested_effects(self.study, name, asked)
        if name in COUNTED:
            known = [effect.estimate for effect in effects if effect.estimate]
            return Part(name, effects, mean(known) if known else None)
        return Part(name, effects, standard_mean(self.evidence, effects))

    def _shifts(self) -> list[Part]:
        """6: what full tuning loses on held-out groups less what prompt tuning does, as the comparison of the two."""
        sign = PARTS["6"][2]
        effects = [
            contrast_effect((shift.model, shift.task), shift.comparisons.of(*shift.claimed()), sign)
            for shift in self.shifts
        ]
        return [Part("6", effects, standard_mean(self.evidence, effects))] if effects else []

    def _held(self, method: str) -> Iterator[Cell]:
        """The compared cells of a method that was tuned here; finished or not."""
        return (cell for cell in compared(self.results.cells) if cell.method == method and not cell.given)

    def _full(self, cell: Cell) -> Cell | None:
        """Full tuning beside a cell; None where it has no finished run."""
        return full_tuning(self.evidence.get(cell.task), cell.model)

    def _asks_full(self) -> bool:
        """Whether the study has full tuning."""
        return any(True for _ in self._held("full"))

    def _scale(self) -> list[Asked]:
        """5: how prompt tuning's lead over full tuning grows with the model; one effect per task, of all models."""
        known = sizes(self.study)
        prompts = [cell for cell in self._held(PROMPT_TUNING) if not cell.shots and cell.model in known]
        asked = []
        for (task,), cells in grouped(prompts, "task").items() if self._asks_full() else ():
            first = {cell.model: cell for cell in reversed(cells)}
            both = {model: (cell, self._full(cell)) for model, cell in first.items()}
            asked.append((("", task), "", approach(self.contrasts, known, both)))
        return asked

    def _ensembles(self) -> list[Asked]:
        """7: an ensemble of prompts less its mean member: the vote where there is one, as published."""
        asked = []
        for cell in self._held(PROMPT_TUNING) if len(self.study.seeds) > 1 else ():
            ways = self.ensembles[[key == cell.key for key in keys(self.ensembles)]]
            over_mean = None if ways.empty or not self._scores(cell) else ways.iloc[0]["estimate"]
            asked.append(((cell.model, cell.task), self.names.cell(cell), over_mean))
        return asked

    def _lora(self) -> list[Asked]:
        """8a: LoRA less full tuning."""
        asked = []
        for cell in self._loras():
            full = self._full(cell)
            lead = self.contrasts.of(cell, full) if self._scores(cell, full) else None
            asked.append(((cell.model, cell.task), self.names.cell(cell), lead.estimate if lead else None))
        return asked

    def _trained(self) -> list[Asked]:
        """8b: the parameters that LoRA trains, in percent of those that full tuning does."""
        asked = []
        for cell in self._loras():
            full, share = self._full(cell), None
            if counts := self._counts("trainable_parameters", cell, full):
                share = self._counted("8b", cell, full, 100 * counts[0] / counts[1])
            asked.append(((cell.model, cell.task), self.names.cell(cell), share))
        return asked

    def _loras(self) -> list[Cell]:
        """LoRA without demonstrations, of a study that has full tuning."""
        return [cell for cell in self._held("lora") if not cell.shots] if self._asks_full() else []

    def _recipe(self) -> list[Asked]:
        """9a: T-Few's recipe less the best in-context learning on the same records, mean over how many these are."""
        asked = []
        for place, rivals in self._rivals().items():
            leads = [lead.estimate for pair in rivals if pair[1] and (lead := self.contrasts.of(*pair))]
            asked.append((place, "", mean(leads) if leads else None))
        return asked

    def _tokens(self) -> list[Asked]:
        """9b: by how many percent fewer tokens the recipe takes for a prediction than that in-context learning."""
        asked = []
        for place, rivals in self._rivals().items():
            shares = [
                self._counted("9b", recipe, icl, 100 * (1 - counts[0] / counts[1]))
                for recipe, icl in rivals
                if (counts := self._counts("tokens_per_prediction", recipe, icl))
            ]
            asked.append((place, "", mean(shares) if shares else None))
        return asked

    def _rivals(self) -> dict[Place, list[tuple[Cell, Cell | None]]]:
        """Per model and task every cell of the recipe that has few examples, and the best ICL on the same ones."""
        arms = {run.arm for run in runs(self.study) if run.method == "ia3" and not run.given and self._is_recipe(run)}
        cells = [cell for cell in self.results.cells if cell.train or cell.ordinary]
        rivals: dict[Place, list] = {}
        for cell in cells:
            if cell.arm in arms and not cell.shots and self._few(cell):
                shown = [
                    other
                    for other in cells
                    if other.method == NOTHING
                    and other.shots
                    and other.retriever != UPPER_BOUND
                    and (other.model, other.task, other.train) == (cell.model, cell.task, cell.train)
                ]
                if shown:
                    rivals.setdefault((cell.model, cell.task), []).append((cell, self._best(shown)))
        return rivals

    def _is_recipe(self, run: Run) -> bool:
        """Whether a run of (IA)3 has the losses of T-Few, whatever its arm is called."""
        return set(overrides.tuning(self.study, run)["loss"]) == RECIPE

    def _few(self, cell: Cell) -> bool:
        """Whether a cell's training records are few; of the catalogue's tasks the number is known without them."""
        size = catalogue.task_entry(cell.task, self.study.data.own).size
        numbers = [cell.train, self.study.data.limits.train, size.train if size else None]
        return min((number for number in numbers if number), default=FEW + 1) <= FEW

    def _best(self, cells: list[Cell]) -> Cell | None:
        """The cell with the highest score; None where none has one."""
        of_task = self.evidence.get(cells[0].task)
        scored = [cell for cell in cells if of_task and cell in of_task.estimates]
        return max(scored, key=lambda cell: of_task.sign * of_task.estimates[cell].value, default=None)

    def _similar(self) -> list[Asked]:
        """10: what demonstrations add to each tuned method where they are similar."""
        tuned = [cell for cell in compared(self.results.cells) if cell.tuned]
        return [
            ((shown.model, shown.task), self.names.cell(shown), self._nearer(plain, shown))
            for plain, shown in with_and_without(tuned)
            if shown.retriever != RANDOM
        ]

    def _nearer(self, plain: Cell, shown: Cell) -> Estimate | None:
        of_task = self.evidence.get(shown.task)
        if of_task is None or not of_task.estimates.keys() >= {plain, shown}:
            return None
        return nearer_gain(self.study, of_task, plain, shown, self.near(shown, "similarity"))

    def _scores(self, *cells: Cell | None) -> bool:
        """Whether one of these cells scores anything: where none does, none is worse, and that says nothing."""
        return any(
            of_task.lower or of_task.estimates[cell].value > 0
            for cell in cells
            if cell and (of_task := self.evidence.get(cell.task)) and cell in of_task.estimates
        )

    def _counts(self, column: str, *cells: Cell | None) -> list[float] | None:
        """What two cells took; None where one is not known."""
        counts = [self.costs.get(cell.key, {}).get(column, 0.0) for cell in cells if cell]
        return counts if len(counts) == len(cells) and all(count > 0 for count in counts) else None

    def _counted(self, name: str, one: Cell, other: Cell, value: float) -> Estimate:
        """A number in which nothing is random."""
        folders = [self.evidence[cell.task].estimates[cell].folders for cell in (one, other)]
        return Estimate.of(Sample((name, one, other), {0: value}, folders=frozenset().union(*folders)))
