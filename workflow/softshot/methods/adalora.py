"""AdaLoRA: changes s P diag(lambda) Q whose rank is given where it matters most, under a budget that falls.

Zhang et al. 2023, "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning" (arXiv 2303.10512). P [out, r0] and
Q [r0, in] begin as N(0, 0.02), lambda [r0] at 0; s = alpha / r0. The loss has `orthogonality` times the mean over the
matrices of |P'P - I| and |QQ' - I| (Frobenius). A triplet's importance is that of its lambda plus the means of its
column's and its row's, each the product of two moving averages: of the sensitivity |w g|, and of how far that is from
its own average. The budget of triplets is r0 a layer until `begin`, falls along a cubic to the arm's rank at `end`
(shares of the steps), and stays. When it is allocated, the lambdas of the least important triplets are set to 0; until
the next time they may grow again, and after `end` they stay 0. Only states with the final budget can be the best.

Defaults: orthogonality 0.1, r0 = 1.5 r and all linear layers are the paper's (PEFT's are 0.5, 12 to 8, and some).

Saved as PEFT's LORA with a rank of each layer's own, A = diag(lambda) Q and B = s P; reads PEFT's ADALORA too.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.engine.changes import LowRank, add
from softshot.methods import base as adapters
from softshot.methods import lora
from softshot.methods.base import Examples
from softshot.methods.registry import AdaLoRA
from softshot.methods.triplets import Triplets
from softshot.methods.weights import LayerChanges, by_layer, check_shape, targets

PARTS = ("lora_B", "lora_E", "lora_A")
UNDERSTOOD = lora.UNDERSTOOD | {
    *("target_r", "init_r", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight", "total_step"),
}


class AdaptiveChanges(LayerChanges):
    """The triplets of every target layer, in float32."""

    def __init__(self, base: Base, rank: int, settings: AdaLoRA, seed: int):
        """`rank`: the mean over layers at the end."""
        self.first_rank = math.ceil(rank * settings.initial)
        s = scale(settings.alpha, self.first_rank)
        super().__init__(
            base, {name: LowRank(layer, s) for name, layer in targets(base.freeze(), settings.targets).items()}
        )
        self.rank, self.settings = rank, settings
        generator = torch.Generator().manual_seed(seed)
        triplets = [Triplets(change, self.first_rank, generator) for change in self.layers.values()]
        self.triplets = nn.ModuleList(triplets).to(base.device)

    def factors(self) -> list[tuple[Tensor, Tensor]]:
        """diag(lambda) Q and P of each layer."""
        return [(one.lambdas[:, None] * one.q, one.p) for one in self.triplets]

    def penalty(self) -> Tensor:
        """The mean distance from orthonormal, weighted."""
        return self.settings.orthogonality * torch.stack([d for one in self.triplets for d in one.distances()]).mean()

    @torch.no_grad()
    def after_step(self, step: int, steps: int) -> None:
        """Weigh the triplets by the step's gradients, and set the lambdas of those beyond the budget to 0."""
        begin, end = self.phase(steps)
        if step < end:
            for one in self.triplets:
                one.weigh()
        if allocating := begin < step <= end and (step % self.settings.every == 0 or step == end):
            self.allocate(self.budget(step, steps))
        if allocating or step > end:
            for one in self.triplets:
                one.lambdas.mul_(one.kept)

    def phase(self, steps: int) -> tuple[int, int]:
        """The step after which the budget falls, and that at which it has fallen."""
        end = max(1, round(self.settings.end * steps))
        return min(round(self.settings.begin * steps), end - 1), end

    def budget(self, step: int, steps: int) -> int:
        """Triplets in all layers together after step `step`, from `begin` to `end`."""
        begin, end = self.phase(steps)
        first, last = (len(self.layers) * rank for rank in (self.first_rank, self.rank))
        return int(last + (first - last) * (1 - (step - begin) / (end - begin)) ** 3)

    def allocate(self, budget: int) -> None:
        """Keep the `budget` most important triplets."""
        importance = torch.cat([one.importance() for one in self.triplets])
        kept = torch.zeros_like(importance, dtype=torch.bool)
        kept[importance.topk(budget).indices] = True
        for one, own in zip(self.triplets, kept.split(self.first_rank), strict=True):
            one.kept.copy_(own)

    def final(self, step: int, steps: int) -> bool:
        """Whether the budget has fallen."""
        return step >= self.phase(steps)[1]

    def save(self, folder: Path) -> None:
        """Write the triplets that are left."""
        factors = {
            name: ((one.lambdas[:, None] * one.q)[one.kept], layer.scale * one.p[:, one.kept])
            for (name, layer), one in zip(self.layers.items(), self.triplets, strict=True)
            if one.kept.any()
        }
        ranks = {name: len(a) for name, (a, _) in factors.items()}
        config = {"r": self.rank, "lora_alpha": self.rank, "rank_pattern": ranks, "alpha_pattern": ranks}
        lora.save(self, factors, config, folder)

    def describe(self, folder: Path) -> dict[str, int | float]:
        """How the ranks came out."""
        ranks = [int(one.kept.sum()) for one in self.triplets]
        return {
            "first_rank": self.first_rank,
            "least_rank": min(ranks),
            "greatest_rank": max(ranks),
            "mean_rank": sum(ranks) / len(ranks),
        }


def new(base: Base, rank: int, settings: AdaLoRA, examples: Examples, seed: int) -> AdaptiveChanges:
    """Changes of rank `settings.initial` times `rank` that change nothing yet, put into the model."""
    return AdaptiveChanges(base, rank, settings, seed)


def load(base: Base, folder: Path) -> None:
    """Add a saved AdaLoRA, ours (a LORA) or PEFT's (an ADALORA), to the model's weights."""
    config, tensors = adapters.read(folder, base, "adalora", UNDERSTOOD)
    if config["peft_type"] == "LORA":
        return lora.load(base, folder)
    lora.check_plain(config, folder)
    for name, (layer, (p, lambdas, q)) in by_layer(tensors, PARTS, base, folder).items():
        check_shape(layer, (p.shape[0], q.shape[1]), name, folder)
        add(base.model, name, lambdas * q, p, scale(config["lora_alpha"], config["init_r"]))
    return None


def scale(alpha: float, first_rank: int) -> float:
    """What P diag(lambda) Q is multiplied by; PEFT adds the 1e-5 to be safe of zero."""
    return alpha / (first_rank + 1e-5)
