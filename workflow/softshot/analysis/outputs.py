"""What the outputs look like before any metric judges them: how many are empty or cut, and how long they are."""

import pandas as pd

from softshot.analysis.collect import CELL, Results

COLUMNS = [*CELL, "n", "empty", "cut", "length"]


def outputs(results: Results) -> pd.DataFrame:
    """Per cell the share of empty outputs and of those cut at the length limit, in percent, and tokens per output.

    Means over the finished runs.
    """
    groups = results.outputs.groupby(CELL, sort=False)
    table = groups[["empty", "cut", "length"]].mean()
    table.insert(0, "n", groups.size())
    return table.reset_index()[COLUMNS]
