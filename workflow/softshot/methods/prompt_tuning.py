"""Prompt tuning: T embedding vectors before the row, trained while the model is frozen.

Lester et al. 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning". With demonstrations between prompt and
input it is instruction prompt tuning (Sun et al. 2023).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.engine.prefix import Prefix
from softshot.errors import UserError
from softshot.methods import base as adapters
from softshot.methods import nearest_tokens
from softshot.methods.base import Examples
from softshot.methods.registry import PrefixTuning, PromptTuning

COMMON_TOKENS = 5000  # Lester et al. draw from the 5,000 most common; a BPE vocabulary is ordered by frequency


class SoftPrompt(adapters.Adapter):
    """T vectors of width H in float32, optionally seen through an MLP while they are trained."""

    def __init__(self, base: Base, initial: Tensor, settings: PromptTuning):
        """`initial`: [T, H]."""
        super().__init__()
        self.base = base
        self.initial = initial.clone().float()
        self.embedding = nn.Parameter(self.initial.clone())
        self.residual = settings.reparameterisation == "residual"
        self.mlp = None
        if settings.reparameterisation != "none":
            width, hidden = initial.shape[1], settings.reparameterisation_hidden
            self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, width))
            if self.residual:  # start at the initial prompt itself
                nn.init.zeros_(self.mlp[2].weight)
                nn.init.zeros_(self.mlp[2].bias)

    def forward(self) -> Tensor:
        """The prompt that the model sees: [T, H]."""
        if self.mlp is None:
            return self.embedding
        return self.mlp(self.embedding) + (self.embedding if self.residual else 0)

    def prefix(self) -> Prefix:
        """The prompt, as embeddings."""
        return Prefix(embeddings=self())

    def save(self, folder: Path) -> None:
        """Write the plain prompt."""
        save(self(), self.base, folder)

    def describe(self, folder: Path) -> dict[str, Any]:
        """The vocabulary entries nearest to the prompt, in `prompt.tsv`."""
        return nearest_tokens.describe(self().detach(), self.initial, self.base, folder / "prompt.tsv")


def new(base: Base, tokens: int, settings: PromptTuning, examples: Examples, seed: int) -> SoftPrompt:
    """A soft prompt of `tokens` vectors at its first value."""
    torch.manual_seed(seed)  # the MLP's weights
    generator = torch.Generator().manual_seed(seed)
    if settings.initialisation == "uniform":
        initial = uniform(base, tokens, generator)
    else:
        initial = base.embed(first_ids(base, tokens, settings, examples, generator)).float()
    return SoftPrompt(base, initial.cpu(), settings).to(base.device)


def save(prompt: Tensor, base: Base, folder: Path) -> None:
    """Write a prompt [T, H] as PEFT's PROMPT_TUNING."""
    config = {
        "peft_type": "PROMPT_TUNING",
        "num_virtual_tokens": prompt.shape[0],
        "token_dim": prompt.shape[1],
        "num_transformer_submodules": 1,
        "num_attention_heads": base.config.num_attention_heads,
        "num_layers": base.config.num_hidden_layers,
    }
    adapters.save(folder, {"prompt_embeddings": prompt}, config, base)


def load(base: Base, folder: Path) -> Prefix:
    """A saved prompt, ours or PEFT's, as a prefix. Raises UserError for one that was made for another width."""
    _, tensors = adapters.read(folder, base, "prompt-tuning", adapters.PROMPT)
    prompt = adapters.only(tensors, "prompt_embeddings", folder)
    if (width := prompt.shape[1]) != base.embedding_size:
        raise UserError(f"{folder}: a prompt of width {width} does not fit a model of width {base.embedding_size}.")
    return Prefix(embeddings=prompt)


def vocabulary_ids(base: Base, tokens: int, generator: torch.Generator) -> list[int]:
    """T randomly drawn, frequent, ordinary vocabulary entries. Lester et al. 2021, section 3.2."""
    special = set(base.tokenizer.all_special_ids)
    size = min(COMMON_TOKENS, base.model.get_input_embeddings().num_embeddings)
    ordinary = [i for i in range(size) if i not in special]
    drawn = torch.randint(len(ordinary), (tokens,), generator=generator)
    return [ordinary[i] for i in drawn.tolist()]


def example_ids(tokens: int, examples: Examples, generator: torch.Generator) -> list[int]:
    """T tokens of randomly drawn training pairs, cut from the left. Context tuning, arXiv 2507.04221.

    A prefix so begins as in-context learning with random demonstrations.
    """
    ids: list[int] = []
    while len(ids) < tokens:
        ids = examples[int(torch.randint(len(examples), (), generator=generator))] + ids
    return ids[-tokens:]


def text_ids(base: Base, tokens: int, text: str) -> list[int]:
    """T tokens of `text`, repeated or cut."""
    ids = base.tokenization.encode(text, first=True)
    return (ids * (tokens // len(ids) + 1))[:tokens]


def first_ids(
    base: Base, tokens: int, settings: PromptTuning | PrefixTuning, examples: Examples, generator: torch.Generator
) -> list[int]:
    """The T tokens that a prefix begins as."""
    return {
        "vocabulary": lambda: vocabulary_ids(base, tokens, generator),
        "demonstrations": lambda: example_ids(tokens, examples, generator),
        "text": lambda: text_ids(base, tokens, settings.initial_text),
    }[settings.initialisation]()


def uniform(base: Base, tokens: int, generator: torch.Generator) -> Tensor:
    """Noise in [-0.5, 0.5], off the manifold of embeddings: [T, H]. Lester et al. 2021, section 3.2."""
    return torch.rand(tokens, base.embedding_size, generator=generator) - 0.5
