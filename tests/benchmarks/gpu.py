"""A tuning step of each method on a GPU in bfloat16: seconds, tokens a second and memory, softshot beside its peers.

    python tests/benchmarks/gpu.py --out results/benchmarks

A random model of Llama's shape, so that no network is needed; under ten minutes. Peers: peft's loop, and the same with
the head at target positions only (tests/benchmarks/methods.py). Every contestant has the device to itself and its time
is the wall's, with the device waited for. `--tiny` runs the same on whatever there is, to see that it runs.
"""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from methods import OURS, Loop, softshot, wrapped
from tables import markdown
from transformers import LlamaConfig, LlamaForCausalLM
from tuning import rows_of

from softshot.engine.base import Base, prepare
from softshot.engine.layout import Row
from softshot.files import write_json, write_text
from softshot.methods.registry import METHODS
from softshot.provenance import provenance

CASES = {"lora": 8, "ia3": 0, "prompt-tuning": 100, "prefix-tuning": 100, "context-tuning": 100, "full": 0}
PEERS = ["loop", "at targets"]
LARGE = {  # about 1.2 billion weights
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 500,
}
STEPS = 8  # timed, after two that are not


def model_of(shape: dict, device: str) -> LlamaForCausalLM:
    """The random model."""
    torch.manual_seed(0)
    with torch.device(device):
        model = LlamaForCausalLM(LlamaConfig(max_position_embeddings=1024, **shape))
    return model.to(torch.bfloat16).requires_grad_(False).eval()


def step_of(contestant: str, method: str, shape: dict, rows: list[Row], device: str) -> Callable[[], object]:
    """A function that takes one step."""
    size = CASES[method]
    base = Base(prepare(model_of(shape, device)), None)
    if contestant == OURS:
        return softshot(method, base if METHODS[method].trains_weights else base.freeze(), size, rows)
    peer = wrapped(method, model_of(shape, device), base, size)
    del base
    loop = Loop(method, peer, size, contestant == "at targets")
    return lambda: loop.step(rows)


def wait(device: str) -> None:
    """For what the device was given to do."""
    if device == "cuda":
        torch.cuda.synchronize()


def measure(contestant: str, method: str, shape: dict, rows: list[Row], device: str) -> dict[str, float]:
    """Median seconds of a step, and MB at most."""
    step, times = step_of(contestant, method, shape, rows, device), []
    for number in range(2 + STEPS):
        if number == 2 and device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        wait(device)
        began = time.perf_counter()
        step()
        wait(device)
        times.append(time.perf_counter() - began)
    result = {"seconds": statistics.median(times[2:])}
    result["tokens_per_second"] = sum(map(len, rows)) / result["seconds"]
    if device == "cuda":
        result["peak_mb"] = torch.cuda.max_memory_allocated() / 2**20
    del step
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
    return result


def main() -> None:
    """Measure and write; without a GPU say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a tiny model, on the processor too")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--length", type=int, default=256, help="tokens of a row, a quarter of them target")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not args.tiny:
        print("skipped: torch sees no GPU here (--tiny tries the benchmark itself on the processor)")
        return
    shape = TINY if args.tiny else LARGE
    rows = rows_of(args.rows, args.length, args.length // 4, shape["vocab_size"], seed=0)
    results, lines = [], []
    for method in CASES:
        each = {key: measure(key, method, shape, rows, device) for key in (OURS, *PEERS)}
        results.append({"method": method, "size": CASES[method], "contestants": each})
        print(results[-1], file=sys.stderr, flush=True)
        own = each[OURS]
        lines.append(
            [
                method,
                *(f"{one['seconds']:.3f}" for one in each.values()),
                *(f"{each[key]['seconds'] / own['seconds']:.2f}" for key in PEERS),
                f"{own['tokens_per_second']:,.0f}",
                *(f"{one['peak_mb']:,.0f}" if "peak_mb" in one else "" for one in each.values()),
            ]
        )
    head = ["method", *(f"{key} s" for key in (OURS, *PEERS)), *(f"ratio to {key}" for key in PEERS), "tokens/s"]
    table = markdown([*head, *(f"{key} MB" for key in (OURS, *PEERS))], lines)
    name = torch.cuda.get_device_name() if device == "cuda" else "the processor"
    write_json(args.out / "gpu.json", provenance() | {"device": name, "results": results})
    write_text(args.out / "gpu.md", f"{name}\n\n{table}")
    print(table)


if __name__ == "__main__":
    main()
