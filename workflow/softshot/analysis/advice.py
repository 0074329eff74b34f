"""Advice for who must choose: per model and task one plain paragraph, made of the study's numbers.

Which arm, at which size, at what cost, and how sure. The size of an arm is chosen by its validation loss, never by the
scores that it is then praised by; whether it is better than others is what contrasts.py says of the two. An arm that
scores no more than what needs no model is no advice, however cheap it is.
"""

import pandas as pd

from softshot.analysis import baselines
from softshot.analysis.cells import UPPER_BOUND, Cell, compared, grouped
from softshot.analysis.collect import CELL, Results
from softshot.analysis.contrasts import BETTER, EQUAL, Contrast, Contrasts
from softshot.analysis.evidence import Evidence, deviation
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.tables import duration, plus_minus, span
from softshot.settings import Study

COLUMNS = [*CELL, "size", "sure", "text"]
SURE, RUNS_ONLY, NOT_CERTAIN, TIE, NOTHING = "sure", "these runs only", "not certain", "equal", "nothing to say"


def leaders(results: Results) -> dict[Cell, int]:
    """The cells that advice chooses among, each with the number of sizes that it was chosen from.

    Per model, task, arm and demonstrations: the size with the lowest validation loss, mean over the finished seeds;
    where none is known, the compared one. Upper bounds are for no one to choose.
    """
    losses = (
        results.costs.assign(loss=pd.to_numeric(results.costs["best_validation_loss"])).groupby(CELL)["loss"].mean()
    )
    held = set(compared(results.cells))
    ordinary = [cell for cell in results.cells if cell.ordinary and cell.retriever != UPPER_BOUND]
    chosen = {}
    for cells in grouped(ordinary, "model", "task", "arm", "shown").values():
        losses_of_sizes = {cell: losses[cell.key] for cell in cells if pd.notna(losses.get(cell.key))}
        best = min(losses_of_sizes, key=losses_of_sizes.get, default=None)
        for cell in [best] if best else [cell for cell in cells if cell in held]:
            chosen[cell] = len(losses_of_sizes) or 1
    return chosen


def advice(
    study: Study,
    results: Results,
    evidence: dict[str, Evidence],
    contrasts: Contrasts,
    costs: pd.DataFrame,
    trivial: pd.DataFrame,
    missing: pd.DataFrame,
    names: Names,
) -> pd.DataFrame:
    """A row per model and task of the study, with the recommended cell ("" where nothing can be said).

    `trivial`: the baselines.
    """
    chosen, spent, rows = leaders(results), costs.set_index(CELL), []
    for model in study.models.use:
        for task in study.data.tasks:
            of_task = evidence.get(task)
            cells = [cell for cell in of_task.of_model(model) if cell in chosen] if of_task else []
            if not cells:
                text = f"Nothing can be said of {task_label(task)} with {model}: no run is done."
                rows.append((model, task, "", "", 0, NOTHING, text))
                continue
            best, sure, text = _Advice(study, of_task, contrasts, spent, trivial, names, cells, chosen).paragraph()
            waiting = missing[(missing["topic"] == "runs") & (missing["model"] == model) & (missing["task"] == task)]
            text += " Runs are missing, so this can change." if len(waiting) else ""
            rows.append((model, task, *((best.arm, best.variant, best.size) if best else ("", "", 0)), sure, text))
    return pd.DataFrame(rows, columns=COLUMNS)


class _Advice:
    """The paragraph on one model and task: its cells, one per arm and demonstrations."""

    def __init__(
        self,
        study: Study,
        evidence: Evidence,
        contrasts: Contrasts,
        costs: pd.DataFrame,
        trivial: pd.DataFrame,
        names: Names,
        cells: list[Cell],
        chosen: dict[Cell, int],
    ):
        task, lower = evidence.statistics.task, evidence.lower
        self.floor = baselines.floor(trivial, task, lower)  # what needs neither model nor demonstrations, and its score
        self.copied = baselines.copied(trivial, task, lower)  # what needs demonstrations and no model
        self.study, self.evidence, self.costs, self.names, self.chosen = study, evidence, costs, names, chosen
        ordered = sorted(cells, key=lambda cell: -evidence.sign * evidence.estimates[cell].value)
        self.best, self.rivals = ordered[0], ordered[1:]
        self.leads = {rival: contrasts.of(self.best, rival) for rival in self.rivals}
        self.open = [rival for rival, lead in self.leads.items() if lead.verdict != BETTER]
        # What is worse when looked at by itself is not recommended for its price, though it is not shown to be worse;
        # nor is what scores no more than what is free.
        self.near = [rival for rival in self.open if not self.leads[rival].low > 0 and self._above(rival)]
        self.single = any(evidence.estimates[cell].single for cell in cells)

    def paragraph(self) -> tuple[Cell | None, str, str]:
        """The cell, how sure it is, and the text; no cell where none scores more than what needs no model."""
        if not self._above(self.best):
            name, score = self.floor
            reason = f"no arm scored better than the {name} ({score:.1f})" if score else "every arm scored 0"
            text = f"On {task_label(self.best.task)} with {self.best.model} {reason}: nothing can be said."
            return None, NOTHING, " ".join([text, *self._free()])
        sure = self._sure()
        first: dict[str, Cell] = {}
        for rival in self.rivals:  # of each other arm its best, and whatever may be as good
            first.setdefault(rival.arm, rival)
        named = [rival for rival in self.rivals if rival in self.open or first[rival.arm] == rival]
        sentences = [self._first(), *map(self._against, named[:4]), *self._free(), self._cost()]
        return self.best, sure, " ".join(filter(None, [*sentences, *self._certainty()]))

    def _above(self, cell: Cell) -> bool:
        """Whether a cell scores better than what needs no model."""
        return self.evidence.sign * (self.evidence.estimates[cell].value - self.floor[1]) > 0

    def _sure(self) -> str:
        """How sure it is that no rival is as good: one that is not shown to be worse is not thereby equal."""
        if not self.rivals:
            return NOTHING
        if self.open:
            return TIE if all(self.leads[rival].verdict == EQUAL for rival in self.open) else NOT_CERTAIN
        return RUNS_ONLY if self.single else SURE

    def _first(self) -> str:
        """What scored best, and how its size was chosen."""
        cell, estimate = self.best, self.evidence.estimates[self.best]
        runs = f"over {estimate.runs} seeds" if estimate.runs > 1 else "in one run"
        better = ", where lower is better," if self.evidence.lower else ""
        metric = metric_label(self.evidence.statistics.metric)
        score = plus_minus(estimate.value, deviation(self.evidence.scores(cell)))
        interval = span(*self.evidence.interval(cell, self.study.analysis.confidence))
        text = f"On {task_label(cell.task)} with {cell.model}, {self.names.phrase(cell)} scored best: {metric}{better}"
        text += f" {score} {runs}{f' (interval {interval})' if interval else ''},"
        text += f" on {self.evidence.replicates.records:,} records."
        if self.chosen[cell] > 1:
            text += f" Of its {self.chosen[cell]} sizes this one had the lowest validation loss."
        return text

    def _against(self, rival: Cell) -> str:
        """A rival, and whether it is worse beyond chance."""
        lead: Contrast = self.leads[rival]
        confidence = f"{100 * self.study.analysis.confidence:g}% interval"
        ends = span(lead.low, lead.high)
        interval = f" ({confidence} {ends})" if ends else ""
        behind = f"{lead.estimate.value:.1f} points worse" if lead.estimate.value else "as high"
        text = f"{self.names.phrase(rival)} was {behind}{interval}"
        if lead.verdict == BETTER:
            return f"{text}, more than chance explains."
        if lead.verdict == EQUAL:
            return f"{text}: equal, within {self.study.analysis.margin:g}."
        if lead.p < 1 - self.study.analysis.confidence:
            return f"{text}, which among so many comparisons can be chance."
        return f"{text}, which can be chance."

    def _free(self) -> list[str]:
        """That an answer copied from the training records is as good as any arm's, where it is."""
        if not self.copied:
            return []
        (retriever, score), sign = self.copied, self.evidence.sign
        if sign * (self.evidence.estimates[self.best].value - score) > 0 or sign * (score - self.floor[1]) <= 0:
            return []
        return [
            f"No arm is better than the first {retriever} demonstration's output, copied without a model ({score:.1f})."
        ]

    def _cost(self) -> str:
        """What the best cell takes, beside the cheapest that trains nothing."""
        row, parts = self.costs.loc[self.best.key], []
        if self.best.tuned and pd.notna(row["trainable_parameters"]):
            parts.append(
                f"tunes {row['trainable_parameters']:,.0f} parameters in {duration(row['tuning_seconds'])} a run"
            )
        if pd.notna(row["tokens_per_prediction"]):
            parts.append(f"takes {row['tokens_per_prediction']:,.0f} tokens a prediction")
        if not parts:
            return ""
        text = f"It {' and then '.join(parts)}"
        plain = [rival for rival in self.rivals if not rival.tuned] if self.best.tuned else []
        if plain and pd.notna(self.costs.loc[plain[0].key, "tokens_per_prediction"]):
            tokens = self.costs.loc[plain[0].key, "tokens_per_prediction"]
            text += f"; {self.names.phrase(plain[0])} tunes nothing and takes {tokens:,.0f}"
        return f"{text}."

    def _certainty(self) -> list[str]:
        """What to take, and how sure that is."""
        sentences, name = [], self.names.phrase
        cheap = min([self.best, *self.near], key=self._price)
        if not self.rivals:
            sentences.append("There is no other arm to compare it with.")
        elif not self.open:
            sentences.append(f"Take {name(self.best)}.")
        elif not self.near:
            free = "" if all(map(self._above, self.open)) else f", or no better than the {self.floor[0]}"
            text = f"Take {name(self.best)}: each of the others did worse by itself{free}, though among so many"
            sentences.append(f"{text} comparisons not all of that is beyond chance.")
        elif cheap == self.best:
            sentences.append(
                "It is also the cheapest of those that may be as good: take it, but do not count on its lead."
            )
        else:
            lead, more = self.leads[cheap], "more records would tell"
            if lead.estimate.single:
                more = "more seeds would tell"
            elif lead.seeds:
                more = f"some {lead.seeds} seeds would tell, if difference and spread stay"
            why = "takes fewer tokens a prediction" if cheap.tuned else "needs no tuning"
            sentences.append(f"If cost matters, {name(cheap)} {why} and may be as good; {more}.")
        if self.single:
            sentences.append(
                "Some of this rests on one seed: another can change the order, and no interval here covers that."
            )
        return sentences

    def _price(self, cell: Cell) -> tuple[bool, float]:
        """What a cell costs its user: tuning or none, then tokens per prediction."""
        tokens = self.costs.loc[cell.key, "tokens_per_prediction"]
        return cell.tuned, float(tokens) if pd.notna(tokens) else 0.0
