"""The soft prompt of PT and IPT: T embedding vectors before the row, trained while the model is frozen.

Lester et al. 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning".
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.errors import UserError
from softshot.files import read_json, replacing, verify, write_text
from softshot.methods.registry import PromptTuning

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
COMMON_TOKENS = 5000  # Lester et al. draw from the 5,000 most common; a BPE vocabulary is ordered by frequency


class SoftPrompt(nn.Module):
    """T vectors of width H in float32, optionally seen through an MLP while they are trained."""

    def __init__(self, initial: Tensor, reparameterisation: str = "none", hidden: int = 512):
        """`initial`: [T, H]. `reparameterisation` and `hidden` as in the settings of tuning."""
        super().__init__()
        self.embedding = nn.Parameter(initial.clone().float())
        self.residual = reparameterisation == "residual"
        self.mlp = None
        if reparameterisation != "none":
            width = initial.shape[1]
            self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, width))
            if self.residual:  # start at the initial prompt itself
                nn.init.zeros_(self.mlp[2].weight)
                nn.init.zeros_(self.mlp[2].bias)

    def forward(self) -> Tensor:
        """The prompt that the model sees: [T, H]."""
        if self.mlp is None:
            return self.embedding
        return self.mlp(self.embedding) + (self.embedding if self.residual else 0)


def new_soft_prompt(
    base: Base, tokens: int, settings: PromptTuning, examples: list[list[int]], seed: int
) -> SoftPrompt:
    """A soft prompt of `tokens` vectors at its first value; `seed` decides every random choice.

    `examples`: token ids of the training pairs as they stand in a context, for `initialisation: demonstrations`.
    """
    torch.manual_seed(seed)  # the MLP's weights
    generator = torch.Generator().manual_seed(seed)
    embeddings = {
        "vocabulary": lambda: from_vocabulary(base, tokens, generator),
        "demonstrations": lambda: from_demonstrations(base, tokens, examples, generator),
        "text": lambda: from_text(base, tokens, settings.initial_text),
        "uniform": lambda: uniform(base, tokens, generator),
    }[settings.initialisation]()
    prompt = SoftPrompt(embeddings.cpu(), settings.reparameterisation, settings.reparameterisation_hidden)
    return prompt.to(base.device)


def embed(base: Base, ids: list[int]) -> Tensor:
    """The model's own embeddings of `ids`: [T, H]."""
    return base.model.get_input_embeddings().weight[torch.tensor(ids, device=base.device)].float()


def from_vocabulary(base: Base, tokens: int, generator: torch.Generator) -> Tensor:
    """Embeddings of randomly drawn, frequent, ordinary vocabulary entries: [T, H]. Lester et al. 2021, section 3.2."""
    special = set(base.tokenizer.all_special_ids)
    size = min(COMMON_TOKENS, base.model.get_input_embeddings().num_embeddings)
    ordinary = [i for i in range(size) if i not in special]
    drawn = torch.randint(len(ordinary), (tokens,), generator=generator)
    return embed(base, [ordinary[i] for i in drawn.tolist()])


def from_demonstrations(base: Base, tokens: int, examples: list[list[int]], generator: torch.Generator) -> Tensor:
    """Embeddings of randomly drawn training pairs, cut from the left: [T, H]. Context tuning, arXiv 2507.04221.

    The prompt so begins as in-context learning with random demonstrations.
    """
    ids: list[int] = []
    while len(ids) < tokens:
        ids = examples[int(torch.randint(len(examples), (), generator=generator))] + ids
    return embed(base, ids[-tokens:])


def from_text(base: Base, tokens: int, text: str) -> Tensor:
    """Embeddings of `text`, repeated or cut to length: [T, H]."""
    ids = base.tokenizer.encode(text, add_special_tokens=False)
    return embed(base, (ids * (tokens // len(ids) + 1))[:tokens])


def uniform(base: Base, tokens: int, generator: torch.Generator) -> Tensor:
    """Noise in [-0.5, 0.5], off the manifold of embeddings: [T, H]. Lester et al. 2021, section 3.2."""
    return torch.rand(tokens, base.embedding_size, generator=generator) - 0.5


def save(prompt: Tensor, base: Base, folder: Path) -> None:
    """Write `prompt` [T, H] so that `peft.PeftModel.from_pretrained(model, folder)` loads it."""
    config = {
        "peft_type": "PROMPT_TUNING",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.model.config.name_or_path,
        "inference_mode": True,
        "num_virtual_tokens": prompt.shape[0],
        "token_dim": prompt.shape[1],
        "num_transformer_submodules": 1,
        "num_attention_heads": base.model.config.num_attention_heads,
        "num_layers": base.model.config.num_hidden_layers,
    }
    with replacing(folder / WEIGHTS) as temporary:
        save_file({"prompt_embeddings": prompt.detach().float().cpu().contiguous()}, temporary)
    write_text(folder / CONFIG, json.dumps(config, indent=2) + "\n")


def load(folder: Path, base: Base) -> Tensor:
    """Read a saved prompt, [T, H], onto the model's device; one made for another width is an error."""
    width = read_json(folder / CONFIG)["token_dim"]
    if width != base.embedding_size:
        raise UserError(f"{folder}: a prompt of width {width} does not fit a model of width {base.embedding_size}.")
    verify(folder / WEIGHTS)
    try:
        return load_file(folder / WEIGHTS)["prompt_embeddings"].to(base.device)
    except (OSError, SafetensorError, KeyError) as error:
        raise UserError(f"{folder / WEIGHTS} is no whole prompt ({error}): delete it and tune again.") from None
