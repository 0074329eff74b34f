"""The training loop of a soft prompt over a frozen model."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from tqdm import tqdm

from softshot.engine import memory
from softshot.engine.arms.soft_prompt import SoftPrompt
from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.loss import target_logits, target_losses
from softshot.engine.prefix import Prefix
from softshot.errors import UserError
from softshot.settings import TuningSettings
from softshot.tuning.batches import batches
from softshot.tuning.schedule import learning_rate

DIVERGED_STEPS = 50  # steps in a row with a loss far above the first


class Diverged(UserError):
    """The loss or the gradient is no number, or the loss has stayed far above the first."""


@dataclass
class Progress:
    """Where a run stands, besides the parameters and the optimiser's moments."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    best_prompt: Tensor | None = None  # [T, H]
    without_best: int = 0  # validation losses since the best
    far_above: int = 0  # steps in a row with a loss far above the first
    max_tokens: int | None = None  # most tokens of a forward pass: as asked, or as memory has shown
    stopped_early: bool = False
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)


class Trainer:
    """One soft prompt, its optimiser and its progress. `state()` and `resume()` make it continuable."""

    def __init__(
        self,
        base: Base,
        prompt: SoftPrompt,
        settings: TuningSettings,
        training: list[Row],
        validation: list[Row],
        seed: int,
        max_tokens: int | None = None,
    ):
        """`max_tokens`: most tokens of a forward pass, prompt and rows; larger batches are split and accumulated."""
        self.base, self.prompt, self.settings = base, prompt, settings
        self.training, self.validation, self.seed = training, validation, seed
        self.optimizer = torch.optim.AdamW(
            prompt.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.progress = Progress(max_tokens=max_tokens)
        self.initial = prompt().detach().clone()  # [T, H]
        self.remedy = f"lower `tuning.learning_rate` (now {settings.learning_rate})."

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
                save()
                saved = time.monotonic()
        bar.close()
        return True

    def step(self, parts: list[list[Row]]) -> None:
        """One optimiser step on the mean loss per target token over all `parts` (accumulation)."""
        began = time.monotonic()
        rate = learning_rate(self.progress.step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        prompt = self.prompt()
        # The passes' gradients meet at the prompt, so that an MLP before it runs back once.
        leaf = prompt.detach().requires_grad_()
        total, count = self.loss(leaf, parts)
        prompt.backward(leaf.grad / count)
        norm = torch.nn.utils.clip_grad_norm_(self.prompt.parameters(), self.settings.clip)
        loss, norm = torch.stack([total / count, norm]).tolist()  # the step's only wait for the device
        self.check(loss, norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        seconds = time.monotonic() - began
        self.progress.step += 1
        self.progress.seconds += seconds
        self.progress.history.append(
            {
                "step": self.progress.step,
                "loss": loss,
                "learning_rate": rate,
                "gradient_norm": norm,
                "tokens_per_second": sum(len(row) for part in parts for row in part) / seconds,
            }
        )

    def loss(self, prompt: Tensor, batches: list[list[Row]]) -> tuple[Tensor, int]:
        """Sum of the loss over all target tokens, and their number; a `prompt` that requires it gets its gradient.

        What is too large for `max_tokens` is split. Where memory runs out all the same, the pass is split
        in two, and so are later ones of its size. The sum is the same, so the result is, up to rounding.
        """
        total, count, waiting = prompt.new_zeros(()), 0, list(batches)
        while waiting:
            rows = waiting.pop(0)
            tokens = len(prompt) + sum(map(len, rows))
            if len(rows) > 1 and self.progress.max_tokens and tokens > self.progress.max_tokens:
                waiting[:0] = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
                continue
            try:
                losses = target_losses(self.base, Prefix(embeddings=prompt), rows)
                loss, targets = losses.sum(), len(losses)
                if prompt.requires_grad:
                    loss.backward()  # the prompt is the only leaf: its gradient comes last, whole or not at all
            except memory.ERRORS as error:
                if not memory.ran_out(error):
                    raise
                loss = None
            if loss is None:  # out of the handler, which would hold the failed pass's tensors
                self.out_of_memory(len(rows), tokens)
                waiting.insert(0, rows)
                continue
            total, count = total + loss.detach(), count + targets
        return total, count

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
            " from here on, which changes no result.",
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
        """Mean loss per target token over the validation rows; the best prompt so far is kept."""
        began = time.monotonic()
        progress, size = self.progress, self.settings.batch_size
        prompt = self.prompt().detach()
        rows = sorted(self.validation, key=len)
        total, count = self.loss(prompt, [rows[start : start + size] for start in range(0, len(rows), size)])
        loss = total.item() / count
        if not math.isfinite(loss):
            raise Diverged(
                f"the validation loss is {loss} after {progress.step} steps: "
                + (self.remedy if progress.step else "the model itself gives no numbers; try `engine.dtype: float32`.")
            )
        if loss < progress.best_loss:
            progress.best_loss, progress.best_step, progress.without_best = loss, progress.step, 0
            progress.best_prompt = prompt.clone()
        else:
            progress.without_best += 1
            progress.stopped_early = self.settings.patience is not None and (
                progress.without_best >= self.settings.patience
            )
        progress.seconds += time.monotonic() - began
        progress.history.append({"step": progress.step, "validation_loss": loss})
        if not sys.stderr.isatty():  # a log file gets plain lines, a terminal the bar
            trained = next((line["loss"] for line in reversed(progress.history) if "loss" in line), math.nan)
            print(
                f"step {progress.step}/{self.settings.steps}: loss {trained:.4f}, validation loss {loss:.4f}"
                f" (best {progress.best_loss:.4f} at {progress.best_step}), {progress.seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    @torch.no_grad()
    def check_effect(self) -> None:
        """Raise UserError where training has not changed what the model computes for a validation row."""
        row = [min(self.validation, key=len)]
        before, after = (
            target_logits(self.base, Prefix(embeddings=prompt), row) for prompt in (self.initial, self.prompt())
        )
        if torch.equal(before, after):
            raise UserError(
                f"after {self.progress.step} steps the prompt gives the logits that it began with:"
                f" raise `tuning.learning_rate` (now {self.settings.learning_rate})."
            )

    def state(self) -> dict:
        """Everything that the rest of the run depends on. The data order follows from the step."""
        return {
            "prompt": self.prompt.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
        }

    def resume(self, state: dict) -> None:
        """Continue from a state of the same run."""
        self.prompt.load_state_dict(state["prompt"])
        self.optimizer.load_state_dict(state["optimizer"])
        asked = self.progress.max_tokens
        self.progress = Progress(**state["progress"])
        if asked:
            self.progress.max_tokens = min(asked, self.progress.max_tokens or asked)
