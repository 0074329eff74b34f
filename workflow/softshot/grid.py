"""The grid of runs of a study, and the place of each run's files. Imports nothing heavy: cluster jobs parse it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from softshot.settings import Study


@dataclass(frozen=True)
class Run:
    """One (model, task, arm, variant, seed)."""

    model: str
    task: str
    arm: str
    tokens: int  # length of the soft prompt, 0 for ICL
    retriever: str | None  # of the demonstrations, None for PT
    shots: int  # demonstrations shown, 0 for PT
    seed: int  # 0 where nothing is random

    @property
    def variant(self) -> str:
        """What varies within the arm: `random-1`, `tokens-25`, `tokens-25_retrieved-1`."""
        prompt = f"tokens-{self.tokens}" if self.tokens else None
        demonstrations = f"{self.retriever}-{self.shots}" if self.shots else None
        return "_".join(part for part in (prompt, demonstrations) if part)

    @property
    def path(self) -> str:
        """The run's folder below `results/<study>/runs/`."""
        return f"{self.model}/{self.task}/{self.arm}/{self.variant}/seed-{self.seed}"

    @classmethod
    def of(cls, folder: Path) -> "Run":
        """The run whose folder this is: the inverse of `path`."""
        model, task, arm, variant, seed = folder.parts[-5:]
        tokens, retriever, shots = 0, None, 0
        for part in variant.split("_"):
            word, number = part.rsplit("-", 1)
            if word == "tokens":
                tokens = int(number)
            else:
                retriever, shots = word, int(number)
        return cls(model, task, arm, tokens, retriever, shots, int(seed.removeprefix("seed-")))


def demonstration_folder(run: Run) -> str:
    """Where a run's neighbours are, below `demonstrations/<task>/`; random ones differ from seed to seed."""
    return f"random_seed-{run.seed}" if run.retriever == "random" else run.retriever


def runs(study: Study) -> Iterator[Run]:
    """Every run of the study. ICL with retrieved demonstrations has nothing random and is run once, as seed 0."""
    for model in study.models.use:
        for task in study.data.tasks:
            for variant in study.arms.icl.demonstrations:
                retriever, shots = split_variant(variant)
                for seed in study.seeds if retriever == "random" else [0]:
                    yield Run(model, task, "icl", 0, retriever, shots, seed)
            for tokens in study.arms.pt.tokens:
                for seed in study.seeds:
                    yield Run(model, task, "pt", tokens, None, 0, seed)
            for tokens in study.arms.ipt.tokens:
                for variant in study.arms.ipt.demonstrations:
                    for seed in study.seeds:
                        yield Run(model, task, "ipt", tokens, *split_variant(variant), seed)


def split_variant(variant: str) -> tuple[str, int]:
    """`retrieved-3` is (retrieved, 3)."""
    retriever, shots = variant.rsplit("-", 1)
    return retriever, int(shots)
