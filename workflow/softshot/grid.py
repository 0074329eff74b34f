"""The grid of runs of a study, and the place of each run's files. Imports nothing heavy: cluster jobs parse it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from softshot.errors import UserError
from softshot.settings import Study

# A source is a task's name, which may look like any other part; what follows it is read from the end.
VARIANT = re.compile(
    r"(?:from-(?P<source>.+)_(?=tokens-))?(?:tokens-(?P<tokens>\d+)(?:_|$))?"
    r"(?:(?!tokens-|train-)(?P<retriever>[a-z][a-z0-9]*)-(?P<shots>\d+)(?:_|$))?(?:train-(?P<train>\d+))?"
)
RESERVED = ("tokens", "train", "from")  # what no retriever can be called, since variants are named by it


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
    source: str | None = None  # the task whose soft prompt is used, None for the run's own
    train: int | None = None  # training records that the run may use, None for all

    @property
    def variant(self) -> str:
        """What varies within the arm: `random-1`, `tokens-25_train-100`, `from-dart_tokens-25_retrieved-1`."""
        parts = [
            f"from-{self.source}" if self.source else None,
            f"tokens-{self.tokens}" if self.tokens else None,
            f"{self.retriever}-{self.shots}" if self.shots else None,
            f"train-{self.train}" if self.train else None,
        ]
        return "_".join(part for part in parts if part)

    @property
    def path(self) -> str:
        """The run's folder below `results/<study>/runs/`."""
        return f"{self.model}/{self.task}/{self.arm}/{self.variant}/seed-{self.seed}"

    @property
    def prompt(self) -> "Run | None":
        """The run that tunes this one's soft prompt: itself, or PT on the source task; None for ICL."""
        if self.source:
            return replace(self, task=self.source, arm="pt", retriever=None, shots=0, source=None)
        return self if self.tokens else None

    @property
    def tuned(self) -> bool:
        """Whether the run tunes a soft prompt of its own."""
        return self.prompt == self

    @classmethod
    def of(cls, folder: Path) -> "Run":
        """The run whose folder this is: the inverse of `path`."""
        model, task, arm, variant, seed = folder.parts[-5:]
        if not (match := VARIANT.fullmatch(variant)):
            raise UserError(f"{folder}: {variant} names no variant of a run, such as tokens-25_retrieved-1.")
        parts = match.groupdict()
        return cls(
            model,
            task,
            arm,
            tokens=int(parts["tokens"] or 0),
            retriever=parts["retriever"],
            shots=int(parts["shots"] or 0),
            seed=int(seed.removeprefix("seed-")),
            source=parts["source"],
            train=int(parts["train"]) if parts["train"] else None,
        )


def subset_name(run: Run) -> str:
    """What the part of the training records that a run with a `train` may use is called; each seed draws its own."""
    return f"train-{run.train}_seed-{run.seed}"


def demonstration_folder(run: Run) -> str:
    """Where a run's neighbours are, below `demonstrations/<task>/`; what is drawn differs from seed to seed."""
    if run.train:
        return f"{run.retriever}_{subset_name(run)}"
    return f"random_seed-{run.seed}" if run.retriever == "random" else run.retriever


def runs(study: Study) -> Iterator[Run]:
    """Every run of the study, each once: per model and task all arms, then those on fewer training records."""
    for model in study.models.use:
        for task in study.data.tasks:
            yield from _arms(study, model, task)
            yield from _transfers(study, model, task)
            yield from _data_sizes(study, model, task)


def prompts(study: Study) -> list[Run]:
    """The runs that tune a soft prompt, each once. Some are not in the grid themselves and only serve a transfer."""
    return list(dict.fromkeys(run.prompt for run in runs(study) if run.prompt))


def _arms(study: Study, model: str, task: str) -> Iterator[Run]:
    """ICL, PT and IPT. ICL with retrieved demonstrations has nothing random and is run once, as seed 0."""
    arms = study.arms
    # A transferred prompt is compared with the same demonstrations alone, also where ICL does not name them.
    baselines = arms.transfer.demonstrations if next(_transfers(study, model, task), None) else []
    for variant in dict.fromkeys([*arms.icl.demonstrations, *baselines]):
        retriever, shots = split_variant(variant)
        for seed in study.seeds if retriever == "random" else [0]:
            yield Run(model, task, "icl", 0, retriever, shots, seed)
    for tokens in arms.pt.tokens:
        for seed in study.seeds:
            yield Run(model, task, "pt", tokens, None, 0, seed)
    for tokens in arms.ipt.tokens:
        for variant in arms.ipt.demonstrations:
            for seed in study.seeds:
                yield Run(model, task, "ipt", tokens, *split_variant(variant), seed)


def _transfers(study: Study, model: str, task: str) -> Iterator[Run]:
    """The prompts of the other tasks before this one's demonstrations."""
    transfer = study.arms.transfer
    for source in study.data.tasks if transfer.sources is None else transfer.sources:
        for tokens in transfer.tokens if source != task else []:
            for variant in transfer.demonstrations:
                for seed in study.seeds:
                    yield Run(model, task, "transfer", tokens, *split_variant(variant), seed, source)


def _data_sizes(study: Study, model: str, task: str) -> Iterator[Run]:
    """ICL, PT and IPT on the first so many training records of each seed's order."""
    sizes = study.arms.data_size
    shown = [split_variant(variant) for variant in sizes.demonstrations]
    kinds = [("icl", 0, *some) for some in shown]
    kinds += [("pt", tokens, None, 0) for tokens in sizes.tokens]
    kinds += [("ipt", tokens, *some) for tokens in sizes.tokens for some in shown]
    for train in sizes.train:
        for kind in kinds:
            for seed in study.seeds:
                yield Run(model, task, *kind, seed, train=train)


def split_variant(variant: str) -> tuple[str, int]:
    """`retrieved-3` is (retrieved, 3)."""
    retriever, shots = variant.rsplit("-", 1)
    return retriever, int(shots)
