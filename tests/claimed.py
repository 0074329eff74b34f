"""Simulated studies for the claims of the literature: arms whose labels say nothing, claims.tsv of them, and studies in
which a claim is only just untrue, so that it should hardly ever be called supported."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import integrate, optimize, special, stats
from simulated import scored_study

from softshot.analysis import claim_rows, ensembles
from softshot.analysis.collect import CELL
from softshot.analysis.contrasts import contrasts
from softshot.analysis.estimate import difference
from softshot.analysis.literature import Literature
from softshot.analysis.names import Names
from softshot.grid import Run
from softshot.settings import Study

MODELS = ["smollm2-135m", "gpt2-medium", "gpt2-large", "gpt2-xl"]
RECIPE = ["likelihood", "unlikelihood", "length-normalised"]
ARMS = {
    "a": {"method": "none", "demonstrations": ["random-1", "retrieved-1"]},
    "b": {"method": "prompt-tuning", "tokens": [25], "demonstrations": ["none", "retrieved-1"]},
    "c": {"method": "lora", "rank": [8], "demonstrations": ["none", "retrieved-1"]},
    "d": {"method": "ia3", "set": {"loss": RECIPE, "optimiser": "adafactor"}},
    "e": {"method": "full"},
}
TRAINED = {"b": 14_400, "c": 1_200_000, "d": 50_000, "e": 135_000_000}
OWN = {
    "files": {"train": "t.csv"},
    "carve": {"validation": 0.1, "test": 0.1},
    "table": {"input": "{i}", "target": "{t}", "choices": ["a", "b"]},
    "metrics": ["accuracy"],
}
RECORDS, MARGIN = 500, 4.0
NO_ENSEMBLES = pd.DataFrame(columns=[*ensembles.COLUMNS, *ensembles.INTERNAL])


def study_of(models=MODELS[:1], arms="abcde", train=(4, 16), margin=MARGIN, seeds=5, own=ARMS) -> Study:
    """A study of some arms on one task, and of ICL and the recipe on a few training records."""
    few = {"train": list(train), "arms": [arm for arm in "ad" if arm in arms and train]}
    return Study(
        study="s",
        seeds=list(range(1, seeds + 1)),
        arms={arm: own[arm] for arm in arms},
        models={"use": list(models)},
        data={"tasks": ["mine"], "own": {"mine": OWN}},
        data_size=few,
        analysis={"margin": margin},
    )


def table_of(
    study: Study,
    level: Callable[[Run], float],
    trained: dict[str, float] = TRAINED,
    tokens: dict[str, float] | None = None,
    near: np.ndarray | None = None,
    together: Callable[[dict], pd.DataFrame] | None = None,
    rng: np.random.Generator | None = None,
    spread: float = 0.1,
) -> pd.DataFrame:
    """claims.tsv of a simulated study. `near`: how similar each record's demonstration is; `together`: ensembles."""
    results, evidence = scored_study(rng or np.random.default_rng(3), study, level, spread, RECORDS)
    costs = pd.DataFrame([cell.key for cell in results.cells], columns=CELL)
    costs["trainable_parameters"] = [trained.get(arm, 0.0) for arm in costs["arm"]]
    costs["tokens_per_prediction"] = [(tokens or {"a": 120.0}).get(arm, 60.0) for arm in costs["arm"]]
    names, similar = Names(study, results.cells), np.full(RECORDS, np.nan) if near is None else near
    found = contrasts(study, evidence, {}), lambda cell, what: similar, costs
    of_seeds = together(evidence) if together else NO_ENSEMBLES
    return claim_rows.claims(study, Literature(study, results, evidence, *found, of_seeds, [], names).parts())


def verdicts(table: pd.DataFrame) -> dict[str, str]:
    """Part -> verdict."""
    whole = table[(table["model"] == "") & (table["task"] == "") & (table["part"] != "")]
    return dict(zip(whole["part"], whole["verdict"], strict=True))


@cache
def worse(points: float, spread: float) -> float:
    """The level, on the scale of logits, of an arm whose expected score is so far below that of one at 0."""
    deviation = (1 + 0.5**2 + spread**2) ** 0.5  # of records, of the arm on a record, of seeds

    def score(level: float) -> float:
        density = stats.norm(level, deviation).pdf
        return 100 * integrate.quad(lambda x: special.expit(x) * density(x), level - 12, level + 12)[0]

    return optimize.brentq(lambda level: score(level) - 50 + points, -3, 3)


def stand_in(evidence: dict) -> pd.DataFrame:
    """Ensembles of arm b that are right where the first run of arm e is."""
    of_task, rows = evidence["mine"], []
    runs = {cell.arm: (cell, members) for cell, members in of_task.members.items() if not cell.shots}
    cell, members = runs["b"]
    one = of_task.replicates.estimate(("ensemble",), runs["e"][1][:1], frozenset())
    mean = of_task.replicates.estimate(("mean",), members, frozenset())
    rows.append(dict(zip(CELL, cell.key, strict=True)) | {"estimate": difference(one, mean)})
    return pd.DataFrame(rows, columns=NO_ENSEMBLES.columns)


class Null(NamedTuple):
    """A study in which a part of a claim is only just untrue."""

    models: list[str]
    arms: str
    level: Callable[[Run, float], float]  # of a run, where seeds spread so far
    settings: dict


ONLY_ALONE = ARMS | {"b": ARMS["b"] | {"demonstrations": ["none"]}}
NULLS = {
    "5": Null(MODELS, "be", lambda run, spread: 0.3 * (run.arm == "e") - 0.3, {}),
    "7": Null(MODELS[:1], "be", lambda run, spread: worse(MARGIN, 0.0) * (run.arm == "e"), {"together": stand_in}),
    "8a": Null(MODELS[:1], "ce", lambda run, spread: worse(MARGIN, spread) * (run.arm == "c"), {}),
    "9a": Null(MODELS[:1], "ad", lambda run, spread: 0.0, {}),
    "10": Null(
        MODELS[:1],
        "bc",
        lambda run, spread: 1.5 * (run.arm == "c" and run.shots > 0),
        {"near": np.linspace(0, 1, RECORDS)},
    ),
}


def called(part: str, rng: np.random.Generator, seeds: int, spread: float) -> str:
    """The verdict on a part of a claim in a study where it is only just untrue."""
    models, arms, level, settings = NULLS[part]
    study = study_of(
        models, arms, (4, 16) if part == "9a" else (), seeds=seeds, own=ONLY_ALONE if part == "7" else ARMS
    )
    spread = 0.0 if part == "7" else spread
    return verdicts(table_of(study, lambda run: level(run, spread), rng=rng, spread=spread, **settings))[part]
