"""The study's figures, by the names of their files; a figure with nothing to show yet has no panels.

One rule holds for all: a bar or band is the interval of the mean over seeds and records, a small dot a single seed, a
hollow mark a published number or one with too little behind it for an interval.
"""

from softshot.analysis.collect import Results
from softshot.analysis.figures.base import Figure
from softshot.analysis.figures.bins import bin_panels
from softshot.analysis.figures.captions import CAPTIONS
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


def draw(results: Results, names: Names, found: Findings) -> dict[str, Figure]:
    """All figures, whether they have something to show or not."""
    cells = {cell.key: cell for cell in results.cells}
    panels = {
        "scores": score_panels(names, cells, found.summary, found.baselines),
        "claims": claim_panels(found.claims),
        "size": size_panels(names, cells, found.size, found.levels),
        "spread": spread_panels(names, cells, found.spread, found.size),
        "similarity": bin_panels(names, cells, found.similarity, "similarity", "width"),
        "similarity-count": bin_panels(names, cells, found.similarity, "similarity", "count"),
        "overlap": bin_panels(names, cells, found.similarity, "overlap", "width"),
        "overlap-count": bin_panels(names, cells, found.similarity, "overlap", "count"),
        "transfer": transfer_panels(names, cells, found.transfer),
        "data-size": data_size_panels(names, cells, found.data_size, found.crossings),
        "shift": shift_panels(names, cells, found.shift),
        "scale": scale_panels(names, cells, found.scale),
        "distance": distance_panels(names, cells, found.scale),
        "ensembles": ensemble_panels(names, cells, found.ensembles),
        "cost": cost_panels(names, cells, found.pareto, "prediction"),
        "cost-tuning": cost_panels(names, cells, found.pareto, "tuning"),
        "learning": learning_panels(names, cells, results.curves),
    }
    return {name: Figure(name, CAPTIONS[name], drawn) for name, drawn in panels.items()}
