"""Advice for who must choose: per model and task one plain paragraph, made of the study's numbers.

Which arm, at which prompt length, at what cost, and how sure. The best of several lengths is chosen by the scores that
it is praised by, so a little of its lead is luck; the paragraph names the lengths that may do as well.
"""

import numpy as np
import pandas as pd

from softshot.analysis.bootstrap import Estimate, difference
from softshot.analysis.collect import CELL
from softshot.analysis.evidence import UPPER_BOUND, Evidence, Key, keys, ordinary
from softshot.analysis.lengths import deviation
from softshot.analysis.significance import compare, holm
from softshot.analysis.tables import metric_label, plus_minus, run_phrase, task_label
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
    """arm, variant, tokens, sure, text; None without a finished run, and no arm where none scored."""
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
    if evidence.estimates[best].value == 0 and not evidence.lower:
        return (
            "",
            "",
            0,
            NOTHING,
            f"On {task_label(evidence.task)} with {model} every arm scored 0: nothing can be said.",
        )
    made = [compare(study, evidence, best, rival) for rival in rivals]
    corrected = holm(np.array([one.p for one in made]))
    open_ = [key for key, p in zip(rivals, corrected, strict=True) if not p < 1 - study.analysis.confidence]
    single = any(evidence.estimates[key].single for key in leaders.values())
    sure = NOTHING if not rivals else TIE if open_ else RUNS_ONLY if single else SURE
    sentences = [
        _first(evidence, best),
        *_against(study, evidence, rivals, [one.estimate for one in made], open_),
        *_lengths(study, evidence, known, best),
        _cost(costs, best, [key for key in rivals if key[2] == "icl"]),
        *_certainty(costs, best, open_, rivals, single),
    ]
    tokens = int(costs.loc[best, "tokens"])
    return best[2], best[3], tokens, sure, " ".join(sentence for sentence in sentences if sentence)


def _price(costs: pd.DataFrame, key: Key) -> tuple[bool, float]:
    """What an arm costs its user: tuning or none, then time per prediction."""
    row = costs.loc[key]
    return row["tokens"] > 0, row["ms_per_prediction"] if pd.notna(row["ms_per_prediction"]) else 0.0


def _named(key: Key) -> str:
    return run_phrase(*key[2:])


def _first(evidence: Evidence, best: Key) -> str:
    """What scored best."""
    estimate, (model, task, *_) = evidence.estimates[best], best
    sd = deviation(evidence.scores(best))
    runs = f"over {estimate.runs} seeds" if estimate.runs > 1 else "in one run"
    better = ", where lower is better," if evidence.lower else ""
    metric = metric_label(evidence.statistics.metric)
    return (
        f"On {task_label(task)} with {model}, {_named(best)} scored best: {metric}{better}"
        f" {plus_minus(estimate.value, sd)} {runs}, on {evidence.replicates.records:,} records."
    )


def _against(study: Study, evidence: Evidence, rivals: list[Key], made: list[Estimate], open_: list[Key]) -> list[str]:
    """The best of each other arm, and whether it is worse beyond chance."""
    said = []
    for rival, estimate in zip(rivals, made, strict=True):
        low, high = estimate.interval(study.analysis.confidence)
        interval = f" ({100 * study.analysis.confidence:g}% interval {low:.1f} to {high:.1f})" if low == low else ""
        text = f"{_named(rival)} was {estimate.value:.1f} points worse{interval}"
        said.append(f"{text}, which can be chance." if rival in open_ else f"{text}, more than chance explains.")
    return said


def _lengths(study: Study, evidence: Evidence, known: list[Key], best: Key) -> list[str]:
    """Other prompt lengths of the same arm and demonstrations that may do as well.

    Not corrected for how many there are: a length is ruled out rather too soon than called as good on no evidence.
    """
    shown = best[3].partition("_")[2]
    others = [key for key in known if key[2] == best[2] and key != best and key[3].partition("_")[2] == shown]
    if best[2] == "icl" or not others:
        return []
    tokens = {key: int(key[3].partition("_")[0].removeprefix("tokens-")) for key in (*others, best)}
    alpha = 1 - study.analysis.confidence
    apart = {key: difference(evidence.estimates[best], evidence.estimates[key], evidence.lower).p for key in others}
    near = sorted(tokens[key] for key in others if not apart[key] < alpha)
    if not near:
        lengths = _listed(sorted(tokens[key] for key in others))
        return [f"Its other prompt lengths ({lengths}) did worse than chance explains."]
    text = f"Prompts of {_listed(near)} tokens may do as well as {tokens[best]}, as far as these runs can tell"
    shorter = len(near) > 1 and near[0] < tokens[best]
    return [f"{text}; {near[0]} is the shortest of them." if shorter else f"{text}."]


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


def _certainty(costs: pd.DataFrame, best: Key, open_: list[Key], rivals: list[Key], single: bool) -> list[str]:
    """What to take, and how sure that is."""
    said = []
    cheap = min([best, *open_], key=lambda key: _price(costs, key))
    if not rivals:
        said.append("There is no other arm to compare it with.")
    elif not open_:
        said.append(f"Take {_named(best)}.")
    elif cheap == best:
        said.append("It is also the cheapest of those that may be as good: take it, but do not count on its lead.")
    else:
        said.append(
            f"If cost matters, {_named(cheap)} is cheaper and may be as good; more seeds or records would tell."
        )
    if single:
        said.append("Some of this rests on one seed: another can change the order, and no interval here covers that.")
    return said
