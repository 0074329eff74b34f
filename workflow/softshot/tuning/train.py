"""The training loop: any adapter over a model, with validation, the best state so far, and a state to continue from.

It knows no method: what is trained is an `Adapter` (methods/base.py).
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor
from tqdm import tqdm

from softshot.engine import memory
from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.loss import target_logits
from softshot.engine.passes import Passes
from softshot.engine.prefix import Prefix
from softshot.errors import UserError
from softshot.methods.base import Adapter
from softshot.settings import TuningSettings
from softshot.tuning.batches import batches
from softshot.tuning.objective import Objective
from softshot.tuning.optimiser import optimiser
from softshot.tuning.schedule import learning_rate

SEEDS = 1_000_003  # between the generators of two steps: more than there are seeds
DIVERGED_STEPS = 50  # steps in a row with a loss far above the first
SAVE_SHARE = 20  # a state is saved at most every so many times what saving it takes


class Diverged(UserError):
    """The loss or the gradient is no number, or the loss has stayed far above the first."""


@dataclass
class Progress:
    """Where a run stands, besides the parameters and the optimiser's moments."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)  # the adapter's, by its validation loss, or the last
    without_best: int = 0  # validation losses since the best
    final: bool = False  # the best is one that the run may end with (`Adapter.final`)
    far_above: int = 0  # steps in a row with a loss far above the first
    max_tokens: int | None = None  # most tokens of a forward pass: as asked, or as memory has shown
    stopped_early: bool = False
    step_seconds: float = 0.0
    validation_seconds: float = 0.0
    trained: dict[str, int] = field(default_factory=lambda: asdict(Passes()))  # what the steps read
    validated: dict[str, int] = field(default_factory=lambda: asdict(Passes()))  # and the validations
    history: list[dict] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of steps and validations together."""
        return self.step_seconds + self.validation_seconds


class Trainer:
    """One adapter, its optimiser and its progress. `state()` and `resume()` make it continuable."""

    def __init__(
        self,
        base: Base,
        adapter: Adapter,
        settings: TuningSettings,
        peak_rate: float,
        training: Sequence[Row],
        validation: Sequence[Row],
        seed: int,
        max_tokens: int | None = None,
    ):
        """`peak_rate`: the learning rate after the warm-up. `max_tokens`: most tokens of a forward pass, prefix and
        rows; larger batches are split and accumulated."""
        self.base, self.adapter, self.settings, self.peak_rate = base, adapter, settings, peak_rate
        self.training, self.validation, self.seed = training, validation, seed
        self.objective = Objective(settings.loss)
        self.optimizer = optimiser(settings, adapter.parameters(), peak_rate)
        self.progress = Progress(max_tokens=max_tokens)
        self.first_logits = self.shortest_logits()
        self.remedy = f"lower the learning rate of the method (now {peak_rate})."

    def run(self, interrupted: Callable[[], bool], save: Callable[[], None], save_every: float) -> bool:
        """Train to the last step or to an early stop; False where `interrupted` asked to end before.

        `save` is called every `save_every` seconds, on an interruption, and with the last good state before
        `Diverged` is raised.
        """
        order = batches(self.training, self.settings.batch_size, self.seed)
        for _ in range(self.progress.step * self.settings.accumulation):
            next(order)  # a continued run sees the rows that it has not seen
        saved = time.monotonic()
        bar = tqdm(total=self.settings.steps, initial=self.progress.step, unit="step", disable=None)
        if not self.progress.history:
            self.validate()
        while self.progress.step < self.settings.steps and not self.progress.stopped_early:
            if interrupted():
                save()
                return False
            try:
                self.step([next(order) for _ in range(self.settings.accumulation)])
            except Diverged:
                save()
                raise
            bar.update()
            if self.progress.step % self.settings.validate_every == 0 or self.progress.step == self.settings.steps:
                self.validate()
                bar.set_postfix(validation_loss=f"{self.progress.history[-1]['validation_loss']:.3f}")
            if time.monotonic() - saved >= save_every:
                began = time.monotonic()
                save()
                saved = time.monotonic()
                save_every = max(save_every, SAVE_SHARE * (saved - began))
        bar.close()
        return True

    def step(self, parts: list[list[Row]]) -> None:
        """One optimiser step on the mean loss per target token over all `parts` (accumulation)."""
        began = time.monotonic()
        rate = learning_rate(self.progress.step, self.settings, self.peak_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        total, count = self.gradients(parts)
        norm = torch.nn.utils.clip_grad_norm_(self.adapter.parameters(), self.settings.clip)
        loss, norm = torch.stack([total / count, norm]).tolist()  # the step's only wait for the device
        self.check(loss, norm)
        self.optimizer.step()
        self.adapter.after_step(self.progress.step + 1, self.settings.steps)
        self.optimizer.zero_grad()
        seconds = time.monotonic() - began
        self.progress.step += 1
        self.progress.step_seconds += seconds
        tokens = sum(len(row) for part in parts for row in part)
        self.progress.history.append(
            {
                "step": self.progress.step,
                "loss": loss,
                "learning_rate": rate,
                "gradient_norm": norm,
                "tokens": tokens,
                "target_tokens": sum(len(row.target) for part in parts for row in part),
                "tokens_per_second": tokens / seconds,
            }
        )

    def gradients(self, parts: list[list[Row]]) -> tuple[Tensor, int]:
        """Give every parameter its gradient of the mean loss; the sum of the losses, and their number.

        Where a pass runs out of memory it may have added to some gradients already: all are zeroed, and the step is
        done again with smaller passes.
        """
        result = None
        while result is None:
            self.optimizer.zero_grad()
            self.adapter.train()
            self.adapter.prepare()
            prefix = self.adapter.prefix()
            # The passes' gradients meet at the prefix, so that an encoder before it runs back once.
            leaves = prefix and prefix.map(lambda tensor: tensor.detach().requires_grad_())
            seed = self.seed + SEEDS * self.progress.step
            torch.manual_seed(seed)  # dropout's
            generator = torch.Generator().manual_seed(seed)
            seen = [(rows, self.adapter.visible(rows, generator)) for rows in parts]
            result = self.passes(leaves, seen, lambda loss: loss.backward())
        _, count = result
        self.count(self.progress.trained, leaves, parts)
        self.adapter.gather(count)
        if prefix is not None:
            torch.autograd.backward(prefix.tensors, [leaf.grad / count for leaf in leaves.tensors])
        if (penalty := self.adapter.penalty()) is not None:
            penalty.backward()
        return result

    def passes(
        self,
        prefix: Prefix | None,
        batches: list[tuple[list[Row], Tensor | None]],
        backward: Callable[[Tensor], None] | None = None,
    ) -> tuple[Tensor, int] | None:
        """Sum of the losses over all target tokens, and their number; None where memory ran out, which is noted.

        Of an objective of several parts it is their means' sum, times what the first is a mean over.
        `batches`: rows, and the positions of the prefix that each sees ([B, T], None for all). What is too large for
        `max_tokens` is split. The sum is the same, so the result is, up to rounding.
        """
        total, waiting = torch.zeros((), device=self.base.device), list(batches)
        counts = self.objective.counts([row for rows, _ in batches for row in rows])
        weights = torch.tensor([counts[0] / count for count in counts], device=self.base.device)
        while waiting:
            rows, visible = waiting.pop(0)
            tokens = (0 if prefix is None else len(prefix)) + sum(map(self.objective.positions, rows))
            if len(rows) > 1 and self.progress.max_tokens and tokens > self.progress.max_tokens:
                halves = slice(len(rows) // 2), slice(len(rows) // 2, None)
                waiting[:0] = [(rows[half], None if visible is None else visible[half]) for half in halves]
                continue
            try:
                loss = (weights * self.objective.sums(self.base, prefix, rows, visible)).sum()
                if backward:
                    backward(loss)
            except memory.ERRORS as error:
                if not memory.ran_out(error):
                    raise
                loss = None
            if loss is None:  # out of the handler, which would hold the failed pass's tensors
                self.out_of_memory(len(rows), tokens)
                return None
            total = total + loss.detach()
        return total, counts[0]

    def count(self, counts: dict[str, int], prefix: Prefix | None, batches: list[list[Row]]) -> None:
        """Take into `counts` what the passes over the batches have read."""
        passes = Passes(**counts)
        for rows in batches:
            self.objective.count(passes, prefix, rows)
        counts.update(asdict(passes))

    def out_of_memory(self, rows: int, tokens: int) -> None:
        """Remember that a forward pass of `tokens` is too large; with one row there is nothing to split."""
        memory.release()
        if rows == 1:
            raise UserError(
                f"out of memory with one row of {tokens} tokens: lower `engine.context`, or use a larger device."
            )
        self.progress.max_tokens = tokens - 1
        print(
            f"out of memory at step {self.progress.step + 1} with {rows} rows, {tokens} tokens: split and accumulated"
            " from here on. The sums are the same; dropout draws anew in each pass.",
            file=sys.stderr,
            flush=True,
        )

    def check(self, loss: float, norm: float) -> None:
        """Raise `Diverged` before the step is taken, so that the parameters stay those of the last good one."""
        progress = self.progress
        at = f"step {progress.step + 1}"
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise Diverged(f"the loss is {loss} and the gradient's norm {norm} at {at}: {self.remedy}")
        first = progress.history[0].get("validation_loss", math.inf) if progress.history else math.inf
        progress.far_above = progress.far_above + 1 if loss > 2 * first + 1 else 0
        if progress.far_above >= DIVERGED_STEPS:
            progress.far_above -= 1
            raise Diverged(
                f"the loss is {loss:.2f} at {at} and has been far above the first, {first:.2f}, for"
                f" {DIVERGED_STEPS} steps: {self.remedy}"
            )

    @torch.no_grad()
    def validate(self) -> None:
        """Mean loss per target token over the validation rows; the best state so far is kept."""
        began = time.monotonic()
        progress, size = self.progress, self.settings.batch_size
        rows = sorted(self.validation, key=len)
        parts = [(rows[start : start + size], None) for start in range(0, len(rows), size)]
        self.adapter.eval()
        self.adapter.prepare()
        prefix, result = self.adapter.prefix(), None
        while result is None:
            result = self.passes(prefix, parts)
        total, count = result
        self.count(progress.validated, prefix, [rows for rows, _ in parts])
        loss = total.item() / count
        if not math.isfinite(loss):
            raise Diverged(
                f"the validation loss is {loss} after {progress.step} steps: "
                + (self.remedy if progress.step else "the model itself gives no numbers; try `engine.dtype: float32`.")
            )
        if not progress.final and self.adapter.final(progress.step, self.settings.steps):
            progress.final, progress.best_loss = True, math.inf  # what was best before may not be the result
        if loss < progress.best_loss or self.settings.keep == "last":
            progress.best_loss, progress.best_step, progress.without_best = loss, progress.step, 0
            progress.best_state = {name: x.to("cpu", copy=True) for name, x in self.adapter.state_dict().items()}
        else:
            progress.without_best += 1
            enough = self.settings.patience is not None and progress.without_best >= self.settings.patience
            progress.stopped_early = progress.final and enough
        progress.validation_seconds += time.monotonic() - began
        progress.history.append({"step": progress.step, "validation_loss": loss})
        if not sys.stderr.isatty():  # a log file gets plain lines, a terminal the bar
            losses = [line["loss"] for line in progress.history if "loss" in line]
            trained = f"loss {losses[-1]:.4f}, " if losses else ""  # none before the first step
            print(
                f"step {progress.step}/{self.settings.steps}: {trained}validation loss {loss:.4f}"
                f" (best {progress.best_loss:.4f} at {progress.best_step}), {progress.seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    @torch.no_grad()
    def shortest_logits(self) -> Tensor:
        """What the model computes for the shortest validation row: [N, V]."""
        self.adapter.eval()
        self.adapter.prepare()
        return target_logits(self.base, self.adapter.prefix(), [min(self.validation, key=len)])

    def finish(self) -> None:
        """Put the best state back; raise UserError where training has not changed what the model computes."""
        if torch.equal(self.first_logits, self.shortest_logits()):
            raise UserError(
                f"after {self.progress.step} steps the model gives the logits that it began with:"
                f" raise the learning rate of the method (now {self.peak_rate})."
            )
        self.adapter.load_state_dict(self.progress.best_state)
        self.adapter.eval()
        self.adapter.prepare()

    def state(self) -> dict:
        """Everything that the rest of the run depends on. The data order follows from the step."""
        return {
            "adapter": self.adapter.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
        }

    def resume(self, state: dict) -> None:
        """Continue from a state of the same run."""
        self.adapter.load_state_dict(state["adapter"])
        self.optimizer.load_state_dict(state["optimizer"])
        asked = self.progress.max_tokens
        self.progress = Progress(**state["progress"])
        if asked:
            self.progress.max_tokens = min(asked, self.progress.max_tokens or asked)
