"""The learning rate as a function of the step."""

import math

from softshot.settings import TuningSettings


def learning_rate(step: int, settings: TuningSettings, peak: float) -> float:
    """The rate of optimiser step `step` (the first is 0): a linear warm-up, then the named schedule."""
    warmup = round(settings.warmup * settings.steps)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    done = (step - warmup) / (settings.steps - warmup)
    factor = {"constant": 1.0, "linear": 1.0 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    return peak * factor[settings.schedule]
