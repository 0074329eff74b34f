"""The four claims of the published study, held against a study's own numbers. A finding, never a pass or fail.

A claim has parts, and a part has an effect per model and task. How cells are put together is the part's rule:

- every   it is said of every task: supported where each cell is significant by itself (the intersection-union test,
          Berger 1982), not supported where one is significantly the other way (Holm over the cells);
- some    it is said not to hold everywhere: supported where one cell is significant, not supported where every
          cell is significantly the other way;
- mean    it is said in general: the mean over the cells, which may hide cells of either kind, so they are counted.

What is in between is undecided, and so is whatever rests on a single seed.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from softshot.analysis import bootstrap, effects
from softshot.analysis.bootstrap import Estimate
from softshot.analysis.collect import Results
from softshot.analysis.effects import Arms, Effect, Normal
from softshot.analysis.evidence import Evidence
from softshot.analysis.significance import holm
from softshot.analysis.similarity import Near, halves
from softshot.analysis.tables import task_label
from softshot.analysis.transfer import gains
from softshot.settings import Study

COLUMNS = ["claim", "part", "statement", "model", "task", "verdict", "effect", "low", "high", "unit", "p", "p_holm"]
COLUMNS += ["level", "runs", "sentence"]
SUPPORTED, REFUTED, UNDECIDED = "supported", "not supported", "undecided"
CLAIMS = {
    1: "PT and IPT score above ICL with random demonstrations on every task; retrieved demonstrations narrow the gap"
    " but do not close it.",
    2: "IPT does not always score above PT; it gains where the demonstration is similar to the input.",
    3: "PT's scores spread more over seeds the longer its prompt, and IPT lowers the spread.",
    4: "A prompt tuned on another task helps when it stands before demonstrations of the task.",
}
PARTS = {  # statement, rule, unit, sign of an effect for which it is true
    "1a": ("PT scores above ICL with random demonstrations.", "every", "points", 1),
    "1b": ("IPT scores above ICL with random demonstrations.", "every", "points", 1),
    "1c": ("ICL with retrieved demonstrations scores above ICL with random ones.", "every", "points", 1),
    "1d": ("The better of PT and IPT scores above ICL with retrieved demonstrations.", "every", "points", 1),
    "2a": ("IPT scores below PT somewhere.", "some", "points", -1),
    "2b": ("IPT gains more over PT on the half of the records with more similar demonstrations.", "mean", "points", 1),
    "3a": ("PT's deviation over seeds grows with the length of its prompt.", "mean", "log ratio by log tokens", 1),
    "3b": ("IPT's deviation over seeds is lower than PT's.", "mean", "log ratio", 1),
    "4": ("Prompts tuned on other tasks add to ICL with the same demonstrations.", "mean", "points", 1),
}
DIFFERENCES = {  # what the effects of a part in points are
    "1a": "lead of PT",
    "1b": "lead of IPT",
    "1c": "lead of retrieved demonstrations",
    "1d": "lead of the better of PT and IPT",
    "2a": "lead of IPT over PT",
    "2b": "difference of IPT's gains",
    "4": "gain",
}


@dataclass(frozen=True)
class Cell:
    """An effect on one task with one model; None where no finished run says anything."""

    model: str
    task: str
    effect: Effect | None
    tests: int = 1  # that were looked at to choose this effect, for Bonferroni


@dataclass(frozen=True)
class Part:
    """One statement of a claim with its effects."""

    name: str  # its first sign is the claim's number
    statement: str
    rule: str
    unit: str
    sign: int  # of an effect for which the statement is true
    cells: list[Cell]


def claims(study: Study, results: Results, found: dict[str, Evidence], near: Near) -> pd.DataFrame:
    """Per claim a row, per part a row and one for each of its cells."""
    made, rows = parts(study, results, found, near), []
    for number, statement in CLAIMS.items():
        of_parts = [_part_rows(study, part) for part in made if part.name.startswith(str(number))]
        rows += [_whole(number, statement, [part[0] for part in of_parts]), *(row for part in of_parts for row in part)]
    return pd.DataFrame(rows, columns=COLUMNS)


def parts(study: Study, results: Results, found: dict[str, Evidence], near: Near) -> list[Part]:
    """The parts of all claims, with the effects that the finished runs show."""
    places = list(results.runs[["model", "task"]].drop_duplicates().itertuples(index=False, name=None))
    arms = {(model, task): Arms.of(found[task], model) for model, task in places if task in found}

    def cells(effect) -> list[Cell]:
        """`effect(evidence, arms, model)` of every model and task."""
        return [
            Cell(model, task, effect(found[task], arms[model, task], model) if task in found else None)
            for model, task in places
        ]

    def similar(evidence: Evidence, of: Arms, model: str) -> Estimate | None:
        return halves(study, evidence, of.pt, of.ipt, near(of.ipt, "similarity")) if of.pt and of.ipt else None

    of_cells = {
        "1a": cells(lambda evidence, of, _: effects.over(evidence, of.pt, of.random)),
        "1b": cells(lambda evidence, of, _: effects.over(evidence, of.ipt, of.random)),
        "1c": [
            replace(cell, tests=max(arms[cell.model, cell.task].choices, 1)) if cell.effect else cell
            for cell in cells(lambda evidence, of, _: effects.over(evidence, of.retrieved, of.random))
        ],
        "1d": [replace(cell, tests=2) for cell in cells(_kept)],
        "2a": cells(lambda evidence, of, _: effects.over(evidence, of.ipt, of.pt)),
        "2b": cells(similar),
        "3a": cells(lambda evidence, _, model: effects.growth(evidence, model)),
        "3b": cells(lambda evidence, _, model: effects.steadiness(evidence, model)),
        "4": _moved(results, found),
    }
    return [Part(name, *said, of_cells[name]) for name, said in PARTS.items()]


def _moved(results: Results, found: dict[str, Evidence]) -> list[Cell]:
    """Per model and target task the mean gain of all source tasks' prompts."""
    targets = results.runs.loc[results.runs["arm"] == "transfer", ["model", "task"]].drop_duplicates()
    known = gains(results, found)
    return [
        Cell(*place, bootstrap.mean(known[place]) if place in known else None)
        for place in targets.itertuples(index=False, name=None)
    ]


def _kept(evidence: Evidence, arms: Arms, _: str) -> Estimate | None:
    """What is left between the better of PT and IPT and retrieved demonstrations."""
    known = [made for key in (arms.pt, arms.ipt) if (made := effects.over(evidence, key, arms.retrieved))]
    return max(known, key=lambda made: made.value, default=None)


def _part_rows(study: Study, part: Part) -> list[dict]:
    """The part's own row, and one per cell."""
    alpha = 1 - study.analysis.confidence
    p = np.array([cell.tests * cell.effect.p if cell.effect else np.nan for cell in part.cells], dtype=float)
    p = np.minimum(p, 1.0)
    rows = []
    for cell, raw, corrected in zip(part.cells, p, holm(p), strict=True):
        confidence = 1 - alpha / cell.tests
        row = _numbers(cell.effect, confidence, part) | {
            "model": cell.model,
            "task": cell.task,
            "p": raw,
            "p_holm": corrected,
        }
        row["verdict"] = _verdict(cell.effect, corrected, alpha, part.sign)
        row["sentence"] = f"{task_label(cell.task)}, {cell.model}: {_sentence(row, cell.effect, part)}"
        rows.append(row)
    return [_overall(part, rows, alpha, study.analysis.confidence), *rows]


def _numbers(effect: Effect | None, confidence: float, part: Part) -> dict:
    """What every row says."""
    low, high = effect.interval(confidence) if effect else (np.nan, np.nan)
    return {
        "claim": int(part.name[0]),
        "part": part.name,
        "statement": part.statement,
        "effect": effect.value if effect else np.nan,
        "low": low,
        "high": high,
        "unit": part.unit,
        "level": effect.level if effect else "",
        "runs": effect.runs if effect else 0,
    }


def _verdict(effect: Effect | None, p: float, alpha: float, sign: int) -> str:
    """Of one effect: undecided without runs, with one seed only, and where it is not significant."""
    if effect is None or effect.single or not p < alpha:
        return UNDECIDED
    return SUPPORTED if sign * effect.value > 0 else REFUTED


def _overall(part: Part, rows: list[dict], alpha: float, confidence: float) -> dict:
    """The part's own row: what its cells say together, by its rule."""
    known = [cell.effect for cell in part.cells if cell.effect]
    together = _mean([effect for effect in known if not effect.single and np.isfinite(effect.p)] or known)
    raw = together.p if together else np.nan
    verdicts = [row["verdict"] for row in rows]
    counted = {name: verdicts.count(name) for name in (SUPPORTED, REFUTED)}
    # Where all must hold, each is tested by itself: the chance that all err is smaller than that one does.
    alone = [_verdict(cell.effect, row["p"], alpha, part.sign) for cell, row in zip(part.cells, rows, strict=True)]
    if part.rule == "mean":
        verdict = _verdict(together, raw, alpha, part.sign)
    elif part.rule == "every":
        verdict = REFUTED if counted[REFUTED] else SUPPORTED if alone and set(alone) == {SUPPORTED} else UNDECIDED
    else:
        verdict = SUPPORTED if counted[SUPPORTED] else REFUTED if alone and set(alone) == {REFUTED} else UNDECIDED
    row = _numbers(together, confidence, part) | {
        "model": "",
        "task": "",
        "p": raw,
        "p_holm": np.nan,
        "verdict": verdict,
    }
    return row | {"sentence": _summary(part, row, rows, counted, known)}


def _mean(known: list[Effect]) -> Effect | None:
    """The mean of effects of one kind; None of none."""
    if not known:
        return None
    return effects.pooled(known) if isinstance(known[0], Normal) else bootstrap.mean(known)


def _summary(part: Part, row: dict, rows: list[dict], counted: dict[str, int], known: list[Effect]) -> str:
    """The part's own row in words."""
    if not rows:
        return "The study asks nothing about this."
    if not known:
        return "Undecided: no finished runs say anything about this."
    text = f"{row['verdict'].capitalize()}: true beyond chance in {counted[SUPPORTED]} of"
    text += f" {_count(len(rows), 'cell')} of model and task, the reverse in {counted[REFUTED]}."
    text += f" Mean {DIFFERENCES.get(part.name, 'effect')}: {_said(row, part)}."
    if len(known) < len(rows):
        text += f" {_count(len(rows) - len(known), 'cell')} can say nothing yet."
    if any(effect.single for effect in known):
        text += " A cell with a single seed decides nothing: its spread is unknown."
    return text


def _sentence(row: dict, effect: Effect | None, part: Part) -> str:
    """One cell in words."""
    if effect is None:
        return "nothing can be said yet."
    text = f"{row['verdict']}; {_said(row, part)}, from {_count(effect.runs, 'run')}."
    return text + (" One seed: true of these runs, and no more." if effect.single else "")


def _said(row: dict, part: Part) -> str:
    """An effect with its interval in words."""
    ends = [row["effect"], row["low"], row["high"]]
    if part.unit == "points":
        said, interval = f"{ends[0]:+.1f} points", f"{ends[1]:+.1f} to {ends[2]:+.1f}"
    elif part.name == "3a":
        factors = [2**value for value in ends]  # per doubling of the tokens
        said, interval = f"x {factors[0]:.2f} with each doubling of the tokens", f"{factors[1]:.2f} to {factors[2]:.2f}"
    else:
        factors = [float(np.exp(value)) for value in ends]
        said, interval = f"PT's is x {factors[0]:.2f} IPT's", f"{factors[1]:.2f} to {factors[2]:.2f}"
    return f"{said} ({interval})" if np.isfinite(ends).all() else f"{said} (no interval)"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _whole(number: int, statement: str, parts: list[dict]) -> dict:
    """The claim's own row: supported where all parts are, not supported where one is not."""
    verdicts = [part["verdict"] for part in parts]
    verdict = REFUTED if REFUTED in verdicts else SUPPORTED if set(verdicts) == {SUPPORTED} else UNDECIDED
    said = "; ".join(f"{part['part']} {part['verdict']}" for part in parts)
    row = dict.fromkeys(COLUMNS, "") | dict.fromkeys(("effect", "low", "high", "p", "p_holm"), np.nan)
    row |= {"claim": number, "statement": statement, "verdict": verdict, "sentence": f"{verdict.capitalize()}: {said}."}
    return row | {"runs": max((part["runs"] for part in parts), default=0)}
