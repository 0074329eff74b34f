"""Advice for who must choose: per model and task one plain paragraph, made of the study's numbers.

Which arm, at which prompt length, at what cost, and how sure. Where two arms cannot be told apart, the cheaper one.
"""

import numpy as np
import pandas as pd

from softshot.analysis.bootstrap import Estimate, difference
from softshot.analysis.collect import CELL
from softshot.analysis.evidence import UPPER_BOUND, Evidence, Key, keys, ordinary
from softshot.analysis.significance import compare, holm
from softshot.analysis.tables import metric_label, plus_minus, run_label, task_label
from softshot.settings import Study

COLUMNS = [*CELL, "tokens", "sure", "text"]
SURE, RUNS_ONLY, TIE, NOTHING = "sure", "these runs only", "a tie", "nothing to say"


def advice(study: Study, found: dict[str, Evidence], pareto: pd.DataFrame, missing: pd.DataFrame) -> pd.DataFrame:
    """A row per model and task of the study, with the recommended cell ("" where nothing can be said)."""
    costs = pareto.set_index(CELL)
    rows = []
    for model in study.models.use:
        for task in study.data.tasks:
            evidence = found.get(task)
            made = _advise(study, evidence, model, costs) if evidence else None
            arm, variant, tokens, sure, text = made or ("", "", 0, NOTHING, _nothing(model, task))
            waiting = missing[(missing["topic"] == "runs") & (missing["model"] == model) & (missing["task"] == task)]
            if made and len(waiting):
                text += " Runs are missing, so this can change."
            rows.append((model, task, arm, variant, tokens, sure, text))
    return pd.DataFrame(rows, columns=COLUMNS)


def _nothing(model: str, task: str) -> str:
    return f"Nothing can be said of {task_label(task)} with {model}: no run is done."


def _advise(study: Study, evidence: Evidence, model: str, costs: pd.DataFrame) -> tuple | None:
    """arm, variant, tokens, sure, text; None without a finished run."""
    table = evidence.cells
    table = table[(table["model"] == model) & ordinary(table) & (table["retriever"] != UPPER_BOUND)]
    known = [key for key in keys(table) if key in evidence.estimates]
    if not known:
        return None
    sign = -1 if evidence.lower else 1
    leaders: dict[str, Key] = {}  # the best of each arm
    for key in sorted(known, key=lambda key: -sign * evidence.estimates[key].value):
        leaders.setdefault(key[2], key)
    best, *rivals = leaders.values()
    made = [compare(study, evidence, best, rival) for rival in rivals]
    corrected = holm(np.array([one.p for one in made]))
    open_ = [key for key, p in zip(rivals, corrected, strict=True) if not p < 1 - study.analysis.confidence]
    single = [key for key in leaders.values() if evidence.estimates[key].single]
    chosen = min([best, *open_], key=lambda key: _price(costs, key)) if open_ else best
    sure = NOTHING if not rivals else TIE if open_ else RUNS_ONLY if single else SURE
    sentences = [
        _first(evidence, best, table),
        *_against(study, evidence, rivals, [one.estimate for one in made], open_),
        *_lengths(study, evidence, known, best),
        _cost(costs, best, [key for key in rivals if key[2] == "icl"]),
        *_certainty(best, chosen, open_, rivals, single),
    ]
    tokens = int(table.loc[[key == chosen for key in keys(table)], "tokens"].iloc[0])
    return chosen[2], chosen[3], tokens, sure, " ".join(sentence for sentence in sentences if sentence)


def _price(costs: pd.DataFrame, key: Key) -> tuple[bool, float]:
    """What an arm costs its user: tuning or none, then time per prediction."""
    row = costs.loc[key]
    return row["tokens"] > 0, row["ms_per_prediction"] if pd.notna(row["ms_per_prediction"]) else 0.0


def _named(key: Key) -> str:
    return run_label(*key[2:])


def _first(evidence: Evidence, best: Key, table: pd.DataFrame) -> str:
    """What scored best."""
    estimate, (model, task, *_) = evidence.estimates[best], best
    scores = np.array(
        [
            evidence.replicates.values[place]
            for place, _ in evidence.members[best]
            if place in evidence.replicates.values
        ]
    )
    sd = float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")
    metric, which = metric_label(evidence.statistics.metric), "lowest, which is best" if evidence.lower else "highest"
    runs = f"{estimate.runs} seeds" if estimate.runs > 1 else "one run"
    return (
        f"On {task_label(task)} with {model} the {metric} of {_named(best)} is {which}:"
        f" {plus_minus(estimate.value, sd)} ({runs}, {evidence.replicates.records:,} records)."
    )


def _against(study: Study, evidence: Evidence, rivals: list[Key], made: list[Estimate], open_: list[Key]) -> list[str]:
    """The best of each other arm, and whether it is worse beyond chance."""
    said = []
    for rival, estimate in zip(rivals, made, strict=True):
        low, high = estimate.interval(study.analysis.confidence)
        interval = f", {100 * study.analysis.confidence:g}% interval {low:.1f} to {high:.1f}" if low == low else ""
        text = f"{_named(rival)} is {estimate.value:.1f} points worse ({evidence.estimates[rival].value:.1f}{interval})"
        said.append(f"{text}, which can be chance." if rival in open_ else f"{text}, more than chance explains.")
    return said


def _lengths(study: Study, evidence: Evidence, known: list[Key], best: Key) -> list[str]:
    """Other prompt lengths of the same arm and demonstrations that are not significantly worse."""
    shown = best[3].partition("_")[2]
    others = [key for key in known if key[2] == best[2] and key != best and key[3].partition("_")[2] == shown]
    if best[2] == "icl" or not others:
        return []
    made = [difference(evidence.estimates[best], evidence.estimates[key], evidence.lower) for key in others]
    corrected = holm(np.array([one.p for one in made]))
    tokens = {key: int(key[3].partition("_")[0].removeprefix("tokens-")) for key in (*others, best)}
    near = sorted(
        tokens[key] for key, p in zip(others, corrected, strict=True) if not p < 1 - study.analysis.confidence
    )
    if not near:
        lengths = _listed(sorted(tokens[key] for key in others))
        return [f"Its other prompt lengths ({lengths} tokens) are significantly worse."]
    shorter = f", and {near[0]} is the shortest" if near[0] < tokens[best] else ""
    return [f"Prompts of {_listed(near)} tokens are not significantly worse than {tokens[best]}{shorter}."]


def _listed(numbers: list[int]) -> str:
    words = [str(number) for number in numbers]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _cost(costs: pd.DataFrame, best: Key, plain: list[Key]) -> str:
    """What the best arm takes, beside ICL."""
    row, parts = costs.loc[best], []
    if row["tokens"] > 0 and pd.notna(row["trainable_parameters"]):
        parts.append(f"tunes {row['trainable_parameters']:,.0f} parameters in {duration(row['tuning_seconds'])} a run")
    if pd.notna(row["ms_per_prediction"]):
        parts.append(f"takes {_use(row)} a prediction")
    if not parts:
        return ""
    text = f"It {' and then '.join(parts)}"
    if plain and pd.notna(costs.loc[plain[0], "ms_per_prediction"]):
        text += f"; {_named(plain[0])} tunes nothing and takes {_use(costs.loc[plain[0]])}"
    return f"{text}."


def _use(row: pd.Series) -> str:
    return f"{row['ms_per_prediction']:,.0f} ms and {row['input_tokens_per_prediction']:,.0f} input tokens"


def duration(seconds: float) -> str:
    """`40 s`, `12 min` or `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _certainty(best: Key, chosen: Key, open_: list[Key], rivals: list[Key], single: list[Key]) -> list[str]:
    """How sure all that is, and what to take."""
    said = []
    if not rivals:
        said.append("There is no other arm to compare it with.")
    elif open_:
        arms = " and ".join(_named(key) for key in (best, *open_))
        said.append(f"The study cannot tell {arms} apart: take {_named(chosen)}, the cheapest of them.")
    else:
        said.append(f"Take {_named(chosen)}.")
    if single:
        said.append("Some of this rests on one seed: another can change the order, and no interval here covers that.")
    return said
