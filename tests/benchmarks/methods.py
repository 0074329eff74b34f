"""A tuning step of each method in softshot and in its peers: the same model, rows and optimiser, in turn, one thread.

    python tests/benchmarks/methods.py --models resources/models/smollm2-135m gpt2 opt bloom --out results/benchmarks

Peers: peft in a plain loop (for full tuning the model itself); *at targets*, the same with the head at target positions
only, its strongest form; transformers' Trainer; TRL's SFTTrainer with the loss on the completion, where TRL is
installed (envs/requirements-peers.txt). Times are the processor's. Memory is the greatest of a process of its own that
takes two steps (Linux).
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow"))

import torch
from common import label, matrix_rate, models, seconds, spread
from peft import AdaLoraConfig, IA3Config, LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from tables import markdown
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from tuning import RATE, SETTINGS, padded, rows_of, trainer_options, trainer_seconds, transformers_seconds

from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.methods.base import Adapter, Examples
from softshot.methods.context_tuning import Context
from softshot.methods.prefix_tuning import KeyValues
from softshot.methods.prompt_tuning import SoftPrompt
from softshot.methods.registry import METHODS
from softshot.tuning.train import Trainer

RANK = 8
CASES = {  # of each method the sizes at which it is measured
    "lora": [RANK],
    "adalora": [RANK],
    "ia3": [0],
    "prompt-tuning": [25, 100],
    "prefix-tuning": [25, 100],
    "context-tuning": [25, 100],
    "full": [0],
}
PEERS = ["loop", "at targets", "Trainer", "SFTTrainer"]
OURS = "softshot"
MISSING = None if find_spec("trl") else "TRL is not installed: pip install --no-deps -r envs/requirements-peers.txt"


def adapter_of(method: str, base: Base, size: int) -> Adapter:
    """A new adapter; what begins as a text elsewhere begins as noise here, since random models have no tokenizer."""
    generator = torch.Generator().manual_seed(1)
    settings = METHODS[method].settings()
    if method == "prompt-tuning":
        return SoftPrompt(base, torch.randn(size, base.embedding_size, generator=generator) * 0.02, settings)
    if method in ("prefix-tuning", "context-tuning"):
        shapes = base.findings.cache_shapes
        states = torch.randn(len(shapes), 2, shapes[0][0], size, shapes[0][1], generator=generator) * 0.02
        if method == "prefix-tuning":
            return KeyValues(base, states, settings)
        if not base.can_hide:
            settings = settings.model_copy(update={"token_dropout": 0.0})
        return Context(base, states, {}, Examples(None, []), settings)
    return METHODS[method].load().new(base, size, settings, Examples(None, []), seed=1)


def softshot(method: str, base: Base, size: int, rows: list[Row]) -> Callable[[], object]:
    """softshot's step."""
    trainer = Trainer(base, adapter_of(method, base, size), SETTINGS, RATE, rows, rows[:1], seed=0)
    return lambda: trainer.step([rows])


def wrapped(method: str, model: PreTrainedModel, base: Base, size: int) -> nn.Module:
    """The model with peft's adapter of the same shape in the same places; for full tuning the model itself."""
    if method == "full":
        return model.requires_grad_(True)
    common = {"task_type": "CAUSAL_LM"}
    if method == "prompt-tuning":
        config = PromptTuningConfig(num_virtual_tokens=size, prompt_tuning_init="RANDOM", **common)
    elif method in ("prefix-tuning", "context-tuning"):  # of the latter peft has only what is trained
        heads, width, _ = base.findings.cache_shapes[0]
        config = PrefixTuningConfig(
            num_virtual_tokens=size, token_dim=heads * width, num_attention_heads=heads, **common
        )
    elif method == "ia3":
        layers = adapter_of(method, base, size).layers
        inputs = [name for name, change in layers.items() if change.of_input]
        config = IA3Config(target_modules=list(layers), feedforward_modules=inputs, **common)
    elif method == "adalora":
        config = AdaLoraConfig(
            init_r=round(1.5 * size),
            target_r=size,
            lora_alpha=16,
            target_modules="all-linear",
            total_step=10**6,
            **common,
        )
    else:
        config = LoraConfig(r=size, lora_alpha=16, target_modules="all-linear", **common)
    return get_peft_model(model, config)


class Loop:
    """peft in the loop of its documentation."""

    def __init__(self, method: str, model: nn.Module, size: int, at_targets: bool):
        """`at_targets`: the head runs at target positions only, which all rows have in the same places."""
        self.model, self.at_targets = model.eval(), at_targets
        self.before = size if method == "prompt-tuning" else 0  # positions of the sequence before the row
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=RATE, weight_decay=0.0)

    def loss(self, rows: list[Row]) -> torch.Tensor:
        """Mean over the target tokens."""
        device = self.parameters[0].device
        batch = {key: value.to(device) for key, value in padded(rows).items()}
        if not self.at_targets:
            return self.model(**batch).loss
        labels, targets = batch.pop("labels"), len(rows[0].target)
        end = self.before + len(rows[0]) - 1
        logits = self.model(**batch, logits_to_keep=torch.arange(end - targets, end, device=device)).logits
        return cross_entropy(logits.flatten(0, 1), labels[:, -targets:].flatten())

    def step(self, rows: list[Row]) -> None:
        """One step."""
        self.loss(rows).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, SETTINGS.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()


def sft_seconds(model: nn.Module, rows: list[Row], folder: Path) -> tuple[float, float]:
    """Seconds of one step of TRL's SFTTrainer, its loss on the completion only."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    quick = {"gradient_checkpointing": False, "bf16": False}  # its defaults, of which the first computes all twice
    whole = {"max_length": None, "dataset_kwargs": {"skip_prepare_dataset": True}, "remove_unused_columns": False}
    arguments = SFTConfig(**trainer_options(rows, folder), **quick, **whole)
    data = Dataset.from_dict({"input_ids": [row.context + row.target for row in rows]})
    given = {"train_dataset": data, "data_collator": lambda _: padded(rows), "processing_class": tokenizer()}
    return trainer_seconds(lambda clock: SFTTrainer(model, arguments, callbacks=[clock], **given))


def tokenizer() -> PreTrainedTokenizerFast:
    """One that pads and has nothing to write: the rows are ids already."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel({"<pad>": 0, "<eos>": 1}, "<pad>")), pad_token="<pad>", eos_token="<eos>"
    )


def steps_of(
    contestants: list[str], method: str, name: str, size: int, rows: list[Row], folder: Path
) -> dict[str, Callable[[], tuple[float, float]]]:
    """Of each contestant a function that takes a step and gives its seconds; the peers share one model."""
    theirs, base = models(name, frozen=not METHODS[method].trains_weights)
    steps = {}
    if set(contestants) - {OURS}:
        peer = wrapped(method, theirs, models(name, frozen=False)[1] if method == "ia3" else base, size)
        loops = {key: Loop(method, peer, size, key == "at targets") for key in ("loop", "at targets")}
        steps = {key: lambda loop=loop: seconds(lambda: loop.step(rows)) for key, loop in loops.items()}
        steps["Trainer"] = lambda: transformers_seconds(peer, rows, folder)
        steps["SFTTrainer"] = lambda: sft_seconds(peer, rows, folder)
    if OURS in contestants:
        step = softshot(method, base, size, rows)
        steps[OURS] = lambda: seconds(step)
    return {key: steps[key] for key in contestants}


def measure(name: str, method: str, size: int, length: int, args: argparse.Namespace) -> dict:
    """Times of one model, method and length of rows, all contestants in turn."""
    vocabulary = models(name)[1].config.vocab_size
    rows = rows_of(args.rows, length, args.target, vocabulary, seed=0)
    contestants = [OURS, *args.peers]
    steps = steps_of(contestants, method, name, size, rows, args.out / "trainer")
    times, rates = {key: [] for key in contestants}, []
    steps[OURS]()  # the first is a warm-up
    for _ in range(args.repeats):
        for key, step in steps.items():
            times[key].append(step())
        rates.append(matrix_rate())
    processor = {key: spread([value[0] for value in values]) for key, values in times.items()}
    own = processor[OURS]["median"]
    result = {
        "model": label(name),
        "method": method,
        "size": size,
        "rows": args.rows,
        "row_length": length,
        "targets": args.target,
        "processor_seconds": processor,
        "wall_seconds": {key: spread([value[1] for value in values]) for key, values in times.items()},
        "ratios": {key: value["median"] / own for key, value in processor.items()},
        "matrix_gflops": spread(rates)["median"] / 1e9,
    }
    if args.memory:
        result["peak_mb"] = {key: peak(key, name, method, size, length, args) for key in contestants}
    print(json.dumps(result), file=sys.stderr, flush=True)
    return result


def peak(contestant: str, name: str, method: str, size: int, length: int, args: argparse.Namespace) -> float:
    """MB at most of a process that loads the model and takes two steps."""
    own = ["--models", name, "--methods", method, "--sizes", str(size), "--lengths", str(length)]
    rows = ["--rows", str(args.rows), "--target", str(args.target), "--out", str(args.out)]
    command = [sys.executable, __file__, "--alone", contestant, *own, *rows]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def two_steps(args: argparse.Namespace) -> None:
    """Print the MB of `peak`: what this process has at most from when the model is there."""
    (name,), (method,), (size,), (length,) = args.models, args.methods, args.sizes, args.lengths
    theirs, base = models(name)
    rows = rows_of(args.rows, length, args.target, base.config.vocab_size, seed=0)
    del theirs, base
    step = steps_of([args.alone], method, name, size, rows, args.out / "trainer")[args.alone]
    Path("/proc/self/clear_refs").write_text("5")  # the greatest of before is forgotten
    step()
    step()
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def table(results: list[dict], contestants: list[str]) -> str:
    """Seconds, ratios and memory in Markdown."""
    peers = contestants[1:]
    head = [
        "model",
        "row",
        "method",
        "size",
        *(f"{key} s" for key in contestants),
        *(f"ratio to {key}" for key in peers),
    ]
    memory = any("peak_mb" in r for r in results)
    head += [f"{key} MB" for key in contestants] if memory else []
    rows = []
    for r in results:
        times = [r["processor_seconds"][key] for key in contestants]
        shown = [f"{t['median']:.2f} ({t['least']:.2f}-{t['greatest']:.2f})" for t in times]
        line = [r["model"], str(r["row_length"]), r["method"], str(r["size"] or ""), *shown]
        line += [f"{r['ratios'][key]:.2f}" for key in peers]
        line += [f"{r['peak_mb'][key]:,.0f}" if "peak_mb" in r else "" for key in contestants] if memory else []
        rows.append(line)
    return markdown(head, rows)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True, help="folders of models; gpt2, opt, bloom are random")
    parser.add_argument("--methods", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--sizes", nargs="+", type=int, help="in place of each method's own: rank or positions")
    parser.add_argument("--rows", type=int, default=16, help="rows of a batch")
    parser.add_argument("--lengths", nargs="+", type=int, default=[60], help="tokens of a row")
    parser.add_argument("--target", type=int, default=20, help="target tokens of a row")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--memory", action="store_true", help="the greatest memory too, of a process a contestant")
    parser.add_argument("--alone", choices=[OURS, *PEERS], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, required=True, help="folder for methods.json and methods.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.alone:
        return two_steps(args)
    if MISSING and "SFTTrainer" in args.peers:
        args.peers.remove("SFTTrainer")
        print(f"without SFTTrainer: {MISSING}", file=sys.stderr)
    args.out.mkdir(parents=True, exist_ok=True)
    results = [
        measure(name, method, size, length, args)
        for name in args.models
        for length in args.lengths
        for method in args.methods
        for size in args.sizes or CASES[method]
    ]
    report = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__, "threads": 1}
    report |= {"repeats": args.repeats, "results": results}
    (args.out / "methods.json").write_text(json.dumps(report, indent=2) + "\n")
    (args.out / "methods.md").write_text(table(results, [OURS, *args.peers]))
    print(table(results, [OURS, *args.peers]))
    return None


if __name__ == "__main__":
    main()
