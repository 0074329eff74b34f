"""One adapter of each method over a tiny model, and a trainer of it on rows that need much padding."""

import itertools

from softshot.engine.base import load
from softshot.engine.layout import Layout, RowSettings
from softshot.methods.base import Examples
from softshot.methods.registry import METHODS, TRAINED
from softshot.settings import TuningSettings
from softshot.tuning.train import Trainer

RECORDS = [
    {"id": f"r{i}", "input": f"{a} over the {b}{c}", "target": f"{b} {a}", "references": [f"{b} {a}"], "meta": {}}
    for i, (a, b, c) in enumerate(
        itertools.product(["jumps", "music", "lazy"], ["fox", "dog", "alarm"], ["", " by the river tomorrow"])
    )
]
SIZES = {"tokens": 5, "rank": 4, None: 0}
CONTEXT = 80  # tokens of context tuning: three demonstrations and more


def base_for(method, folder, dtype="float32", weights="full"):
    """The model as tuning loads it for a method."""
    return load(folder, dtype, frozen=not METHODS[method].trains_weights, weights=weights)


def loaded(method, folder, adapter, dtype="float32"):
    """The model as it predicts with a saved adapter, and what stands before every row."""
    base = base_for(method, folder, dtype)
    prefix = METHODS[method].load().load(base, adapter)
    return (base.freeze() if METHODS[method].trains_weights else base), prefix


def layout_of(base, **settings):
    """Rows of the default template."""
    return Layout(base, RowSettings(engine={"context": 120}, **settings))


def rows_of(layout, shots=(0, 1)):
    """A row of each record, behind as many others as `shots` says in turn."""
    return [
        layout.tuning_row(record, [RECORDS[(i + k + 1) % len(RECORDS)] for k in range(shown)], record["target"], 20)
        for i, (record, shown) in enumerate(zip(RECORDS, itertools.cycle(shots)))
    ]


def adapter_of(method, base, layout=None, size=None, seed=1, **settings):
    """A new adapter."""
    kind = METHODS[method]
    size = size or (CONTEXT if method == "context-tuning" else SIZES[kind.unit])
    examples = Examples(layout or layout_of(base), RECORDS)
    return kind.load().new(base, size, kind.settings(**settings), examples, seed)


def trainer_of(method, base, rate=0.01, shots=(0, 1), seed=1, loop=None, max_tokens=None, **settings):
    """A trainer of a new adapter, as a run's: in the model's precision where that is float64."""
    layout = layout_of(base)
    adapter = adapter_of(method, base, layout, seed=seed, **settings).to(max_dtype(base))
    rows = rows_of(layout, shots)
    loop = TuningSettings(**{"batch_size": 4, "validate_every": 10, "steps": 50, "warmup": 0.0} | (loop or {}))
    return Trainer(base, adapter, loop, rate, rows, rows, seed, max_tokens)


def max_dtype(base):
    """That of trained parameters: float32, or float64 over a model in it."""
    import torch

    return torch.promote_types(base.model.dtype, torch.float32)


ALL = sorted(TRAINED)
