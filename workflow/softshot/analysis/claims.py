"""The claims of the literature, held against a study's own numbers. A finding, never a pass or fail.

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

A part that says `no worse` is true down to a margin (`analysis.margin`, in points): supported where the effect is
beyond chance above the margin's lower end, not supported where it is below it.

What is in between is undecided, and so is whatever rests on a single seed. Tasks and models are those of the study: a
claim is held against these.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from softshot.analysis import effects, estimate
from softshot.analysis.collect import Results
from softshot.analysis.contrasts import BETTER, WORSE, Contrast, Contrasts, holm, judged
from softshot.analysis.effects import Roles, Spreads
from softshot.analysis.estimate import Estimate
from softshot.analysis.evidence import Evidence
from softshot.analysis.near import Near
from softshot.analysis.similarity import halves
from softshot.analysis.transfer import gains
from softshot.settings import Study

SUPPORTED, REFUTED, UNDECIDED = "supported", "not supported", "undecided"
CLAIMS = {
    1: "PT and IPT score above ICL with random demonstrations on every task; retrieved demonstrations narrow the gap"
    " but do not close it.",
    2: "IPT does not always score above PT; it gains where the demonstration is similar to the input.",
    3: "PT's scores spread more over seeds the longer its prompt, and IPT lowers the spread.",
    4: "A prompt tuned on another task helps when it stands before demonstrations of the task.",
    5: "Prompt tuning comes closer to full tuning as models grow.",
    6: "Prompt tuning loses less under domain shift than full tuning.",
    7: "An ensemble of prompts is at least as good as its mean member.",
    8: "LoRA matches full tuning at a hundredth of the parameters.",
    9: "A few-shot recipe scores above ICL on the same examples, and costs less at prediction.",
    10: "Demonstrations add to every method where they are similar.",
}
PUBLISHED = "Sun et al. 2023, How does in-context learning help prompt tuning?"
SOURCES = dict.fromkeys((1, 2, 3, 4), PUBLISHED) | {
    5: "Lester et al. 2021, The power of scale for parameter-efficient prompt tuning, section 3",
    6: "Lester et al. 2021, The power of scale for parameter-efficient prompt tuning, section 5",
    7: "Lester et al. 2021, The power of scale for parameter-efficient prompt tuning, section 6",
    8: "Hu et al. 2022, LoRA: low-rank adaptation of large language models, section 5",
    9: "Liu et al. 2022, Few-shot parameter-efficient fine-tuning is better and cheaper than in-context learning",
    10: f"{PUBLISHED}; Bornschein et al. 2025, Fine-tuned in-context learners",
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
    "5": ("PT's score, less full tuning's with the same model, grows with the model's parameters.", "mean", 1),
    "6": ("Prompt tuning loses less than full tuning on groups of records that neither has seen.", "mean", 1),
    "7": ("An ensemble of prompts that differ in their seed is no worse than its mean member.", "every", 1),
    "8a": ("LoRA is no worse than full tuning.", "every", 1),
    "8b": ("LoRA trains at most a hundredth of what full tuning trains.", "every", -1),
    "9a": ("T-Few's recipe scores above the best ICL on the same few examples.", "mean", 1),
    "9b": ("T-Few's recipe reads and writes fewer tokens for a prediction than the best ICL.", "every", 1),
    "10": ("Demonstrations add to the method on the half of the records with the more similar ones.", "every", 1),
}
NO_WORSE = ("7", "8a")  # than the margin
HUNDREDTH = 1.0  # percent
POINTS, STANDARD = "points", "SD of a record"
UNITS = {  # of an effect, and of all together, where not points and SD
    "5": ("points for 10 times the parameters", "SD of a record for 10 times the parameters"),
    "8b": ("% of the parameters", "% of the parameters"),
    "9b": ("% fewer tokens", "% fewer tokens"),
}
COUNTED = ("8b", "9b")  # parts whose effects are counts: nothing in them is random
SPREADS = {"3a": "% of the mean variance per doubling", "3b": "% of both variances, less half"}
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
    about: str = ""  # what it is an effect of, where a place has several


@dataclass(frozen=True)
class Part:
    """One statement of a claim with its effects, and what they come to together."""

    name: str  # the claim's number, and a letter where it has several parts
    effects: list[Effect]
    together: Estimate | None

    @property
    def claim(self) -> int:
        return int(self.name.rstrip("abcd"))

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
        if self.rule == "places":
            return SPREADS[self.name], SPREADS[self.name]
        return UNITS.get(self.name, (POINTS, STANDARD))


def parts(
    study: Study, results: Results, evidence: dict[str, Evidence], contrasts: Contrasts, near: Near
) -> list[Part]:
    """The parts of the published study's claims, with the effects that the finished runs show."""
    places = list(dict.fromkeys((cell.model, cell.task) for cell in results.cells))
    roles = {place: Roles.of(evidence[place[1]], place[0]) for place in places if place[1] in evidence}

    def compared(name: str, pair: Callable[[Roles], tuple]) -> Part:
        comparisons = {place: contrasts.of(*pair(of)) for place, of in roles.items()}
        listed = [contrast_effect(place, comparisons.get(place), PARTS[name][2]) for place in places]
        return Part(name, listed, standard_mean(evidence, listed))

    def tested(name: str, estimates: dict[Place, Estimate], asked: list[Place]) -> Part:
        listed = tested_effects(study, name, [(place, "", estimates.get(place)) for place in asked])
        return Part(name, listed, standard_mean(evidence, listed))

    def spreads(name: str, of: Callable[[Evidence, str], Spreads | None]) -> Part:
        by_place = {place: spread for place in roles if (spread := of(evidence[place[1]], place[0]))}
        return Part(
            name,
            [_of_spread(place, name, by_place.get(place)) for place in places],
            effects.over_places(name, by_place, GRAIN) if by_place else None,
        )

    def better(of: Roles) -> tuple:
        leads = [
            (contrast.estimate.value, cell)
            for cell in (of.pt, of.ipt)
            if (contrast := contrasts.of(cell, of.retrieved))
        ]
        return max(leads, key=lambda lead: lead[0], default=(0, None))[1], of.retrieved

    similar = {
        place: difference
        for place, of in roles.items()
        if of.pt and of.ipt
        if (difference := halves(study, evidence[place[1]], of.pt, of.ipt, near(of.ipt, "similarity")))
    }
    moved = {place: estimate.mean(estimates) for place, estimates in gains(contrasts).items()}
    targets = list(dict.fromkeys((cell.model, cell.task) for cell in results.cells if cell.source and cell.shots))
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


def contrast_effect(place: Place, contrast: Contrast | None, sign: int) -> Effect:
    """The effect that a comparison is, with its verdict; `sign`: of a true one."""
    if contrast is None:
        return Effect(place, None)
    verdict = {BETTER: sign, WORSE: -sign}.get(contrast.verdict, 0)
    word = {1: SUPPORTED, -1: REFUTED, 0: UNDECIDED}[verdict]
    return Effect(place, contrast.estimate, word, contrast.p, contrast.p_holm)


def tested_effects(study: Study, name: str, asked: list[tuple[Place, str, Estimate | None]]) -> list[Effect]:
    """Effects that are asked by no other table, of a place and what they are about there: Holm over them."""
    bound, sign = bound_of(study, name), PARTS[name][2]
    ps = [one.p_of(bound) if one else float("nan") for _, _, one in asked]
    listed = []
    for (place, about, one), p, p_holm in zip(asked, ps, holm(ps), strict=True):
        verdict = verdict_of(study, one, float(p_holm), sign, bound) if one else UNDECIDED
        listed.append(Effect(place, one, verdict, p, float(p_holm), about=about))
    return listed


def bound_of(study: Study, name: str) -> float:
    """What an effect of a part is held against."""
    return -study.analysis.margin if name in NO_WORSE else HUNDREDTH if name == "8b" else 0.0


def _of_spread(place: Place, name: str, spread: Spreads | None) -> Effect:
    """What a model and task say of a spread: one number, and no test of it alone."""
    if spread is None:
        return Effect(place, None)
    kind = "lengths" if name == "3a" else "pairs"
    remark = f"From {spread.used} {kind}."
    if spread.dropped:
        remark += f" Left out: {spread.dropped}, whose scores are at their floor or ceiling and cannot spread."
    return Effect(place, effects.over_places(name, {place: spread}, GRAIN), remark=remark)


def verdict_of(study: Study, one: Estimate, p: float, sign: int, bound: float = 0.0) -> str:
    """Of one estimate, whose p is of being the bound."""
    direction = {BETTER: sign, WORSE: -sign}.get(judged(one, p, study, bound), 0)
    return {1: SUPPORTED, -1: REFUTED, 0: UNDECIDED}[direction]


def standard_mean(evidence: dict[str, Evidence], listed: list[Effect]) -> Estimate | None:
    """The mean of effects, each in units of what a record of its task varies by; single seeds only where all are."""
    estimates = [(effect.place[1], effect.estimate) for effect in listed if effect.estimate]
    certain = [(task, one) for task, one in estimates if not one.single and np.isfinite(one.p)] or estimates
    scales = {task: evidence[task].scale for task, _ in certain}
    if not certain or not all(scales.values()):
        return None
    return estimate.linear([(1 / len(certain) / scales[task], one) for task, one in certain])
