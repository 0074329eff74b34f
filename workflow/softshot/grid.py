"""The grid of runs of a study, and the place of each run's files. Imports nothing heavy: cluster jobs parse it."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from softshot import catalogue
from softshot.data.registry import groupings
from softshot.methods.registry import METHODS
from softshot.settings import ArmSettings, DataSizeSettings, ShiftSettings, Study, TransferSettings

RESERVED = ("none", "tokens", "rank", "train", "rate", "given", "from", "without")  # of variants, no retriever's name
NOTHING = "none"  # shown, or adapted
LONGEST = 40  # letters that name the groups that are held out


@dataclass(frozen=True)
class Run:
    """One (model, task, arm, variant, seed)."""

    model: str
    task: str
    arm: str  # the study's label
    method: str  # a name of softshot/methods/registry.py
    size: int  # tokens or rank, 0 of a method without a size
    retriever: str | None  # of the demonstrations, None where none are shown
    shots: int  # demonstrations shown
    seed: int  # 0 where nothing is random
    source: str | None = None  # the task whose adapter is used, None for the run's own
    train: int | None = None  # training records that the run may use, None for all
    rate: float | None = None  # the learning rate that is tried, None for a run that is no trial (rates.py)
    adapter: str | None = None  # folder of an adapter that was trained elsewhere (given.py)
    without: str | None = None  # the groups of records that are held out of it (shift), None for none

    @property
    def given(self) -> bool:
        """Whether its adapter was trained elsewhere."""
        return self.adapter is not None

    @property
    def unit(self) -> str | None:
        """What `size` counts; an adapter from elsewhere has the size that it has."""
        return None if self.given else METHODS[self.method].unit

    @property
    def tokens(self) -> int:
        """T, the positions that the method takes before every row."""
        return self.size if self.unit == "tokens" else 0

    @property
    def variant(self) -> str:
        """What varies within the arm: `random-1`, `tokens-25_train-100`, `from-dart_tokens-25_retrieved-1`, `given`,
        `without-weather_tokens-25`, `none`."""
        parts = [
            "given" if self.given else None,
            f"from-{self.source}" if self.source else None,
            f"without-{self.without}" if self.without else None,
            f"{self.unit}-{self.size}" if self.unit else None,
            f"{self.retriever}-{self.shots}" if self.shots else None,
            f"train-{self.train}" if self.train else None,
            f"rate-{self.rate:g}" if self.rate else None,
        ]
        return "_".join(part for part in parts if part) or NOTHING

    @property
    def path(self) -> str:
        """The run's folder below `results/<study>/runs/`."""
        return f"{self.model}/{self.task}/{self.arm}/{self.variant}/seed-{self.seed}"

    @property
    def tuner(self) -> "Run | None":
        """The run that tunes this one's adapter: itself, or its arm on the source task; None where nothing is tuned."""
        if self.given or METHODS[self.method].settings is None:
            return None
        return replace(self, task=self.source, retriever=None, shots=0, source=None) if self.source else self


def subset_name(run: Run, split: str = "train") -> str:
    """What the part of a split that a run may use is called; of `train` records each seed draws its own."""
    return f"{split}_without-{run.without}" if run.without else f"{split}-{run.train}_seed-{run.seed}"


def without_name(shift: ShiftSettings) -> str:
    """What the groups that are held out are called in the names of folders: `weather`, `alarm-weather`.

    What such a name cannot say whole, long lists and other letters, ends in a checksum.
    """
    names = sorted(shift.held_out)
    text = "-".join(names)
    if len(text) <= LONGEST and all(re.fullmatch("[a-z0-9]+", name) for name in names):
        return text
    plain = re.sub("[^a-z0-9]+", "-", text.lower())[:LONGEST].strip("-")
    return f"{plain}-{hashlib.sha256(json.dumps(names).encode()).hexdigest()[:8]}".strip("-")


def demonstration_folder(run: Run) -> str:
    """Where a run's neighbours are, below `demonstrations/<task>/`; what is drawn differs from seed to seed."""
    if run.train:
        return f"{run.retriever}_{subset_name(run)}"
    if run.without:
        return f"{run.retriever}_without-{run.without}_seed-{run.seed if run.retriever == 'random' else 0}"
    return f"random_seed-{run.seed}" if run.retriever == "random" else run.retriever


def runs(study: Study) -> Iterator[Run]:
    """Every run of the study, each once: per model and task all arms, then the transfers, sizes and domain shifts."""
    for model in study.models.use:
        for task in study.data.tasks:
            yield from dict.fromkeys([*_arms(study, model, task), *_baselines(study, model, task)])
            yield from _transfers(study, model, task)
            yield from _data_sizes(study, model, task)
            yield from _shifts(study, model, task)


def tuners(study: Study) -> list[Run]:
    """The runs that tune an adapter, each once. Some are not in the grid themselves and only serve a transfer."""
    return list(dict.fromkeys(run.tuner for run in runs(study) if run.tuner))


def sizes(arm: ArmSettings) -> list[int]:
    """The sizes of an arm's method; [0] where it has none, or an adapter from elsewhere."""
    unit = None if arm.adapter else METHODS[arm.method].unit
    return (getattr(arm, unit) or []) if unit else [0]


def adapters(arm: ArmSettings, model: str) -> list[str | None]:
    """The folder of an arm's adapter for a model, where it was trained elsewhere; none where it has none for this one.

    [None] of an arm that tunes its own, or nothing.
    """
    if isinstance(arm.adapter, dict):
        return [arm.adapter[model]] if model in arm.adapter else []
    return [arm.adapter]


def in_use(study: Study, labels: Iterable[str]) -> dict[str, ArmSettings]:
    """Those of the named arms that no empty list leaves out."""
    arms = {label: study.arms[label] for label in labels}
    return {label: arm for label, arm in arms.items() if sizes(arm) and arm.demonstrations}


def split_variant(variant: str) -> tuple[str | None, int]:
    """`retrieved-3` is (retrieved, 3), `none` is (None, 0)."""
    if variant == NOTHING:
        return None, 0
    retriever, shots = variant.rsplit("-", 1)
    return retriever, int(shots)


def _arms(study: Study, model: str, task: str) -> Iterator[Run]:
    """Every arm at each of its sizes, with all that it shows."""
    for label, arm in in_use(study, study.arms).items():
        for size, adapter in product(sizes(arm), adapters(arm, model)):
            for variant in arm.demonstrations:
                run = Run(model, task, label, arm.method, size, *split_variant(variant), 0, adapter=adapter)
                yield from _seeds(study, run)


def _seeds(study: Study, run: Run) -> Iterator[Run]:
    """A run for each seed; one in which nothing is random is run once, as seed 0."""
    random = run.tuner or run.retriever == "random" or run.train
    for seed in study.seeds if random else [0]:
        yield replace(run, seed=seed)


def _baselines(study: Study, model: str, task: str) -> Iterator[Run]:
    """What a transfer is compared with, also where no arm names it: the same demonstrations, and nothing tuned."""
    label = next((label for label, arm in study.arms.items() if arm.method == NOTHING), None)
    if label and next(_transfers(study, model, task), None):
        for variant in study.transfer.demonstrations:
            yield from _seeds(study, Run(model, task, label, NOTHING, 0, *split_variant(variant), 0))


def _transfers(study: Study, model: str, task: str) -> Iterator[Run]:
    """The adapters of the other tasks before this one's demonstrations; this one's too where that is asked for."""
    transfer = study.transfer
    for label, arm in in_use(study, transfer.arms).items():
        for source in study.data.tasks if transfer.sources is None else transfer.sources:
            for size in _asked_sizes(transfer, arm) if source != task or transfer.own else []:
                for variant in transfer.demonstrations:
                    if source == task and variant == NOTHING:
                        continue  # the arm itself
                    run = Run(model, task, label, arm.method, size, *split_variant(variant), 0, source)
                    yield from _seeds(study, run)


def _data_sizes(study: Study, model: str, task: str) -> Iterator[Run]:
    """Some arms on the first so many training records of each seed's order."""
    question = study.data_size
    for train in question.train:
        for label, arm in in_use(study, question.arms).items():
            shown = [NOTHING] if NOTHING in arm.demonstrations else []
            shown += question.demonstrations if set(arm.demonstrations) - {NOTHING} else []
            for size, adapter in product(_asked_sizes(question, arm), adapters(arm, model)):
                for variant in shown:
                    facts = {"train": train, "adapter": adapter}
                    run = Run(model, task, label, arm.method, size, *split_variant(variant), 0, **facts)
                    yield from _seeds(study, run) if run.tuner or run.shots else []  # else it uses no record


def _shifts(study: Study, model: str, task: str) -> Iterator[Run]:
    """Some of the arms' runs once more, without the records of the held-out groups."""
    shift = study.shift.get(task)
    if shift and groupings(task, catalogue.task_entry(task, study.data.own).table)[shift.by].trained:
        for run in _arms(study, model, task):
            if (run.tuner or run.shots) and asks(shift, run):
                yield replace(run, without=without_name(shift))


def asks(shift: ShiftSettings, run: Run) -> bool:
    """Whether a domain shift is asked of an arm's run; of a cell of runs likewise."""
    shown = f"{run.retriever}-{run.shots}" if run.shots else NOTHING
    sizes = getattr(shift, run.unit) if run.unit else None
    pairs = ((run.arm, shift.arms), (run.size, sizes), (shown, shift.demonstrations))
    return all(asked is None or value in asked for value, asked in pairs)


def _asked_sizes(question: TransferSettings | DataSizeSettings, arm: ArmSettings) -> list[int]:
    """The sizes at which a question is asked of an arm."""
    unit = None if arm.adapter else METHODS[arm.method].unit
    return getattr(question, unit) if unit else [0]
