"""Packed rows beside padded ones, in the architectures whose rows can be packed: seconds of a loss and its gradient.

    PYTHONPATH=workflow python tests/benchmarks/architectures.py --out results/benchmarks

Models of 6 layers with random weights and a vocabulary of 49,152, frozen, float32, one thread; a soft prompt before
ragged rows. *Padded* is the way of an architecture that cannot be packed, by transformers' own functions; *packed* is
what softshot does, its kernels included. Times are the processor's, the two in turn.
"""

import argparse
import copy
import json
import os
import random
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow"))

import torch
from common import seconds, spread
from tables import markdown
from transformers import AutoConfig, AutoModelForCausalLM

from softshot.engine.base import Base, prepare
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.prefix import Prefix

SIZES = {"vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 6, "num_attention_heads": 9}
WIDE = {**SIZES, "intermediate_size": 1536, "max_position_embeddings": 2048}
SHARED = {**WIDE, "num_key_value_heads": 3, "head_dim": 64}  # keys and values of three heads for nine queries
GPT2 = {"vocab_size": 49152, "n_embd": 576, "n_layer": 6, "n_head": 9, "n_positions": 2048}
EXPERTS = {**SHARED, "num_experts_per_tok": 2}
ARCHITECTURES = {
    "qwen2": SHARED,
    "qwen3": SHARED,
    "qwen3_moe": {**EXPERTS, "num_experts": 8, "moe_intermediate_size": 384},
    "mistral": SHARED,
    "mixtral": {**EXPERTS, "num_local_experts": 8, "intermediate_size": 384},
    "phi": WIDE,
    "phi3": {**SHARED, "pad_token_id": 1},
    "gpt_neox": WIDE,
    "gpt_bigcode": {**GPT2, "multi_query": True},
    "starcoder2": SHARED,
    "olmo2": SHARED,
    "olmo3": SHARED,
    "smollm3": {**SHARED, "pad_token_id": 1},
    "gemma": SHARED,
    "gemma3_text": {**SHARED, "query_pre_attn_scalar": 64},
}


def bases(architecture: str) -> dict[str, Base]:
    """The same model twice: to be padded, with transformers' functions, and to be packed, as softshot loads it."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **ARCHITECTURES[architecture]))
    model = prepare(model.requires_grad_(False).eval())
    padded, packed = Base(copy.deepcopy(model), None), Base(model, None).freeze()
    assert packed.findings.unpacked is None
    vars(padded)["findings"] = replace(packed.findings, unpacked="it is what packed rows are compared with")
    return {"padded": padded, "packed": packed}


def ragged_rows(count: int, longest: int, target: int) -> list[Row]:
    """Rows of half to all of `longest` random tokens, the last `target` of them to be learnt."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        ids = [draw.randrange(5, 49152) for _ in range(draw.randint(longest // 2, longest))]
        rows.append(Row(str(number), ids[:-target], ids[-target:]))
    return rows


def step(base: Base, tokens: int, rows: list[Row]) -> float:
    """The loss, and its gradient at a prompt."""
    prompt = torch.randn(tokens, base.embedding_size, generator=torch.Generator().manual_seed(1)) * 0.02
    loss = target_losses(base, Prefix(embeddings=prompt.requires_grad_()), rows).sum()
    loss.backward()
    return loss.item()


def measure(architecture: str, tokens: int, rows: list[Row], repeats: int) -> dict:
    """Times of one architecture, the two ways in turn; the first of each is a warm-up."""
    models = bases(architecture)
    losses = [step(base, tokens, rows) for base in models.values()]
    torch.testing.assert_close(*map(torch.tensor, losses), rtol=1e-4, atol=0)
    times = {name: [] for name in models}
    for _ in range(repeats):
        for name, base in models.items():
            times[name].append(seconds(partial(step, base, tokens, rows))[0])
    taken = {name: spread(values) for name, values in times.items()}
    ratio = taken["padded"]["median"] / taken["packed"]["median"]
    return {"architecture": architecture, "processor_seconds": taken, "ratio": ratio}


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES), choices=list(ARCHITECTURES))
    parser.add_argument("--tokens", type=int, default=25, help="length of the prompt")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--longest", type=int, default=80, help="tokens of the longest row")
    parser.add_argument("--target", type=int, default=20, help="target tokens of a row")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for architectures.json and architectures.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = ragged_rows(args.rows, args.longest, args.target)
    results = []
    for architecture in args.architectures:
        results.append(measure(architecture, args.tokens, rows, args.repeats))
        print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    lines = [
        [result["architecture"]]
        + [f"{t['median']:.2f} ({t['least']:.2f}-{t['greatest']:.2f})" for t in result["processor_seconds"].values()]
        + [f"{result['ratio']:.2f}"]
        for result in results
    ]
    table = markdown(["architecture", "padded s", "packed s", "ratio"], lines)
    report = {"torch": torch.__version__, "threads": 1, "repeats": args.repeats, "results": results}
    (args.out / "architectures.json").write_text(json.dumps(report, indent=2) + "\n")
    (args.out / "architectures.md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
