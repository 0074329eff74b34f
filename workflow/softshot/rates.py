"""Learning rates that are chosen: the first seed tries each of a list, and the one with the lowest validation loss is
used by all seeds. Trials are runs of their own, so that a rate added later is one more run. Imports nothing heavy.
"""

from dataclasses import replace

from softshot import overrides
from softshot.grid import Run, tuners
from softshot.settings import Study


def trials(study: Study, tuner: Run) -> list[Run]:
    """The runs that try a rate each for a run that tunes an adapter; none where its rate is given."""
    rates = [] if tuner.rate else overrides.method(study, tuner)["learning_rate"]
    return [replace(tuner, seed=study.seeds[0], rate=rate) for rate in rates] if isinstance(rates, list) else []


def all_trials(study: Study) -> list[Run]:
    """Every trial of a study, each once."""
    return list(dict.fromkeys(trial for tuner in tuners(study) for trial in trials(study, tuner)))


def adopts(study: Study, tuner: Run) -> bool:
    """Whether a run is the trial of the chosen rate, which it takes over: where its rate is chosen, by its own seed."""
    return tuner.seed == study.seeds[0] and bool(trials(study, tuner))


def choice(tuner: Run) -> str:
    """Where the chosen rate of a run's variant stands, below `results/<study>/runs/`."""
    return f"{tuner.path.rpartition('/')[0]}/rate.json"
