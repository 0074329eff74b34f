"""The study's figures, by the names of their files; a figure with nothing to show yet has no panels.

One rule holds for all: a bar or band is the interval of the mean over seeds and records, a small dot a single seed, a
hollow mark a published number or one with too little behind it for an interval.
"""

from softshot.analysis.collect import Results
from softshot.analysis.figures.base import Figure
from softshot.analysis.figures.bins import bin_panels
from softshot.analysis.figures.claims import claim_panels
from softshot.analysis.figures.cost import cost_panels
from softshot.analysis.figures.data_size import data_size_panels
from softshot.analysis.figures.ensembles import ensemble_panels
from softshot.analysis.figures.learning import learning_panels
from softshot.analysis.figures.method_size import size_panels, spread_panels
from softshot.analysis.figures.scale import distance_panels, scale_panels
from softshot.analysis.figures.scores import score_panels
from softshot.analysis.figures.shift import shift_panels
from softshot.analysis.figures.transfer import transfer_panels
from softshot.analysis.findings import Findings
from softshot.analysis.names import Names

BANDS = "bars and bands the interval of the mean, small dots single seeds"
BINS = "Records by how similar their demonstration's {what}, most similar first: the lower edge of each bin and its\
 number of records. Points are corpus scores of a bin, bands their intervals; bins of fewer than 10 records have none\
 and are hollow."
FRONT = "Means over seeds with their intervals. The dotted line is the front: each arm on it is better, beyond chance,\
 than every compared arm that costs less. Faint, with thin names: not on it."


def draw(results: Results, names: Names, found: Findings) -> dict[str, Figure]:
    """All figures, whether they have something to show or not."""
    cells = {cell.key: cell for cell in results.cells}
    figures = [
        Figure(
            "scores",
            f"Marks are means over seeds, {BANDS} (below the mark); hollow marks are published. Bold: better than every"
            " other arm, beyond chance. Below: what needs no model.",
            score_panels(names, cells, found.summary, found.baselines),
        ),
        Figure(
            "claims",
            "The mean effect of every part that has one over models and tasks, with its interval: green is supported,"
            " orange not supported, grey undecided. What lies right of 0 speaks for a part, left of it for 2a. Whether"
            " a claim holds everywhere is another question than its mean.",
            claim_panels(found.claims),
        ),
        Figure(
            "size",
            f"Points are means over seeds, {BANDS}. Dashed lines are what has no size, such as in-context learning;"
            " hollow marks are published. A task's panels share one scale.",
            size_panels(names, cells, found.size, found.levels),
        ),
        Figure(
            "spread",
            "Sample standard deviation of the score over seeds, in points: near 0 and 100 a score cannot spread.",
            spread_panels(names, cells, found.spread, found.size),
        ),
        *(
            Figure(
                by if binning == "width" else f"{by}-{binning}",
                BINS.format(what="input is to theirs" if by == "similarity" else "output is to their references"),
                bin_panels(names, cells, found.similarity, by, binning),
            )
            for by in ("similarity", "overlap")
            for binning in ("width", "count")
        ),
        Figure(
            "transfer",
            "Score with what was tuned on the source task (rows) before demonstrations of the target task (columns),"
            " less the score with the demonstrations alone; bold where that is significant. The diagonal, where there"
            " is one, is each task's own.",
            transfer_panels(names, cells, found.transfer),
        ),
        Figure(
            "data-size",
            f"Points are means over seeds, {BANDS}. A tick at the top marks where two curves cross, where both orders"
            " are significant.",
            data_size_panels(names, cells, found.data_size, found.crossings),
        ),
        Figure(
            "shift",
            "Score on the groups that are held out. Points are means over seeds, bands the interval of the mean;"
            " a line falls by what its arm loses.",
            shift_panels(names, cells, found.shift),
        ),
        Figure(
            "scale",
            f"Points are means over seeds, {BANDS}. The axis of parameters is logarithmic.",
            scale_panels(names, cells, found.scale),
        ),
        Figure(
            "distance",
            "Score less that of full tuning with the same model, with the interval of the difference; 0 is full"
            " tuning itself.",
            distance_panels(names, cells, found.scale),
        ),
        Figure(
            "ensembles",
            "What an ensemble (vote, mean log-likelihood, minimum Bayes risk) has over its mean member, with the"
            " interval for these members; the tick is its best member, which is chosen on the same records.",
            ensemble_panels(names, cells, found.ensembles),
        ),
        Figure("cost", FRONT, cost_panels(names, cells, found.pareto, "prediction")),
        Figure("cost-tuning", FRONT, cost_panels(names, cells, found.pareto, "tuning")),
        Figure(
            "learning",
            "Loss per target token on validation records while an arm is tuned, a thin line for each run; the smaller"
            " its size, the fainter its line.",
            learning_panels(names, cells, results.curves),
        ),
    ]
    return {figure.name: figure for figure in figures}
