"""What the benchmarks share: mid-size random models with real vocabularies, clocks, the machine's own limit."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BloomConfig, GPT2Config, OPTConfig, PreTrainedModel

from softshot.engine.base import Base, prepare

NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}  # the Trainer would apply it
# Real vocabulary sizes; the layers are fewer than the real models', so that a step takes seconds on one core.
RANDOM = {
    "gpt2": lambda: GPT2Config(n_embd=768, n_layer=6, n_head=12, vocab_size=50257, **NO_DROPOUT),
    "opt": lambda: OPTConfig(
        hidden_size=768, ffn_dim=3072, num_hidden_layers=6, num_attention_heads=12, word_embed_proj_dim=768, dropout=0.0
    ),
    "bloom": lambda: BloomConfig(hidden_size=512, n_layer=6, n_head=8, vocab_size=250880),
}


def models(name: str, dtype: torch.dtype = torch.float32, frozen: bool = True) -> tuple[PreTrainedModel, Base]:
    """The model as the peers get it and as softshot has it, with the same weights.

    `name`: one of RANDOM, or the folder of a model. `frozen` as in softshot.engine.base.load.
    """
    made = []
    for _ in range(2):
        torch.manual_seed(0)
        if name in RANDOM:
            model = AutoModelForCausalLM.from_config(RANDOM[name]())
        else:
            model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, local_files_only=True)
        made.append(model.to(dtype).requires_grad_(False).eval())
    theirs, ours = made
    tokenizer = None if name in RANDOM else AutoTokenizer.from_pretrained(name, local_files_only=True)
    base = Base(prepare(ours), tokenizer)
    return theirs, base.freeze() if frozen else base


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds of `run`: of this process on the processor, which a busy machine hardly changes, and on the wall."""
    processor, wall = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - processor, time.perf_counter() - wall


def matrix_rate(size: int = 1024) -> float:
    """Floating-point operations a second of a large float32 matrix product on one thread, by the processor's clock."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / statistics.median(seconds(lambda: a @ b)[0] for _ in range(5))


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def label(name: str) -> str:
    """A model's name in a table."""
    return Path(name).name if name not in RANDOM else f"{name} (random weights)"
