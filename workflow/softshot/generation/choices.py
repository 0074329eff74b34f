"""Predictions of a task with choices: the likeliest of a record's choices, and the log-likelihood of each."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import torch
from tqdm import tqdm

from softshot.engine import memory
from softshot.engine.base import Base
from softshot.engine.choices import choice_losses
from softshot.engine.decoding import shared_prefix
from softshot.engine.layout import Row
from softshot.engine.passes import Passes
from softshot.engine.prefix import Prefix
from softshot.engine.tree import tree
from softshot.errors import UserError

PASS_TOKENS = 4096  # positions of a pass: bounds its masks, which are quadratic in a row
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


@torch.inference_mode()
def log_likelihoods(
    base: Base, prefix: Prefix | None, rows: list[Row], batch_size: int
) -> Iterator[tuple[Row, list[float]]]:
    """Of every row the log-likelihood of each choice, in nats, as rows are done. Where memory ends the batch is halved.

    They depend on `batch_size` by rounding only.
    """
    begin, shared = shared_prefix(base, prefix, rows)
    if begin.get_seq_length():
        prefix = Prefix(states=tuple((layer.keys[0], layer.values[0]) for layer in begin.layers))
    waiting = [(row, replace(row, context=row.context[shared:])) for row in rows]
    waiting.sort(key=lambda pair: len(pair[1].context), reverse=True)
    while waiting:
        longest = len(waiting[0][1].context) + len(tree(waiting[0][1].choices).tokens)
        batch = waiting[: max(1, min(batch_size, PASS_TOKENS // longest))]
        try:
            losses = choice_losses(base, prefix, [row for _, row in batch]).double().cpu()
        except memory.ERRORS as error:
            if not memory.ran_out(error):
                raise
            losses = None
        if losses is None:  # out of the handler, which would hold the failed pass's tensors
            memory.release()
            if len(batch) == 1:
                raise UserError("not even one row and its choices fit into memory: lower `engine.context`.")
            batch_size = len(batch) // 2
            print(f"out of memory over choices: going on with batches of {batch_size} rows", file=sys.stderr)
            continue
        waiting = waiting[len(batch) :]
        lengths = [len(choice) for row, _ in batch for choice in row.choices]
        sums = iter([-float(part.sum()) for part in losses.split(lengths)])
        yield from ((row, [next(sums) for _ in row.choices]) for row, _ in batch)
