"""softshot's tuning step beside peft's, on the same model, rows and optimiser, in turn, in one process and one thread.

    python tests/benchmarks/tuning.py --models resources/models/smollm2-135m gpt2 opt bloom \
        --tokens 1 5 25 100 150 --repeats 3 --out results/benchmarks

Peers: peft's prompt tuning in a plain loop, and in the transformers Trainer. Times are the processor's,
because other programs on the machine change them least; the wall's are in the JSON file beside them.
`needed` is the time that the step's arithmetic takes at the rate of a large matrix product measured in
the same run; utilisation is needed / taken.
"""

import argparse
import itertools
import json
import os
import platform
import random
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow"))

import torch
from common import RANDOM, label, matrix_rate, models, seconds, spread
from decoding import columns, lines
from peft import PromptTuningConfig, get_peft_model
from tables import markdown
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, TrainerCallback, TrainingArguments
from transformers import Trainer as TransformersTrainer

from softshot.engine import kernels
from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.prefix import Prefix
from softshot.methods.prompt_tuning import SoftPrompt
from softshot.methods.registry import PromptTuning
from softshot.settings import TuningSettings
from softshot.tuning.train import Trainer

EXCERPTS = Path(__file__).resolve().parents[1] / "data"
SETTINGS = TuningSettings(warmup=0.0, schedule="constant", clip=1.0, steps=10**6)
RATE = 0.01  # of learning


def rows_of(count: int, length: int, target: int, vocabulary: int, seed: int) -> list[Row]:
    """Random rows of `length` tokens, the last `target` of them to be learnt."""
    draw = random.Random(seed)
    ids = [[draw.randrange(5, vocabulary) for _ in range(length)] for _ in range(count)]
    return [Row(str(i), row[:-target], row[-target:]) for i, row in enumerate(ids)]


def padded(rows: list[Row]) -> dict[str, torch.Tensor]:
    """The batch as peft and the Trainer take it: padded on the right, the loss on the target only."""
    length = max(map(len, rows))
    ids, mask = torch.zeros(len(rows), length, dtype=torch.long), torch.zeros(len(rows), length, dtype=torch.long)
    labels = torch.full((len(rows), length), -100)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row.context + row.target)
        mask[i, : len(row)] = 1
        labels[i, len(row.context) : len(row)] = torch.tensor(row.target)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


class PlainLoop:
    """peft's prompt tuning in the loop of its own documentation."""

    def __init__(self, model: torch.nn.Module, initial: torch.Tensor):
        """`initial`: [T, H]."""
        config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=len(initial), prompt_tuning_init="RANDOM")
        self.model = get_peft_model(model, config).eval()  # without dropout, as softshot
        self.prompt = self.model.prompt_encoder.to(initial.dtype)["default"].embedding.weight
        self.prompt.data.copy_(initial)
        self.optimizer = torch.optim.AdamW([self.prompt], lr=RATE, weight_decay=0.0)

    def loss(self, rows: list[Row]) -> torch.Tensor:
        """Mean over the target tokens."""
        return self.model(**padded(rows)).loss

    def gradient(self, rows: list[Row]) -> torch.Tensor:
        """Of the first loss: [T, H]."""
        self.loss(rows).backward()
        return self.prompt.grad

    def step(self, rows: list[Row]) -> float:
        """One step; the loss before it."""
        loss = self.loss(rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([self.prompt], SETTINGS.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


class ExactLoop(PlainLoop):
    """The same in float64, where transformers goes through float32: in its loss, and in Llama's norms."""

    def __init__(self, model: torch.nn.Module, initial: torch.Tensor):
        """`initial`: [T, H]."""
        kernels.install(model)
        super().__init__(model, initial)

    def loss(self, rows: list[Row]) -> torch.Tensor:
        """Mean over the target tokens."""
        batch = padded(rows)
        labels = batch.pop("labels")  # [B, L]
        logits = self.model(**batch).logits[:, -labels.shape[1] :]  # [B, L, V], behind the prompt
        return cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


class StepClock(TrainerCallback):
    """Times the Trainer's step and not its start and end."""

    def on_step_begin(self, *_, **__):
        """Start both clocks."""
        self.began = os.times(), 0
        self.times = []

    def on_step_end(self, *_, **__):
        """Stop them."""
        now, (began, _) = os.times(), self.began
        self.times = [now.user + now.system - began.user - began.system, now.elapsed - began.elapsed]


def trainer_options(rows: list[Row], folder: Path) -> dict:
    """What transformers' Trainer, and TRL's, are told: one step, and nothing beside it."""
    return {
        "output_dir": str(folder),
        "max_steps": 1,
        "per_device_train_batch_size": len(rows),
        "learning_rate": RATE,
        "report_to": [],
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
    }


def trainer_seconds(make: Callable[[StepClock], TransformersTrainer]) -> tuple[float, float]:
    """Seconds, on the processor and on the wall, of one step of the Trainer that `make` makes around a clock."""
    clock = StepClock()
    make(clock).train()
    return tuple(clock.times)


def transformers_seconds(model: torch.nn.Module, rows: list[Row], folder: Path) -> tuple[float, float]:
    """The same of transformers' own."""
    batch = padded(rows)
    data = [{key: value[i] for key, value in batch.items()} for i in range(len(rows))]
    arguments = TrainingArguments(**trainer_options(rows, folder))
    return trainer_seconds(
        lambda clock: TransformersTrainer(model=model, args=arguments, train_dataset=data, callbacks=[clock])
    )


def softshot(base: Base, initial: torch.Tensor, dtype: torch.dtype = torch.float32) -> Trainer:
    """softshot's trainer from the same initial prompt."""
    adapter = SoftPrompt(base, initial, PromptTuning()).to(dtype)
    return Trainer(base, adapter, SETTINGS, RATE, [], [Row("0", [5], [6])], seed=0)


def needed(base: Base, tokens: int, rows: list[Row]) -> float:
    """Floating-point operations of a step that computes nothing twice and nothing that is not used.

    Two per weight and token forward, two back to the activations (the weights are frozen); the head and the last
    layer's feed-forward part at target positions; attention at the positions that it may see.
    """
    config, body, head = base.model.config, base.model.base_model, base.model.get_output_embeddings().weight
    embeddings = {id(m.weight) for m in body.modules() if isinstance(m, torch.nn.Embedding)}
    weights = sum(p.numel() for p in body.parameters() if p.dim() == 2 and id(p) not in embeddings)
    lengths = [len(row) - 1 for row in rows]
    pairs = tokens * (tokens + 1) // 2 + sum(n * tokens + n * (n + 1) // 2 for n in lengths)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = 12 * pairs * config.num_attention_heads * head_dim * config.num_hidden_layers
    targets = sum(len(row.target) for row in rows)
    parts = set(base.findings.feed_forward)
    last = sum(p.numel() for name in parts for p in body.get_submodule(name).parameters() if p.dim() == 2)
    positions = tokens + sum(lengths)
    return 4 * ((weights - last) * positions + (last + head.numel()) * targets) + attention


def measure(name: str, theirs: torch.nn.Module, base: Base, tokens: int, rows: list[Row], args) -> dict:
    """Times of one model, one prompt length and one length of rows, the three in turn."""
    initial = torch.randn(tokens, base.embedding_size, generator=torch.Generator().manual_seed(1)) * 0.02
    ours, loop = softshot(base, initial), PlainLoop(theirs, initial)
    times: dict[str, list] = {"softshot": [], "peft loop": [], "peft Trainer": []}
    rates = []
    for repeat in range(args.repeats + 1):  # the first is a warm-up, of softshot's step only
        taken = {"softshot": seconds(lambda: ours.step([rows]))}
        if repeat:
            taken["peft loop"] = seconds(lambda: loop.step(rows))
            if "trainer" in args.peers:
                taken["peft Trainer"] = transformers_seconds(loop.model, rows, args.out / "trainer")
            for key, value in taken.items():
                times[key].append(value)
            rates.append(matrix_rate())
    rate, flops = spread(rates), needed(base, tokens, rows)
    processor = {key: spread([value[0] for value in values]) for key, values in times.items() if values}
    best = min(value["median"] for key, value in processor.items() if key != "softshot")
    result = {
        "model": label(name),
        "tokens": tokens,
        "rows": len(rows),
        "row_length": len(rows[0]),
        "targets": len(rows[0].target),
        "processor_seconds": processor,
        "wall_seconds": {key: spread([value[1] for value in values]) for key, values in times.items() if values},
        "gflop_needed": flops / 1e9,
        "matrix_gflops": {key: value / 1e9 for key, value in rate.items()},
        "ratio": best / processor["softshot"]["median"],
        "utilisation": flops / rate["median"] / processor["softshot"]["median"],
    }
    print(json.dumps(result), file=sys.stderr, flush=True)
    return result


def equality(name: str, tokens: int, batches: list[list[Row]]) -> dict:
    """softshot and peft's plain loop from one initial prompt over the same batches, in float64: how far apart they end.

    As a measure of what float32 makes of the same, the error of either's first gradient there.
    """
    theirs, base = models(name, torch.float64)
    initial = torch.randn(tokens, base.embedding_size, generator=torch.Generator().manual_seed(1)) * 0.02
    loop, ours = ExactLoop(theirs, initial.double()), softshot(base, initial, torch.float64)
    exact = ExactLoop(theirs, initial.double()).gradient(batches[0]).clone()
    expected = [loop.step(rows) for rows in batches]
    for rows in batches:
        ours.step([rows])
    losses = [line["loss"] for line in ours.progress.history]
    theirs_single, base_single = models(name)
    leaf = initial.clone().requires_grad_()
    target_losses(base_single, Prefix(embeddings=leaf), batches[0]).mean().backward()
    single = PlainLoop(theirs_single, initial).gradient(batches[0])
    return {
        "model": label(name),
        "tokens": tokens,
        "steps": len(batches),
        "first_and_last_loss": [expected[0], expected[-1]],
        "largest_prompt_change": apart(loop.prompt, initial),
        "loss_difference": apart(losses, expected),
        "prompt_difference": apart(ours.adapter(), loop.prompt),
        "float32_gradient_error": float((leaf.grad - exact).norm() / exact.norm()),
        "float32_gradient_error_of_peft": float((single - exact).norm() / exact.norm()),
    }


def task_rows(folder: Path, model: str, count: int) -> list[Row]:
    """The first training records of MTOP in one layout, as tokens of a model; over again where there are fewer."""
    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
    records = map(columns, itertools.islice(itertools.cycle(lines(folder / "mtop/mtop/en/train.txt")), count))
    texts = [(record["id"], f"input: {record['input']}\noutput:", f" {record['target']}\n") for record in records]
    return [Row(name, *(tokenizer(text)["input_ids"] for text in parts)) for name, *parts in texts]


def apart(found: torch.Tensor | list[float], expected: torch.Tensor | list[float]) -> float:
    """The largest difference of two numbers."""
    found, expected = (torch.as_tensor(x, dtype=torch.float64).detach() for x in (found, expected))
    return float((found - expected).abs().max())


def table(results: list[dict]) -> str:
    """The measurements in Markdown."""
    head = ["model", "row", "T", "softshot s", "peft loop s", "peft Trainer s", "ratio", "needed s", "utilisation"]
    rows = []
    for r in results:
        times = [r["processor_seconds"].get(key) for key in ("softshot", "peft loop", "peft Trainer")]
        shown = [f"{t['median']:.2f} ({t['least']:.2f}-{t['greatest']:.2f})" if t else "" for t in times]
        limit = r["gflop_needed"] / r["matrix_gflops"]["median"]
        first = [r["model"], str(r["row_length"]), str(r["tokens"])]
        rows.append([*first, *shown, f"{r['ratio']:.2f}", f"{limit:.2f}", f"{r['utilisation']:.2f}"])
    return markdown(head, rows)


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True, help="folders of models; gpt2, opt, bloom are random")
    parser.add_argument("--tokens", nargs="*", type=int, default=[1, 5, 25, 100, 150], help="lengths of the prompt")
    parser.add_argument("--rows", type=int, default=16, help="rows of a batch")
    parser.add_argument("--lengths", nargs="+", type=int, default=[60], help="tokens of a row; IPT's are longer")
    parser.add_argument("--target", type=int, default=20, help="target tokens of a row")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", nargs="+", default=["loop", "trainer"], choices=["loop", "trainer"])
    parser.add_argument("--equality", type=int, default=0, help="steps after which prompts and losses are compared")
    parser.add_argument("--data", type=Path, default=EXCERPTS, help="folder of mtop/, as published, for --equality")
    parser.add_argument("--out", type=Path, required=True, help="folder for tuning.json and tuning.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    results, equal = [], []
    for name in args.models:
        theirs, base = models(name)
        vocabulary = base.model.config.vocab_size
        for length in args.lengths:
            rows = rows_of(args.rows, length, args.target, vocabulary, seed=0)
            results += [measure(name, theirs, base, tokens, rows, args) for tokens in args.tokens]
        if args.equality:
            count = 4 * args.equality
            if name in RANDOM:
                rows = [row for n in range(count) for row in rows_of(1, 12 + n % 40, 5, vocabulary, seed=n)]
            else:
                rows = task_rows(args.data, name, count)
            equal.append(equality(name, 5, [rows[n : n + 4] for n in range(0, count, 4)]))
            print(json.dumps(equal[-1]), file=sys.stderr, flush=True)
    report = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__, "threads": 1}
    report |= {"repeats": args.repeats, "results": results, "equality": equal}
    (args.out / "tuning.json").write_text(json.dumps(report, indent=2) + "\n")
    (args.out / "tuning.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
