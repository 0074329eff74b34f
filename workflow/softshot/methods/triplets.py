"""AdaLoRA's change of one layer, P diag(lambda) Q: what each of its triplets has been worth, and which are left.

Zhang et al. 2023, "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", section 3 (adalora.py).
"""

import math

import torch
from torch import Tensor, nn

from softshot.engine.changes import Changed

SPREAD = 0.02  # of P and Q at the start
BETA = 0.85  # of both moving averages


class Triplets(nn.Module):
    """P, lambda and Q of a layer, the moving averages of each, and which triplets the budget has left."""

    def __init__(self, change: Changed, rank: int, generator: torch.Generator):
        super().__init__()
        self.p = nn.Parameter(torch.randn(change.out_features, rank, generator=generator) * SPREAD)
        self.lambdas = nn.Parameter(torch.zeros(rank))
        self.q = nn.Parameter(torch.randn(rank, change.in_features, generator=generator) * SPREAD)
        self.register_buffer("kept", torch.ones(rank, dtype=torch.bool))
        for name, parameter in list(self.named_parameters()):
            for average in ("sensitivity", "uncertainty"):
                self.register_buffer(f"{average}_of_{name}", torch.zeros_like(parameter, requires_grad=False))

    def distances(self) -> list[Tensor]:
        """How far the columns of P and the rows of Q are from orthonormal."""
        eye = torch.eye(len(self.lambdas), device=self.p.device, dtype=self.p.dtype)
        return [(self.p.T @ self.p - eye).norm(), (self.q @ self.q.T - eye).norm()]

    def weigh(self) -> None:
        """Take the step's gradients into the moving averages."""
        for name, parameter in self.named_parameters():
            if parameter.grad is None:  # a layer that no token came by
                continue
            sensitivity, uncertainty = self.averages(name)
            now = (parameter * parameter.grad).abs()
            sensitivity.mul_(BETA).add_(now, alpha=1 - BETA)
            uncertainty.mul_(BETA).add_((now - sensitivity).abs(), alpha=1 - BETA)

    def averages(self, name: str) -> tuple[Tensor, Tensor]:
        """The sensitivity and the uncertainty of a parameter."""
        return self.get_buffer(f"sensitivity_of_{name}"), self.get_buffer(f"uncertainty_of_{name}")

    def importance(self) -> Tensor:
        """Of every triplet: [r0]."""
        p, lambdas, q = (math.prod(self.averages(name)) for name in ("p", "lambdas", "q"))
        return p.mean(0) + lambdas + q.mean(1)
