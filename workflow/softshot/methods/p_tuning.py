"""P-tuning: a soft prompt that an encoder makes of trained vectors, which depend on one another through it.

Liu et al. 2021, "GPT Understands, Too" (arXiv 2103.10385). prompt = encoder(E), E [T, H]; the encoder is two
bidirectional LSTM layers and a two-layer MLP, or a three-layer MLP (as NVIDIA NeMo's and peft's). After training only
the prompt is kept. E begins as N(0, 1), the encoder as torch begins its layers, as wide as the embeddings: all as in
PEFT, so that the prompt's first scale is the encoder's and not the vocabulary's. The paper sets the vectors among the
input's tokens, and tunes the model as well for SuperGLUE: here they stand before the row, and the model is frozen.

Saved as PEFT's PROMPT_TUNING, without the encoder.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.engine.prefix import Prefix
from softshot.methods import base as adapters
from softshot.methods import nearest_tokens, prompt_tuning
from softshot.methods.base import Examples
from softshot.methods.prompt_tuning import load  # noqa: F401 (a saved prompt is a soft prompt)
from softshot.methods.registry import PTuning


class EncodedPrompt(adapters.Adapter):
    """T trained vectors of width H and their encoder, in float32."""

    def __init__(self, base: Base, tokens: int, settings: PTuning):
        super().__init__()
        self.base = base
        width, hidden = base.embedding_size, settings.encoder_hidden or base.embedding_size
        self.embedding = nn.Parameter(torch.randn(tokens, width))
        self.lstm = None
        if settings.encoder == "lstm":
            self.lstm = nn.LSTM(width, hidden, num_layers=2, bidirectional=True, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(2 * hidden, 2 * hidden), nn.ReLU(), nn.Linear(2 * hidden, width))
        else:
            layers = [nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
            self.mlp = nn.Sequential(*layers, nn.Linear(hidden, width))
        self.initial = self().detach()

    def forward(self) -> Tensor:
        """The prompt that the model sees: [T, H]."""
        if self.lstm is None:
            return self.mlp(self.embedding)
        return self.mlp(self.lstm(self.embedding.unsqueeze(0))[0].squeeze(0))

    def prefix(self) -> Prefix:
        """The prompt, as embeddings."""
        return Prefix(embeddings=self())

    def save(self, folder: Path) -> None:
        """Write the plain prompt: without its encoder it is a soft prompt like any other."""
        prompt_tuning.save(self(), self.base, folder)

    def describe(self, folder: Path) -> dict[str, float | int]:
        """The vocabulary entries nearest to the prompt, in `prompt.tsv`."""
        return nearest_tokens.describe(self().detach(), self.initial, self.base, folder / "prompt.tsv")


def new(base: Base, tokens: int, settings: PTuning, examples: Examples, seed: int) -> EncodedPrompt:
    """A prompt of `tokens` vectors at its first value, which the encoder's random weights decide."""
    torch.manual_seed(seed)
    return EncodedPrompt(base, tokens, settings).to(base.device)
