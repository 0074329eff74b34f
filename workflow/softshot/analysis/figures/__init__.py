"""The study's figures, by the names of their files; a figure with nothing to show yet has no panels."""

from softshot.analysis.collect import Results
from softshot.analysis.figures.base import Figure
from softshot.analysis.figures.bins import bin_panels
from softshot.analysis.figures.cost import cost_panels
from softshot.analysis.figures.learning import learning_panels
from softshot.analysis.figures.lengths import spread_panels, tokens_panels
from softshot.analysis.figures.sizes import size_panels
from softshot.analysis.figures.transfer import transfer_panels
from softshot.analysis.findings import Findings

BANDS = "bands and bars one sample standard deviation on either side"
BINS = "Records by how similar their demonstration's {what}, most similar first: the lower edge of each bin and its\
 number of records. Points are corpus scores of a bin, bands bootstrap intervals; hollow marks are published."
FRONT = "Means over seeds. The dotted line is the Pareto front: nothing is above it at that cost or less."


def draw(results: Results, found: Findings) -> dict[str, Figure]:
    """All figures, whether they have something to show or not."""
    figures = [
        Figure(
            "tokens",
            f"Points are means over seeds, {BANDS}. Dashed lines are in-context learning, which has no soft prompt;"
            " hollow marks are published. A task's panels share one scale.",
            tokens_panels(found.tokens, found.levels),
        ),
        Figure("spread", "Sample standard deviation of the score over seeds.", spread_panels(found.spread)),
        *(
            Figure(
                by if binning == "width" else f"{by}-{binning}",
                BINS.format(what="input is to theirs" if by == "similarity" else "output is to their references"),
                bin_panels(found.similarity, by, binning),
            )
            for by in ("similarity", "overlap")
            for binning in ("width", "count")
        ),
        Figure(
            "transfer",
            "Score with a soft prompt that was tuned on the source task (rows) before demonstrations of the target task"
            " (columns), less the score with the demonstrations alone; bold where that is significant after Holm's"
            " correction.",
            transfer_panels(found.transfer),
        ),
        Figure(
            "sizes",
            f"Points are means over seeds, {BANDS}. A tick at the top marks where two curves cross.",
            size_panels(found.sizes, found.crossings),
        ),
        Figure("cost", FRONT, cost_panels(found.pareto, "ms_per_prediction")),
        Figure("cost-tuning", FRONT, cost_panels(found.pareto, "tuning_seconds")),
        Figure("cost-tokens", FRONT, cost_panels(found.pareto, "input_tokens_per_prediction")),
        Figure(
            "learning",
            "Loss per target token on validation records while the soft prompt is tuned, a thin line for each run; the"
            " shorter the prompt, the fainter its line.",
            learning_panels(results.runs, results.curves),
        ),
    ]
    return {figure.name: figure for figure in figures}
