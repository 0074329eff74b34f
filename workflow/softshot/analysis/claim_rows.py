"""The table of the claims: a row per claim, per part, and per model and task, each also in words."""

import numpy as np
import pandas as pd

from softshot.analysis.claims import (
    CLAIMS,
    COUNTED,
    NO_WORSE,
    REFUTED,
    SOURCES,
    STANDARD,
    SUPPORTED,
    UNDECIDED,
    Effect,
    Part,
    verdict_of,
)
from softshot.analysis.estimate import Estimate
from softshot.analysis.names import task_label
from softshot.settings import Study

COLUMNS = ["claim", "part", "statement", "source", "model", "task", "about", "verdict", "effect", "low", "high", "unit"]
COLUMNS += ["p", "p_holm", "level", "runs", "sentence"]
EFFECTS = {  # what the effects of a part are
    "1a": "lead of PT",
    "1b": "lead of IPT",
    "1c": "lead of retrieved demonstrations",
    "1d": "lead of the better of PT and IPT",
    "2a": "lead of IPT over PT",
    "2b": "difference of IPT's gains",
    "3a": "growth of PT's variance",
    "3b": "PT's part",
    "4": "gain",
    "5": "growth of PT's lead over full tuning",
    "6": "difference of the losses",
    "7": "lead of the ensemble over its mean member",
    "8a": "lead of LoRA over full tuning",
    "8b": "share that LoRA trains",
    "9a": "lead of the recipe over ICL",
    "9b": "saving of the recipe",
    "10": "gain on the more similar half",
}


def claims(study: Study, parts: list[Part]) -> pd.DataFrame:
    """Per claim that has parts a row, per part a row and one for each of its effects."""
    rows = []
    for number, statement in CLAIMS.items():
        of_parts = [_part_rows(study, part) for part in parts if part.claim == number]
        if not of_parts:
            continue
        rows += [_whole(number, statement, [part[0] for part in of_parts]), *(row for part in of_parts for row in part)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _part_rows(study: Study, part: Part) -> list[dict]:
    """The part's own row, and one per effect."""
    rows = []
    for effect in part.effects:
        model, task = effect.place
        row = _numbers(study, part, effect.estimate, part.units[0])
        row |= {"model": model, "task": task, "about": effect.about, "verdict": effect.verdict}
        row |= {"p": effect.p, "p_holm": effect.p_holm} if part.name not in COUNTED else {"p": np.nan, "p_holm": np.nan}
        place = ", ".join(filter(None, (task_label(task), model, effect.about)))
        rows.append(row | {"sentence": f"{place}: {_sentence(row, effect, part)}"})
    return [_overall(study, part), *rows]


def _numbers(study: Study, part: Part, estimate: Estimate | None, unit: str) -> dict:
    """What every row says. One draw has no interval, and neither has a count."""
    alone = estimate is None or (part.rule == "places" and estimate.single) or part.name in COUNTED
    low, high = (np.nan, np.nan) if alone else estimate.interval(study.analysis.confidence)
    return {
        "claim": part.claim,
        "part": part.name,
        "statement": part.statement,
        "source": SOURCES[part.claim],
        "effect": estimate.value if estimate else np.nan,
        "low": low,
        "high": high,
        "unit": unit,
        "level": estimate.level if estimate and part.rule != "places" and part.name not in COUNTED else "",
        "runs": estimate.runs if estimate else 0,
    }


def _overall(study: Study, part: Part) -> dict:
    """The part's own row: what its effects say together, by its rule."""
    verdict, alpha, effects = UNDECIDED, 1 - study.analysis.confidence, part.effects
    single = {effect.verdict for effect in effects}
    beyond = {effect.verdict for effect in effects if len(effects) * effect.p_holm < alpha}
    averaged = part.rule in ("mean", "places") and part.together is not None
    p = part.together.p if averaged and not part.together.single else np.nan
    if averaged:
        verdict = verdict_of(study, part.together, p, part.sign)
    elif part.rule == "every":
        verdict = REFUTED if REFUTED in beyond else SUPPORTED if single == {SUPPORTED} else UNDECIDED
    elif part.rule == "some":
        verdict = SUPPORTED if SUPPORTED in beyond else REFUTED if single == {REFUTED} else UNDECIDED
    row = _numbers(study, part, part.together, part.units[1])
    row |= {"model": "", "task": "", "about": "", "p": p, "p_holm": np.nan, "verdict": verdict}
    return row | {"sentence": _summary(row, part) + _margin(study, part)}


def _margin(study: Study, part: Part) -> str:
    """What counts as no worse, in words."""
    margin = study.analysis.margin
    points = f"{margin:g} point{'' if margin == 1 else 's'}"
    return f" No worse is: by less than {points} (analysis.margin)." if part.name in NO_WORSE else ""


def _summary(row: dict, part: Part) -> str:
    """The part's own row in words."""
    estimates = [effect.estimate for effect in part.effects if effect.estimate]
    if not part.effects:
        return "The study asks nothing about this."
    if not estimates:
        return "Undecided: no finished runs say anything about this."
    count = {name: sum(effect.verdict == name for effect in part.effects) for name in (SUPPORTED, REFUTED)}
    noun = "cell" if part.effects[0].place[0] and not part.effects[0].about else "comparison"
    places = _count(len(part.effects), noun) + (" of model and task" if noun == "cell" else "")
    text, sure = f"{row['verdict'].capitalize()}: ", "" if part.name in COUNTED else " beyond chance"
    if part.rule == "places":
        text += f"{places}, each of which counts as one number."
    else:
        text += f"true{sure} in {count[SUPPORTED]} of {places}, the reverse in {count[REFUTED]}."
    if part.together:
        text += f" Mean {EFFECTS[part.name]}: {_said(row, part)}."
    if len(estimates) < len(part.effects):
        text += f" {_count(len(part.effects) - len(estimates), noun)} can say nothing yet."
    if part.rule != "places" and any(estimate.single for estimate in estimates):
        text += " A cell with a single seed decides nothing: its spread is unknown."
    return text


def _sentence(row: dict, effect: Effect, part: Part) -> str:
    """One model and task in words."""
    if effect.estimate is None:
        return "nothing can be said yet."
    if part.rule == "places":
        return f"{_said(row, part)}, from {_count(effect.estimate.runs, 'run')}. {effect.remark}"
    text = f"{row['verdict']}; {_said(row, part)}, from {_count(effect.estimate.runs, 'run')}."
    return text + (" One seed: true of these runs, and no more." if effect.estimate.single else "")


def _said(row: dict, part: Part) -> str:
    """An effect with its interval in words."""
    digits = 2 if row["unit"].startswith(STANDARD) or part.name in COUNTED else 1
    unit = f"{'' if row['unit'].startswith('%') else ' '}{row['unit']}"
    value, *ends = (f"{row[name]:+.{digits}f}" for name in ("effect", "low", "high"))
    interval = f"({ends[0]} to {ends[1]})" if np.isfinite([row["low"], row["high"]]).all() else "(no interval)"
    interval = "(counted)" if part.name in COUNTED else interval
    return f"{value}{unit} {interval}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _whole(number: int, statement: str, parts: list[dict]) -> dict:
    """The claim's own row: supported where all parts are, not supported where one is not."""
    verdicts = [part["verdict"] for part in parts]
    verdict = REFUTED if REFUTED in verdicts else SUPPORTED if set(verdicts) == {SUPPORTED} else UNDECIDED
    summary = "; ".join(f"{part['part']} {part['verdict']}" for part in parts)
    row = dict.fromkeys(COLUMNS, "") | dict.fromkeys(("effect", "low", "high", "p", "p_holm"), np.nan)
    row |= {
        "claim": number,
        "statement": statement,
        "source": SOURCES[number],
        "verdict": verdict,
        "sentence": f"{verdict.capitalize()}: {summary}.",
    }
    return row | {"runs": max((part["runs"] for part in parts), default=0)}
