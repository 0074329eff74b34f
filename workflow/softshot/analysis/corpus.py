"""Corpus scores of many sums of statistics at once: what resampling needs ten thousands of.

The scoring room computes one score at a time, exactly as sacrebleu and the official evaluators do. The same formulas
stand here over arrays; a test holds them equal to the scoring room's, metric by metric. A metric that is not here is
computed by the scoring room, one row at a time.
"""

from collections.abc import Callable

import numpy as np

from softshot.scoring import registry

ORDER = 4  # of BLEU
BETA = 2  # of chrF: recall counts twice


def scores(name: str, sums: np.ndarray) -> np.ndarray:
    """The metric's main score of every row of `sums` (..., statistics), 0 to 100; NaN where nothing can be scored."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if name in FORMULAS:
            return FORMULAS[name](sums)
        metric = registry.metric(name)
        return np.apply_along_axis(lambda row: metric.scores(list(row)).get(name, np.nan), -1, sums)


def bleu(sums: np.ndarray) -> np.ndarray:
    """BLEU with exponential smoothing (sacrebleu's default) of lengths, matches and totals of 1- to 4-grams.

    As in sacrebleu the orders from the first without any n-gram on have precision 0, of which the logarithm is
    taken as -9999999999.
    """
    ours, theirs, right, total = sums[..., 0], sums[..., 1], sums[..., 2 : 2 + ORDER], sums[..., 2 + ORDER :]
    none = np.cumsum(right == 0, axis=-1)  # the k-th order without a match counts 2^-k matches
    reached = np.cumprod(total > 0, axis=-1, dtype=bool)
    precisions = 100 * np.where(right == 0, 1 / 2.0**none, right) / total
    logs = np.where(reached, np.log(np.where(reached, precisions, 1)), -9999999999.0)
    brevity = np.where(ours < theirs, np.where(ours > 0, np.exp(1 - theirs / ours), 0.0), 1.0)
    return np.where(right.any(axis=-1), brevity * np.exp(logs.sum(axis=-1) / ORDER), 0.0)


def chrf(sums: np.ndarray) -> np.ndarray:
    """chrF2: F of the mean precision and recall over the orders that both sides have."""
    ours, theirs, both = (sums[..., start::3] for start in range(3))
    there = (ours > 0) & (theirs > 0)
    orders = there.sum(axis=-1)
    precision = np.where(there, both / ours, 0).sum(axis=-1) / orders
    recall = np.where(there, both / theirs, 0).sum(axis=-1) / orders
    score = 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
    return np.where((orders > 0) & (precision + recall > 0), score, 0.0)


def ter(sums: np.ndarray) -> np.ndarray:
    """Edits per word of the references, in percent; 100 for edits where the references are empty."""
    edits, words = sums[..., 0], sums[..., 1]
    return 100 * np.where(words > 0, edits / words, np.where(edits > 0, 1.0, 0.0))


def share(numerator: int, denominator: int) -> Callable[[np.ndarray], np.ndarray]:
    """A mean over records, in percent, of the statistics at these places."""
    return lambda sums: 100 * sums[..., numerator] / sums[..., denominator]


FORMULAS = {
    **dict.fromkeys(("bleu", "dart_bleu", "totto_bleu"), bleu),
    "chrf": chrf,
    **dict.fromkeys(("ter", "dart_ter"), ter),
    **dict.fromkeys(("rouge_l", "token_f1", "exact_match", "blec"), share(0, 1)),
    **dict.fromkeys(("exact_set_match", "execution_accuracy"), share(0, 1)),
    "frame_accuracy": share(0, 3),
    "parent": share(2, 3),
}
