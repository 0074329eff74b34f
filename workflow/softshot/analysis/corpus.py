"""Corpus scores of many sums of statistics at once: what resampling needs ten thousands of."""

import numpy as np

from softshot.scoring import registry


def scores(name: str, sums: np.ndarray) -> np.ndarray:
    """The metric's main score [...] of every row of `sums` [..., statistics], 0 to 100.

    It is NaN where nothing can be scored. The formula is the metric's own, the one that `scores.json` is computed with.
    """
    return np.asarray(registry.metric_class(name).scores(np.moveaxis(sums, -1, 0))[name])
