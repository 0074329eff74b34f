"""Ensembles of the seeds that are there anyway: the members' outputs combined record by record, and nothing more tuned.

- vote                   the output that most members gave, of equals the first member's (Lester et al. 2021); of
                         choices, and where a metric judges whole outputs
- mean log-likelihood    of every choice, over the members
- minimum Bayes risk     the output with the highest mean score against the other members' outputs as references
                         (Kumar & Byrne 2004), by the task's metric, or by token F1 where that reads more than texts;
                         not of choices

An ensemble is held against its mean member and its best one, which is chosen on the same records and so flattered.
Differences are paired on the records, and are about these members: what other seeds would give is not in them.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softshot.analysis.bootstrap import Replicates, replicate
from softshot.analysis.cells import Cell, compared, grouped
from softshot.analysis.collect import CELL
from softshot.analysis.contrasts import holm, judged
from softshot.analysis.estimate import Estimate, difference
from softshot.analysis.evidence import Evidence, Members
from softshot.analysis.examples import JUDGES
from softshot.analysis.records import Statistics, each
from softshot.files import PREDICTIONS, read_jsonl
from softshot.scoring import registry
from softshot.settings import Study
from softshot.study import evaluation

VOTE, MEAN, RISK = "vote", "mean log-likelihood", "minimum Bayes risk"
OVER = ("mean", "best")  # members that an ensemble is compared with
COLUMNS = [*CELL, "metric", "ensemble", "members", "score", "mean", "best"]
COLUMNS += [f"over_{member}{part}" for member in OVER for part in ("", "_low", "_high", "_p_holm", "_verdict")]
INTERNAL = ["estimate"]  # over the mean member: what the claims read and the file does without
TEXTS = "token_f1"  # compares outputs where the task's metric needs more than texts
Answers = list[list[dict[str, Any]]]  # [members][records] rows of predictions


def ensembles(study: Study, evidence: dict[str, Evidence], folder: Path) -> pd.DataFrame:
    """A row per compared cell with two finished runs or more, and way to combine them: COLUMNS."""
    rows = []
    for task, of_task in evidence.items():
        path = folder / "data" / task / f"{evaluation(study, task)}.jsonl"
        records = {record["id"]: record for record in each(path)} if path.is_file() else {}
        if not records.keys() >= set(of_task.statistics.ids):
            continue
        of_ids = [records[id] for id in of_task.statistics.ids]
        for cells in grouped(compared(of_task.cells), "model").values():
            rows += _of_model(study, of_task, [cell for cell in cells if cell in of_task.estimates], of_ids, folder)
    return pd.DataFrame(rows, columns=[*COLUMNS, *INTERNAL])


def _of_model(
    study: Study, evidence: Evidence, cells: list[Cell], records: list[dict], folder: Path
) -> list[dict[str, Any]]:
    """The rows of one model and task: a family, in which p is corrected after Holm."""
    rows, estimates = [], []
    for cell in cells:
        scored = [(place, seed) for place, seed in evidence.members[cell] if place in evidence.replicates.values]
        if len(scored) < 2:
            continue
        answers = [_answers(folder / place, evidence.statistics.ids) for place, _ in scored]
        if any(row is None for member in answers for row in member):
            continue
        for way, statistics in combined(evidence.statistics, scored, records, answers).items():
            replicates = _replicates(study, evidence, way, statistics)
            facts, over = _held(evidence, replicates, (cell, way), scored)
            rows.append(dict(zip(CELL, cell.key, strict=True)) | {"ensemble": way, "members": len(scored)} | facts)
            estimates.append(over)
    for member in OVER:
        for row, over, p in zip(rows, estimates, holm([over[member].p for over in estimates]), strict=True):
            low, high = over[member].interval(study.analysis.confidence)
            row |= {f"over_{member}": over[member].value, f"over_{member}_low": low, f"over_{member}_high": high}
            row |= {f"over_{member}_p_holm": p, f"over_{member}_verdict": judged(over[member], float(p), study)}
    for row, over in zip(rows, estimates, strict=True):
        row["estimate"] = over["mean"]
    return rows


def _held(
    evidence: Evidence, replicates: Replicates, ensemble: tuple[Cell, str], members: Members
) -> tuple[dict[str, Any], dict[str, Estimate]]:
    """An ensemble's score beside those of its members, and its differences from the mean and the best of them."""
    cell, way = ensemble
    (_, sample), *_ = replicates.estimate((*cell, way), [(way, 0)], frozenset()).terms
    score = Estimate.of(replace(sample, folders=frozenset()))  # the runs behind it are its members
    best, _ = max(members, key=lambda member: evidence.sign * replicates.values[member[0]])
    of_members = {
        "mean": replicates.estimate((*cell, "mean"), members, frozenset()),
        "best": replicates.estimate((*cell, "best"), [(best, 0)], frozenset()),
    }
    facts = {"metric": evidence.statistics.metric, "score": score.value}
    facts |= {member: estimate.value for member, estimate in of_members.items()}
    return facts, {member: difference(score, of_members[member], evidence.lower) for member in OVER}


def _replicates(study: Study, evidence: Evidence, way: str, statistics: np.ndarray) -> Replicates:
    """The replicates of the task's runs, and of an ensemble on the same resamples."""
    runs = evidence.statistics
    alone = Statistics(runs.task, runs.metric, runs.lower, runs.ids, {way: statistics}, runs.clusters, runs.unit)
    own, members = replicate(alone, (study.study, runs.task), study.analysis.bootstrap), evidence.replicates
    values, resampled = members.values | own.values, members.resampled | own.resampled
    return Replicates(members.name, values, resampled, members.records, members.clusters)


def combined(statistics: Statistics, members: Members, records: list[dict], answers: Answers) -> dict[str, np.ndarray]:
    """Way to combine -> the main metric's statistics [N, K] of what it gives. `answers`: of each member, per record."""
    of_members = np.stack([statistics.of[place] for place, _ in members])  # [members, N, K]
    texts = [[" ".join(row["prediction"].split()) for row in of_record] for of_record in zip(*answers, strict=True)]
    everything = np.arange(len(records))
    ways = {}
    if "choices" in records[0] or statistics.metric in JUDGES:
        ways[VOTE] = of_members[[vote(of_record) for of_record in texts], everything]
    if "choices" in records[0]:
        ways[MEAN] = _mean(statistics.metric, records, answers)
    else:
        utility = _utility(statistics.metric)
        places = [
            least_risk(of_record, lambda one, other, record=record: utility(one, other, record))
            for of_record, record in zip(texts, records, strict=True)
        ]
        ways[RISK] = of_members[places, everything]
    return ways


def vote(texts: list[str]) -> int:
    """The place of the output that most members gave; of equals that of the first member who gave one of them."""
    counts = Counter(texts)
    return max(range(len(texts)), key=lambda place: counts[texts[place]])  # the first of equals


def least_risk(texts: list[str], utility: Callable[[str, str], float]) -> int:
    """The place of the output with the highest mean utility against the other members' outputs; the first of equals."""

    def score(place: int) -> float:
        return sum(utility(texts[place], other) for number, other in enumerate(texts) if number != place)

    return max(range(len(texts)), key=score)


def _utility(name: str) -> Callable[[str, str, dict], float]:
    """How good an output is where another is the reference, by a metric that reads texts; more is better."""
    known = {}
    metric = registry.metric(TEXTS if name in (*registry.NEEDS, registry.LEARNED) else name)
    sign = -1 if getattr(metric, "lower_is_better", False) else 1

    def utility(one: str, other: str, record: dict) -> float:
        if (one, other) not in known:
            rows = metric.statistics(one, record | {"target": other, "references": [other]})
            known[one, other] = sign * float(np.nan_to_num(metric.scores(rows)[metric.name]))
        return known[one, other]

    return utility


def _mean(metric: str, records: list[dict], answers: Answers) -> np.ndarray:
    """The metric's statistics of the members' mean log-likelihoods: the normalised geometric mean of probabilities."""
    scorer = registry.metric(metric)
    rows = []
    for record, of_record in zip(records, zip(*answers, strict=True), strict=True):
        sums = np.mean([row["log_likelihoods"] for row in of_record], axis=0)
        scored = record | {"log_likelihoods": sums.tolist(), "choice_tokens": of_record[0]["choice_tokens"]}
        rows.append(scorer.statistics(record["choices"][int(sums.argmax())], scored))
    return np.array(rows, dtype=float)


def _answers(folder: Path, ids: list[str]) -> list[dict[str, Any] | None]:
    """A run's predictions of these records; None of one that it has not predicted."""
    rows = {row["id"]: row for row in read_jsonl(folder / PREDICTIONS)}
    return [rows.get(id) for id in ids]
