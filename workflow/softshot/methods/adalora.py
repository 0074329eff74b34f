"""AdaLoRA: changes s P diag(lambda) Q whose rank is given where it matters most, under a budget that falls.

Zhang et al. 2023, "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning". P [out, r0] and Q [r0, in] begin
as N(0, 0.02), lambda [r0] at 0; s = alpha / r0. The loss has orthogonality * the mean over matrices of |P'P - I| and
|QQ' - I| (Frobenius). A triplet's importance is that of its lambda plus the means of its column's and its row's, each
the product of two moving averages: of the sensitivity |w g|, and of how far that is from its own average. The budget of
triplets is r0 a layer until `begin`, falls along a cubic to the arm's rank at `end` (shares of the steps), and stays:
the lambdas of the least important triplets are 0.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.engine.changes import LowRank, add_to_weight, linear_layers, replace
from softshot.errors import UserError
from softshot.files import read_json
from softshot.methods import base as adapters
from softshot.methods import lora
from softshot.methods.base import Examples
from softshot.methods.registry import AdaLoRA

SPREAD = 0.02  # of P and Q at the start
BETA = 0.85  # of both moving averages
AVERAGES = ("sensitivity", "uncertainty")


class Triplets(adapters.Adapter):
    """P, lambda and Q of every target layer, in float32, and how important each triplet has been."""

    def __init__(self, base: Base, rank: int, settings: AdaLoRA, seed: int):
        """`rank`: the mean over layers at the end."""
        super().__init__()
        self.base, self.rank, self.settings = base, rank, settings
        self.first_rank = math.ceil(rank * settings.initial)
        generator = torch.Generator().manual_seed(seed)
        self.layers: dict[str, LowRank] = {}
        triplets = []
        for name, layer in lora.targets(base, settings.targets).items():
            change = LowRank(layer, scale(settings.alpha, self.first_rank))
            p, q = (
                torch.randn(shape, generator=generator) * SPREAD
                for shape in ((change.out_features, self.first_rank), (self.first_rank, change.in_features))
            )
            triplets.append(nn.ParameterList([p, torch.zeros(self.first_rank), q]))
            replace(base.model, name, change)
            self.layers[name] = change
        self.triplets = nn.ModuleList(triplets).to(base.device)
        for place, parameter in enumerate(self.triplets.parameters()):
            for average in AVERAGES:
                self.register_buffer(f"{average}_{place}", torch.zeros_like(parameter))
        shape = len(self.layers), self.first_rank
        self.register_buffer("kept", torch.ones(shape, dtype=torch.bool, device=base.device))

    def prepare(self) -> None:
        """Form every layer's matrix, from Q with lambda in it."""
        with torch.enable_grad():
            self.factors = [(lambdas[:, None] * q, p) for p, lambdas, q in self.triplets]
        self.leaves = [tuple(factor.detach().requires_grad_() for factor in pair) for pair in self.factors]
        for layer, (a, b) in zip(self.layers.values(), self.leaves, strict=True):
            layer.merge(a, b)

    def gather(self, count: int) -> None:
        """From the factors of the matrices back to P, lambda and Q."""
        factors = [factor for pair in self.factors for factor in pair]
        gradients = [leaf.grad / count for pair in self.leaves for leaf in pair]
        torch.autograd.backward(factors, gradients)

    def penalty(self) -> Tensor:
        """How far the columns of P and the rows of Q are from orthonormal."""
        eye = torch.eye(self.first_rank, device=self.base.device, dtype=self.triplets[0][0].dtype)
        distances = [(product - eye).norm() for p, _, q in self.triplets for product in (p.T @ p, q @ q.T)]
        return self.settings.orthogonality * torch.stack(distances).mean()

    @torch.no_grad()
    def after_step(self, step: int, steps: int) -> None:
        """Weigh the triplets by the step's gradients, and set the lambdas of those beyond the budget to 0."""
        begin, end = round(self.settings.begin * steps), round(self.settings.end * steps)
        if step < end:
            self._weigh()
        if begin < step <= end and (step % self.settings.every == 0 or step == end):
            scores = self.importance().flatten()
            self.kept.zero_().view(-1)[scores.topk(self.budget(step, begin, end)).indices] = True
        if step > begin:
            for (_, lambdas, _), kept in zip(self.triplets, self.kept, strict=True):
                lambdas.mul_(kept)

    def _weigh(self) -> None:
        """Take the gradients into the moving averages."""
        for place, parameter in enumerate(self.triplets.parameters()):
            sensitivity, uncertainty = (self.get_buffer(f"{average}_{place}") for average in AVERAGES)
            now = (parameter * parameter.grad).abs()
            sensitivity.mul_(BETA).add_(now, alpha=1 - BETA)
            uncertainty.mul_(BETA).add_((now - sensitivity).abs(), alpha=1 - BETA)

    def importance(self) -> Tensor:
        """Of every triplet: [layers, r0]."""
        averages = [[self.get_buffer(f"{name}_{place}") for name in AVERAGES] for place in range(3 * len(self.layers))]
        products = [sensitivity * uncertainty for sensitivity, uncertainty in averages]
        of_p, of_lambda, of_q = products[::3], products[1::3], products[2::3]
        return torch.stack([p.mean(0) + la + q.mean(1) for p, la, q in zip(of_p, of_lambda, of_q, strict=True)])

    def budget(self, step: int, begin: int, end: int) -> int:
        """Triplets in all layers together after step `step`."""
        first, last = (len(self.layers) * rank for rank in (self.first_rank, self.rank))
        left = 1 - (step - begin) / (end - begin)
        return int(last + (first - last) * left**3)

    def save(self, folder: Path) -> None:
        """Write the triplets that are left as PEFT's LORA, each layer with its own rank: A = lambda Q, B = s P."""
        tensors, ranks = {}, {}
        for (name, layer), (p, lambdas, q), kept in zip(self.layers.items(), self.triplets, self.kept, strict=True):
            if ranks_of := int(kept.sum()):
                ranks[name] = ranks_of
                tensors[lora.NAME.format(name, "A")] = (lambdas[:, None] * q)[kept]
                tensors[lora.NAME.format(name, "B")] = layer.scale * p[:, kept]
        config = {"r": self.rank, "lora_alpha": self.rank, "rank_pattern": ranks, "alpha_pattern": ranks}
        lora.save(tensors, config, self.base, folder)

    def describe(self, folder: Path) -> dict[str, int | float]:
        """How the ranks came out."""
        ranks = self.kept.sum(1)
        return {
            "first_rank": self.first_rank,
            "least_rank": int(ranks.min()),
            "greatest_rank": int(ranks.max()),
            "mean_rank": float(ranks.float().mean()),
        }


def new(base: Base, rank: int, settings: AdaLoRA, examples: Examples, seed: int) -> Triplets:
    """Changes of rank `settings.initial` times `rank` that change nothing yet, put into the model."""
    base.model.requires_grad_(False)
    return Triplets(base, rank, settings, seed)


def load(base: Base, folder: Path) -> None:
    """Add a saved AdaLoRA, ours (a LORA) or PEFT's (an ADALORA), to the model's weights."""
    config = read_json(folder / adapters.CONFIG)
    if config["peft_type"] != "ADALORA":
        return lora.load(base, folder)
    saved, layers = adapters.tensors(folder, base), linear_layers(base.model)
    for key in [key for key in saved if key.endswith(".lora_E")]:
        name = key.removeprefix("base_model.model.").removesuffix(".lora_E")
        if name not in layers:
            raise UserError(f"{folder}: it changes {name}, which this model does not have.")
        p, lambdas, q = (saved[key.removesuffix("E") + which].float() for which in "BEA")
        add_to_weight(layers[name], scale(config["lora_alpha"], config["init_r"]) * (p @ (lambdas * q)))
    return None


def scale(alpha: float, first_rank: int) -> float:
    """What P diag(lambda) Q is multiplied by, with what PEFT adds to be safe of zero."""
    return alpha / (first_rank + 1e-5)
