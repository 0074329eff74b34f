"""The four claims of the published study, held against a study's own numbers. A finding, never a pass or fail.

A claim has parts, and a part an effect per model and task. Where the effect is the difference of two cells, its verdict
is that of contrasts.py and of no other test. How the effects are put together is the part's rule:

- every   it is said of every task: supported where each effect is significant (the intersection-union test, Berger
          1982), not supported where one is significantly the other way, also after Bonferroni over models and tasks;
- some    it is said not to hold everywhere: supported where one is significant after Bonferroni, not supported where
          every one is significantly the other way;
- mean    it is said in general: the mean over models and tasks, which may hide cells of either kind, so they are
          counted. Points of different metrics have no mean, so each effect is first divided by what one record of its
          task varies by;
- places  the same of spreads: each model and task counts as one draw.

What is in between is undecided, and so is whatever rests on a single seed. Tasks and models are those of the study: a
claim is held against these.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from softshot.analysis import effects, estimate
from softshot.analysis.collect import Results
from softshot.analysis.contrasts import BETTER, WORSE, Contrast, Contrasts, holm, judged
from softshot.analysis.effects import Roles, Spreads
from softshot.analysis.estimate import Estimate
from softshot.analysis.evidence import Evidence
from softshot.analysis.names import task_label
from softshot.analysis.near import Near
from softshot.analysis.similarity import halves
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
PARTS = {  # statement, rule, sign of an effect for which it is true
    "1a": ("PT scores above ICL with random demonstrations.", "every", 1),
    "1b": ("IPT scores above ICL with random demonstrations.", "every", 1),
    "1c": ("ICL with retrieved demonstrations scores above ICL with random ones.", "every", 1),
    "1d": ("The better of PT and IPT scores above ICL with retrieved demonstrations.", "every", 1),
    "2a": ("IPT scores below PT somewhere.", "some", -1),
    "2b": ("IPT gains more over PT on the half of the records with more similar demonstrations.", "mean", 1),
    "3a": ("PT's variance over seeds grows with the length of its prompt.", "places", 1),
    "3b": ("IPT's variance over seeds is lower than PT's.", "places", 1),
    "4": ("Prompts tuned on other tasks add to ICL with the same demonstrations.", "mean", 1),
}
POINTS, STANDARD = "points", "SD of a record"
SPREADS = {"3a": "% of the mean variance per doubling", "3b": "% of both variances, less half"}
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
}
GRAIN = 1.0  # percent: no nearer is a spread known

Place = tuple[str, str]  # model, task


@dataclass(frozen=True)
class Effect:
    """What one model and task say of a part; without an estimate nothing."""

    place: Place
    estimate: Estimate | None
    verdict: str = UNDECIDED
    p: float = float("nan")
    p_holm: float = float("nan")
    remark: str = ""


@dataclass(frozen=True)
class Part:
    """One statement of a claim with its effects, and what they come to together."""

    name: str  # its first sign is the claim's number
    effects: list[Effect]
    together: Estimate | None

    @property
    def statement(self) -> str:
        return PARTS[self.name][0]

    @property
    def rule(self) -> str:
        return PARTS[self.name][1]

    @property
    def sign(self) -> int:
        return PARTS[self.name][2]

    @property
    def units(self) -> tuple[str, str]:
        """Of an effect, and of all together."""
        return (SPREADS[self.name],) * 2 if self.rule == "places" else (POINTS, STANDARD)


def claims(
    study: Study, results: Results, evidence: dict[str, Evidence], contrasts: Contrasts, near: Near
) -> pd.DataFrame:
    """Per claim a row, per part a row and one for each model and task."""
    made, rows = parts(study, results, evidence, contrasts, near), []
    for number, statement in CLAIMS.items():
        of_parts = [_part_rows(study, part) for part in made if part.name.startswith(str(number))]
        rows += [_whole(number, statement, [part[0] for part in of_parts]), *(row for part in of_parts for row in part)]
    return pd.DataFrame(rows, columns=COLUMNS)


def parts(
    study: Study, results: Results, evidence: dict[str, Evidence], contrasts: Contrasts, near: Near
) -> list[Part]:
    """The parts of all claims, with the effects that the finished runs show."""
    places = list(dict.fromkeys((cell.model, cell.task) for cell in results.cells))
    roles = {place: Roles.of(evidence[place[1]], place[0]) for place in places if place[1] in evidence}

    def compared(name: str, pair: Callable[[Roles], tuple]) -> Part:
        found = {place: contrasts.of(*pair(of)) for place, of in roles.items()}
        said = [_of_contrast(place, found.get(place), PARTS[name][2]) for place in places]
        return Part(name, said, _standard_mean(evidence, said))

    def tested(name: str, found: dict[Place, Estimate], asked: list[Place]) -> Part:
        said = _of_estimates(study, asked, found, PARTS[name][2])
        return Part(name, said, _standard_mean(evidence, said))

    def spreads(name: str, of: Callable[[Evidence, str], Spreads | None]) -> Part:
        found = {place: said for place in roles if (said := of(evidence[place[1]], place[0]))}
        return Part(
            name,
            [_of_spread(place, name, found.get(place)) for place in places],
            effects.over_places(name, found, GRAIN) if found else None,
        )

    def better(of: Roles) -> tuple:
        leads = [
            (contrast.estimate.value, cell)
            for cell in (of.pt, of.ipt)
            if (contrast := contrasts.of(cell, of.retrieved))
        ]
        return max(leads, key=lambda lead: lead[0], default=(0, None))[1], of.retrieved

    similar = {
        place: found
        for place, of in roles.items()
        if of.pt and of.ipt
        if (found := halves(study, evidence[place[1]], of.pt, of.ipt, near(of.ipt, "similarity")))
    }
    moved = {place: estimate.mean(found) for place, found in gains(contrasts).items()}
    targets = list(dict.fromkeys((cell.model, cell.task) for cell in results.cells if cell.source))
    return [
        compared("1a", lambda of: (of.pt, of.random)),
        compared("1b", lambda of: (of.ipt, of.random)),
        compared("1c", lambda of: (of.retrieved, of.random)),
        compared("1d", better),
        compared("2a", lambda of: (of.ipt, of.pt)),
        tested("2b", similar, places),
        spreads("3a", effects.growth),
        spreads("3b", effects.steadiness),
        tested("4", moved, targets),
    ]


def _of_contrast(place: Place, contrast: Contrast | None, sign: int) -> Effect:
    """The effect that a comparison is, with its verdict."""
    if contrast is None:
        return Effect(place, None)
    verdict = {BETTER: sign, WORSE: -sign}.get(contrast.verdict, 0)
    said = {1: SUPPORTED, -1: REFUTED, 0: UNDECIDED}[verdict]
    return Effect(place, contrast.estimate, said, contrast.p, contrast.p_holm)


def _of_estimates(study: Study, places: list[Place], found: dict[Place, Estimate], sign: int) -> list[Effect]:
    """Effects that are asked by no other table: Holm over them."""
    corrected = holm([found[place].p if place in found else float("nan") for place in places])
    said = []
    for place, p in zip(places, corrected, strict=True):
        known = found.get(place)
        if known is None:
            said.append(Effect(place, None))
            continue
        said.append(Effect(place, known, _verdict(study, known, float(p), sign), known.p, float(p)))
    return said


def _of_spread(place: Place, name: str, found: Spreads | None) -> Effect:
    """What a model and task say of a spread: one number, and no test of it alone."""
    if found is None:
        return Effect(place, None)
    kind = "lengths" if name == "3a" else "pairs"
    remark = f"From {found.used} {kind}."
    if found.dropped:
        remark += f" Left out: {found.dropped}, whose scores are at their floor or ceiling and cannot spread."
    return Effect(place, effects.over_places(name, {place: found}, GRAIN), remark=remark)


def _verdict(study: Study, known: Estimate, p: float, sign: int) -> str:
    """Of one estimate."""
    said = {BETTER: sign, WORSE: -sign}.get(judged(known, p, study), 0)
    return {1: SUPPORTED, -1: REFUTED, 0: UNDECIDED}[said]


def _standard_mean(evidence: dict[str, Evidence], said: list[Effect]) -> Estimate | None:
    """The mean of effects, each in units of what a record of its task varies by; single seeds only where all are."""
    known = [(effect.place[1], effect.estimate) for effect in said if effect.estimate]
    certain = [(task, found) for task, found in known if not found.single and np.isfinite(found.p)] or known
    scales = {task: evidence[task].scale for task, _ in certain}
    if not certain or not all(scales.values()):
        return None
    return estimate.linear([(1 / len(certain) / scales[task], found) for task, found in certain])


def _part_rows(study: Study, part: Part) -> list[dict]:
    """The part's own row, and one per model and task."""
    rows = []
    for effect in part.effects:
        model, task = effect.place
        row = _numbers(study, part, effect.estimate, part.units[0])
        row |= {"model": model, "task": task, "p": effect.p, "p_holm": effect.p_holm, "verdict": effect.verdict}
        rows.append(row | {"sentence": f"{task_label(task)}, {model}: {_sentence(row, effect, part)}"})
    return [_overall(study, part), *rows]


def _numbers(study: Study, part: Part, known: Estimate | None, unit: str) -> dict:
    """What every row says. One draw has no interval."""
    alone = known is None or (part.rule == "places" and known.single)
    low, high = (np.nan, np.nan) if alone else known.interval(study.analysis.confidence)
    return {
        "claim": int(part.name[0]),
        "part": part.name,
        "statement": part.statement,
        "effect": known.value if known else np.nan,
        "low": low,
        "high": high,
        "unit": unit,
        "level": known.level if known and part.rule != "places" else "",
        "runs": known.runs if known else 0,
    }


def _overall(study: Study, part: Part) -> dict:
    """The part's own row: what its effects say together, by its rule."""
    verdict, alpha, said = UNDECIDED, 1 - study.analysis.confidence, part.effects
    single = {effect.verdict for effect in said}
    beyond = {effect.verdict for effect in said if len(said) * effect.p_holm < alpha}
    averaged = part.rule in ("mean", "places") and part.together is not None
    p = part.together.p if averaged and not part.together.single else np.nan
    if averaged:
        verdict = _verdict(study, part.together, p, part.sign)
    elif part.rule == "every":
        verdict = REFUTED if REFUTED in beyond else SUPPORTED if single == {SUPPORTED} else UNDECIDED
    elif part.rule == "some":
        verdict = SUPPORTED if SUPPORTED in beyond else REFUTED if single == {REFUTED} else UNDECIDED
    row = _numbers(study, part, part.together, part.units[1])
    row |= {"model": "", "task": "", "p": p, "p_holm": np.nan, "verdict": verdict}
    return row | {"sentence": _summary(row, part)}


def _summary(row: dict, part: Part) -> str:
    """The part's own row in words."""
    known = [effect.estimate for effect in part.effects if effect.estimate]
    if not part.effects:
        return "The study asks nothing about this."
    if not known:
        return "Undecided: no finished runs say anything about this."
    count = {name: sum(effect.verdict == name for effect in part.effects) for name in (SUPPORTED, REFUTED)}
    text, places = f"{row['verdict'].capitalize()}: ", _count(len(part.effects), "cell")
    if part.rule == "places":
        text += f"{places} of model and task, each of which counts as one number."
    else:
        text += f"true beyond chance in {count[SUPPORTED]} of {places} of model and task, the reverse in"
        text += f" {count[REFUTED]}."
    if part.together:
        text += f" Mean {EFFECTS[part.name]}: {_said(row)}."
    if len(known) < len(part.effects):
        text += f" {_count(len(part.effects) - len(known), 'cell')} can say nothing yet."
    if part.rule != "places" and any(found.single for found in known):
        text += " A cell with a single seed decides nothing: its spread is unknown."
    return text


def _sentence(row: dict, effect: Effect, part: Part) -> str:
    """One model and task in words."""
    if effect.estimate is None:
        return "nothing can be said yet."
    if part.rule == "places":
        return f"{_said(row)}, from {_count(effect.estimate.runs, 'run')}. {effect.remark}"
    text = f"{row['verdict']}; {_said(row)}, from {_count(effect.estimate.runs, 'run')}."
    return text + (" One seed: true of these runs, and no more." if effect.estimate.single else "")


def _said(row: dict) -> str:
    """An effect with its interval in words."""
    digits = 2 if row["unit"] == STANDARD else 1
    unit = f"{'' if row['unit'].startswith('%') else ' '}{row['unit']}"
    value, *ends = (f"{row[name]:+.{digits}f}" for name in ("effect", "low", "high"))
    interval = f"({ends[0]} to {ends[1]})" if np.isfinite([row["low"], row["high"]]).all() else "(no interval)"
    return f"{value}{unit} {interval}"


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
