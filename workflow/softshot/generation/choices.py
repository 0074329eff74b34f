"""Predictions of a task with choices: the likeliest of a record's choices, and the log-likelihood of each."""

import time
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from softshot.engine.base import Base
from softshot.engine.choices import log_likelihoods
from softshot.engine.layout import Row
from softshot.engine.passes import Passes
from softshot.engine.prefix import Prefix

DIGITS = 5  # of a log-likelihood in nats after the point: finer is rounding, which differs from batch to batch


def chosen(
    base: Base, prefix: Prefix | None, rows: list[Row], texts: dict[str, list[str]], batch_size: int
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What is predicted for every row, by its id, and what it took. `texts`: the choices of each, by its id."""
    began = time.monotonic()
    scored = log_likelihoods(base, prefix, rows, batch_size)
    sums = {
        row.id: [round(one, DIGITS) for one in sums]
        for row, sums in tqdm(scored, total=len(rows), unit="record", disable=None)
    }
    seconds, passes, predictions = time.monotonic() - began, Passes(), {}
    for row in rows:
        passes.add_choices(prefix, row)
        best = max(range(len(row.choices)), key=sums[row.id].__getitem__)  # the first of equals
        predictions[row.id] = {
            "prediction": texts[row.id][best],
            "output_tokens": len(row.choices[best]),
            "stopped": True,  # no answer is ever cut
            "log_likelihoods": sums[row.id],
            "choice_tokens": list(map(len, row.choices)),
        }
    return predictions, {"seconds": seconds, "passes": asdict(passes)}
