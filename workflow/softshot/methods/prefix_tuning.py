"""Prefix-tuning: keys and values of T positions before the row in every layer, trained while the model is frozen.

softmax([q Pk ; q K]) [Pv ; V] in every head (Li & Liang 2021, "Prefix-Tuning: Optimizing Continuous Prompts for
Generation"). The paper's P = MLP(E), E [T, H], MLP = Linear(H, 512) - Tanh - Linear(512, 2 * layers * heads * D), is
`reparameterisation: mlp`; after training only P is kept. Here P begins as what the model itself computes of a text:
noise, PEFT's default, is the worst beginning known (its own comparison of methods has 18.6 points with it, 41.6 so).

Saved as PEFT's PREFIX_TUNING (key_values.py).
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.engine.prefix import Prefix, states_of
from softshot.methods import base as adapters
from softshot.methods import key_values
from softshot.methods.base import Examples
from softshot.methods.key_values import load  # noqa: F401 (a saved prefix is put to use as it is)
from softshot.methods.prompt_tuning import first_ids
from softshot.methods.registry import PrefixTuning


class KeyValues(adapters.Adapter):
    """[layers, 2, heads, T, D] in float32, trained as they are or as an MLP's output, or with that added."""

    def __init__(self, base: Base, initial: Tensor, settings: PrefixTuning):
        """`initial`: [layers, 2, heads, T, D]."""
        super().__init__()
        self.base, self.residual = base, settings.reparameterisation == "residual"
        self.mlp = None
        layers, _, heads, tokens, size = initial.shape
        if settings.reparameterisation == "none":
            self.states = nn.Parameter(initial.clone().float())
            return
        self.register_buffer("start", initial.clone().float() if self.residual else torch.zeros(initial.shape))
        hidden = settings.reparameterisation_hidden
        self.embedding = nn.Parameter(torch.randn(tokens, base.embedding_size))
        self.mlp = nn.Sequential(
            nn.Linear(base.embedding_size, hidden), nn.Tanh(), nn.Linear(hidden, 2 * layers * heads * size)
        )
        if self.residual:  # start at the initial keys and values themselves
            nn.init.zeros_(self.mlp[2].weight)
            nn.init.zeros_(self.mlp[2].bias)

    def forward(self) -> Tensor:
        """The keys and values that the model sees: [layers, 2, heads, T, D]."""
        if self.mlp is None:
            return self.states
        layers, _, heads, tokens, size = self.start.shape
        flat = self.mlp(self.embedding).reshape(tokens, layers, 2, heads, size)
        return self.start + flat.permute(1, 2, 3, 0, 4)

    def prefix(self) -> Prefix:
        """The keys and values of every layer."""
        return key_values.unpack(self())

    def save(self, folder: Path) -> None:
        """Write the plain keys and values."""
        key_values.save(self(), self.base, folder)


def new(base: Base, tokens: int, settings: PrefixTuning, examples: Examples, seed: int) -> KeyValues:
    """Keys and values of `tokens` positions at their first value."""
    key_values.check_uniform(base, "prefix-tuning")
    torch.manual_seed(seed)  # the MLP's weights
    generator = torch.Generator().manual_seed(seed)
    ids = first_ids(base, tokens, settings, examples, generator)
    return KeyValues(base, key_values.pack(states_of(base, ids)).cpu(), settings).to(base.device)
