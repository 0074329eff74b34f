"""The optimisers by name, both torch's."""

from collections.abc import Iterable

from torch import nn
from torch.optim import Adafactor, AdamW, Optimizer

from softshot.settings import TuningSettings

# Shazeer & Stern's: the root of the least squared gradient, and the least size of a parameter that steps are relative
# to. torch takes the square of the first: with their 1e-30 as it is, a gradient of 0, as LoRA's A has first, gives NaN.
EPSILONS = (1e-15, 1e-3)


def optimiser(settings: TuningSettings, parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
    """The optimiser of a run, which begins at `rate`; the trainer sets its rate at every step.

    Adafactor takes steps relative to the root mean square of a parameter. Its own schedule, at most 1 / sqrt(step), is
    above the rates of T-Few (0.003) for the first 100,000 steps.
    """
    if settings.optimiser == "adafactor":
        return Adafactor(parameters, lr=rate, eps=EPSILONS, weight_decay=settings.weight_decay)
    return AdamW(parameters, lr=rate, weight_decay=settings.weight_decay, fused=True)  # one pass over memory
