"""The training loop of a soft prompt over a frozen model."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from tqdm import tqdm

from softshot.engine.arms.soft_prompt import SoftPrompt
from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.prefix import target_loss
from softshot.errors import UserError
from softshot.settings import TuningSettings
from softshot.tuning.batches import batches
from softshot.tuning.schedule import learning_rate


@dataclass
class Progress:
    """Where a run stands, besides the parameters and the optimiser's moments."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    best_prompt: Tensor | None = None  # [T, H]
    without_best: int = 0  # validation losses since the best
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
    ):
        self.base, self.prompt, self.settings = base, prompt, settings
        self.training, self.validation, self.seed = training, validation, seed
        self.optimizer = torch.optim.AdamW(
            prompt.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.progress = Progress()

    def run(self, interrupted: Callable[[], bool], save: Callable[[], None], save_every: float) -> bool:
        """Train to the last step or to an early stop; False where `interrupted` asked to end before.

        `save` is called every `save_every` seconds and on an interruption.
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
            self.step([next(order) for _ in range(self.settings.accumulation)])
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
        count = sum(len(row.target) for part in parts for row in part)
        total = 0.0
        for part in parts:
            loss, _ = target_loss(self.base, self.prompt(), part)
            (loss / count).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(self.prompt.parameters(), self.settings.clip).item()
        if not math.isfinite(total) or not math.isfinite(norm):
            raise UserError(
                f"the loss is {total / count} and the gradient's norm {norm} at step {self.progress.step + 1}:"
                f" lower `tuning.learning_rate` (now {self.settings.learning_rate})."
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        seconds = time.monotonic() - began
        self.progress.step += 1
        self.progress.seconds += seconds
        self.progress.history.append(
            {
                "step": self.progress.step,
                "loss": total / count,
                "learning_rate": rate,
                "gradient_norm": norm,
                "tokens_per_second": sum(len(row) for part in parts for row in part) / seconds,
            }
        )

    @torch.no_grad()
    def validate(self) -> None:
        """Mean loss per target token over the validation rows; the best prompt so far is kept."""
        began = time.monotonic()
        progress, total, count = self.progress, 0.0, 0
        prompt = self.prompt()
        rows = sorted(self.validation, key=len)
        for start in range(0, len(rows), self.settings.batch_size):
            loss, tokens = target_loss(self.base, prompt, rows[start : start + self.settings.batch_size])
            total, count = total + loss.item(), count + tokens
        loss = total / count
        if loss < progress.best_loss:
            progress.best_loss, progress.best_step, progress.without_best = loss, progress.step, 0
            progress.best_prompt = prompt.detach().clone()
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
        self.progress = Progress(**state["progress"])
