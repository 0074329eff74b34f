"""Decoding side by side: softshot, peft's `generate`, and transformers' `generate` with the prompt as `inputs_embeds`.

python tests/benchmarks/decoding.py --model MODEL --prompt RUN --out FOLDER [--data DATA] [--records N] [--repeats N]

Real MTOP records, one demonstration each, a tuned prompt (RUN: the folder of an IPT run), greedy, one thread, the
contestants in turn, `--repeats` times. The peers get the rows sorted by length and the same stop tokens. What is
compared is the processor's time, which does not count other programs; on an idle machine it is the time that passes.
"""

import argparse
import functools
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow"))
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

import torch  # noqa: E402
from peft import PeftModel  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

from softshot.engine import base as engine_base  # noqa: E402
from softshot.engine.base import Base  # noqa: E402
from softshot.engine.decoding import continuations, kv_cache_mb  # noqa: E402
from softshot.engine.layout import Layout, Row, RowSettings  # noqa: E402
from softshot.engine.prefix import Prefix  # noqa: E402
from softshot.engine.stops import Stops  # noqa: E402
from softshot.files import write_json, write_text  # noqa: E402
from softshot.methods import prompt_tuning  # noqa: E402
from softshot.provenance import provenance  # noqa: E402
from softshot.settings import EngineSettings, GenerationSettings  # noqa: E402
from softshot.task import TemplateSettings  # noqa: E402

SETTINGS = GenerationSettings(max_new_tokens=64)
BATCHES = (16, 64)
BEAM_RECORDS, BEAMS = 8, SETTINGS.model_copy(update={"beams": 3})  # that beam search gives the same texts too
TRAINING = 2000  # training records among which a demonstration is looked for
Texts = list[list[int]]


def main() -> None:
    """Measure, compare, write `decoding.json` and `decoding.md`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--prompt", type=Path, required=True, help="folder of a tuned prompt")
    parser.add_argument("--data", type=Path, default=ROOT / "tests/data", help="folder of mtop/, as published")
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    base = engine_base.load(args.model, "float32")
    prompt = prompt_tuning.load(base, args.prompt).embeddings
    rows = sorted(real_rows(base, args.data / "mtop/mtop/en", args.records), key=len, reverse=True)
    # The peers get the model as transformers makes it, without softshot's kernels.
    stock = Base(AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval(), base.tokenizer)
    wrapped = PeftModel.from_pretrained(stock.model, args.prompt).eval()
    runs = {
        "softshot": lambda n: softshot(base, prompt, rows, n),
        "peft generate": lambda n: peft_generate(stock, wrapped, rows, n),
        "transformers generate": lambda n: transformers_generate(stock, prompt, rows, n),
    }

    rate, bandwidth = matrix_rate(), memory_bandwidth()
    alone, reference = timed(lambda: transformers_generate(stock, prompt, rows, 1))
    results = [result("transformers generate, one row at a time", [alone], len(rows), len(rows))]
    results += interleaved(runs, reference, args.repeats)
    chosen = rows[:: -(-len(rows) // BEAM_RECORDS)]  # of all lengths
    beams = [softshot(base, prompt, chosen, n, BEAMS) for n in (1, len(chosen))]

    best_peer = min(one["seconds"] for one in results if not one["name"].startswith("softshot"))
    for one in results:
        one["against_best_peer"] = best_peer / one["seconds"]
    report = provenance() | {
        "records": len(rows),
        "input_tokens": sum(map(len, rows)),
        "output_tokens": sum(map(len, reference)),
        "output_lengths": [f(map(len, reference)) for f in (min, max)],
        "soft_tokens": len(prompt),
        "repeats": args.repeats,
        "beam_search": {"records": len(chosen), "equal": sum(a == b for a, b in zip(*beams, strict=True))},
        "kv_cache_mb": {n: kv_cache_mb(base, Prefix(embeddings=prompt), rows, SETTINGS, n) for n in BATCHES},
        "limit": [limit(stock, rows, reference, n, rate, bandwidth) for n in BATCHES],
        "results": results,
    }
    write_json(args.out / "decoding.json", report)
    write_text(args.out / "decoding.md", table(report))
    print(table(report))


def interleaved(runs: dict[str, Callable[[int], Texts]], reference: Texts, repeats: int) -> list[dict]:
    """Every way of decoding at every batch size, in turns; `reference` are the texts of one row at a time."""
    times, equal = {}, {}
    for _ in range(repeats):
        for run, n in itertools.product(runs, BATCHES):
            name = f"{run}, batch {n}"
            seconds, texts = timed(lambda run=run, n=n: runs[run](n))
            times.setdefault(name, []).append(seconds)
            equal[name] = sum(a == b for a, b in zip(texts, reference, strict=True))
            print(f"{name}: {seconds:.1f} s, {equal[name]} texts equal", file=sys.stderr, flush=True)
    return [result(name, seconds, equal[name], len(reference)) for name, seconds in times.items()]


def result(name: str, seconds: list[float], equal: int, records: int) -> dict:
    """One line of the table."""
    median = statistics.median(seconds)
    spread = {"seconds": median, "fastest": min(seconds), "slowest": max(seconds)}
    return {"name": name, **spread, "records_per_second": records / median, "equal": equal}


def real_rows(base: Base, folder: Path, count: int) -> list[Row]:
    """Test records, each with the training record whose words are most like its own."""
    train, test = ([columns(line) for line in lines(folder / f"{name}.txt")] for name in ("train", "test"))
    train = train[:TRAINING]
    bags = [set(record["input"].lower().split()) for record in train]
    layout = Layout(base, RowSettings(engine=EngineSettings(context=400)))
    rows = []
    for record in test[:count]:
        words = set(record["input"].lower().split())
        nearest = max(range(len(train)), key=lambda i: len(words & bags[i]) / len(words | bags[i]))
        rows.append(layout.generation_row(record, [train[nearest]], SETTINGS.max_new_tokens))
    return rows


def lines(path: Path) -> list[str]:
    """The lines of an official file."""
    return path.read_text(encoding="utf-8").splitlines()


def columns(line: str) -> dict[str, str]:
    """What a row is made of, from one line of an official file."""
    values = line.split("\t")
    return {"id": values[0], "input": " ".join(values[3].split()), "target": " ".join(values[6].split())}


@functools.cache
def stops(base: Base) -> Stops:
    """The ends of an output, the same for all."""
    return Stops.of(base, TemplateSettings().separator)


def softshot(base: Base, prompt: torch.Tensor, rows: list[Row], batch_size: int, settings=SETTINGS) -> Texts:
    """Token ids that softshot gives."""
    prefix = Prefix(embeddings=prompt)
    found = {row.id: ids for row, ids in continuations(base, prefix, rows, settings, stops(base), batch_size)}
    return [found[row.id] for row in rows]


def padded(base: Base, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, padded on the left: [B, L] each."""
    length = max(map(len, rows))
    ids = torch.tensor([[stops(base).ids[0]] * (length - len(row)) + row.context for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    return ids, mask


def generated(base: Base, ids: torch.Tensor) -> Texts:
    """New tokens of every row, up to and with its stop token: `generate` fills the rest of a row."""
    texts = []
    for row in ids.tolist():
        end = next((i for i, token in enumerate(row) if token in stops(base).ids), len(row) - 1)
        texts.append(row[: end + 1])
    return texts


def options(base: Base) -> dict:
    """The same decoding for the peers."""
    ids = stops(base).ids
    return {"max_new_tokens": SETTINGS.max_new_tokens, "do_sample": False, "eos_token_id": ids, "pad_token_id": ids[0]}


def peft_generate(base: Base, wrapped: PeftModel, rows: list[Row], batch_size: int) -> Texts:
    """Token ids that peft's `generate` gives."""
    texts = []
    for start in range(0, len(rows), batch_size):
        ids, mask = padded(base, rows[start : start + batch_size])
        out = wrapped.generate(input_ids=ids, attention_mask=mask, **options(base))
        texts += generated(base, out[:, ids.shape[1] :])
    return texts


@torch.inference_mode()
def transformers_generate(base: Base, prompt: torch.Tensor, rows: list[Row], batch_size: int) -> Texts:
    """Token ids that transformers' `generate` gives for `[padding][prompt][text]`; it counts positions by the mask."""
    texts, embed = [], base.model.get_input_embeddings()
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        length = max(map(len, batch))
        embeddings = torch.zeros(len(batch), length + len(prompt), prompt.shape[1])
        mask = torch.zeros(len(batch), length + len(prompt), dtype=torch.long)
        for i, row in enumerate(batch):
            embeddings[i, length - len(row) :] = torch.cat([prompt, embed(torch.tensor(row.context))])
            mask[i, length - len(row) :] = 1
        texts += generated(base, base.model.generate(inputs_embeds=embeddings, attention_mask=mask, **options(base)))
    return texts


def timed(run: Callable[[], Texts]) -> tuple[float, Texts]:
    """The processor's seconds, and what was computed."""
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def best_of(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of several runs."""
    return min(timed(work)[0] for _ in range(times))


def matrix_rate() -> float:
    """Floating-point operations a second of a large matrix product."""
    size = 2048
    a, b = torch.randn(2, size, size)
    return 2 * size**3 / best_of(lambda: a @ b)


def memory_bandwidth() -> float:
    """Bytes a second of reading a large tensor."""
    big = torch.ones(2**27)
    return big.nbytes / best_of(big.sum)


def limit(base: Base, rows: list[Row], texts: Texts, batch_size: int, rate: float, bandwidth: float) -> dict:
    """Seconds that the machine needs at the least: no attention, no overhead, no padding, every batch full.

    Reading the prompt and rows is bound by the matrix rate; a token step by the slower of that rate and of reading
    all weights once per step.
    """
    head = base.model.get_output_embeddings().weight
    embedding = base.model.get_input_embeddings().weight
    blocks = sum(p.numel() for p in base.model.parameters()) - embedding.numel()
    blocks -= 0 if head is embedding else head.numel()
    tokens = sum(len(text) - 1 for text in texts)  # the last token of a text is never fed
    prefill = (2 * blocks * sum(map(len, rows)) + 2 * head.numel() * len(rows)) / rate
    compute = 2 * (blocks + head.numel()) * tokens / rate
    read = (blocks + head.numel()) * 4 * tokens / min(batch_size, len(rows)) / bandwidth
    return {
        "batch_size": batch_size,
        "matrix_gflops": rate / 1e9,
        "bandwidth_gb": bandwidth / 1e9,
        "prefill_seconds": prefill,
        "steps_compute_seconds": compute,
        "steps_read_seconds": read,
        "seconds": prefill + max(compute, read),
    }


def table(report: dict) -> str:
    """The report as Markdown."""
    low, high = report["output_lengths"]
    text = [
        f"{report['records']} MTOP records, {report['input_tokens']} input tokens with one demonstration each,"
        f" {report['soft_tokens']} soft tokens, {report['output_tokens']} output tokens ({low} to {high} a record);"
        f" greedy, float32, {report['threads']} thread; median of {report['repeats']}, processor seconds.\n",
        "| | seconds | fastest to slowest | records/s | times the best peer | texts equal to one row at a time |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for r in report["results"]:
        text.append(
            f"| {r['name']} | {r['seconds']:.1f} | {r['fastest']:.1f} to {r['slowest']:.1f} |"
            f" {r['records_per_second']:.2f} | {r['against_best_peer']:.2f} | {r['equal']} of {report['records']} |"
        )
    for l in report["limit"]:  # noqa: E741
        text.append(
            f"\nLimit of this machine at batch {l['batch_size']}: {l['seconds']:.1f} s ({l['prefill_seconds']:.1f} s to"
            f" read the rows at {l['matrix_gflops']:.0f} GFLOP/s, then the slower of {l['steps_compute_seconds']:.1f} s"
            f" at that rate and {l['steps_read_seconds']:.1f} s to read the weights at {l['bandwidth_gb']:.1f} GB/s)."
        )
    found = report["beam_search"]
    text.append(
        "\nsoftshot's keys and values: "
        + ", ".join(f"{v:.0f} MB at batch {n}" for n, v in report["kv_cache_mb"].items())
        + f". With three beams {found['equal']} of {found['records']} texts are the same alone and together."
    )
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    main()
