"""What the outputs look like before any metric judges them: how many are empty or cut, and how long they are."""

import pandas as pd

from softshot.analysis.collect import CELL, OUTPUTS, Results


def outputs(results: Results) -> pd.DataFrame:
    """Per cell the percentages of empty outputs and of those cut at the length limit, and mean lengths: OUTPUTS.

    Means over the finished runs.
    """
    groups = results.outputs.groupby(CELL, sort=False)
    table = groups[OUTPUTS].mean()
    table.insert(0, "n", groups.size())
    return table.reset_index()
