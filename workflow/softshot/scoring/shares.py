"""Percentages of summed statistics."""

import numpy as np

from softshot.scoring.registry import Column


def percentage(part: Column, whole: Column) -> Column:
    """100 part / whole, NaN where both are 0."""
    with np.errstate(invalid="ignore"):
        return np.divide(100.0 * part, whole)
