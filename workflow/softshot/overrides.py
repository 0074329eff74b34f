"""Settings that differ for some of the runs: which runs an override names, and the values that hold for one.

Of a setting of the tuning loop or of a method the section's value is lowest, then what the arm sets, then overrides.
"""

from collections.abc import Iterable
from typing import Any

from softshot import catalogue
from softshot.errors import UserError
from softshot.grid import Run
from softshot.methods.registry import METHODS, TRAINED
from softshot.sections import Section, read
from softshot.settings import GenerationSettings, Override, Study, TuningSettings
from softshot.study import choices, task


def tuning(study: Study, run: Run) -> dict[str, Any]:
    """The settings of a run's training loop."""
    return _resolved(TuningSettings, study.tuning, _of_tuning(study, run), run)


def method(study: Study, run: Run) -> dict[str, Any]:
    """The settings of what a run trains; of learning rates by shots that for what the run shows."""
    section = METHODS[run.method].settings
    values = _resolved(section, getattr(study.methods, run.method), _of_tuning(study, run), run)
    if isinstance(rates := values["learning_rate"], dict):
        values["learning_rate"] = rates["shown" if run.shots else "alone"]
    return values | ({"learning_rate": run.rate} if run.rate else {})


def generation(study: Study, run: Run) -> dict[str, Any]:
    """The settings of a run's decoding."""
    return _resolved(GenerationSettings, study.generation, study.generation.overrides, run)


def decoding(study: Study, run: Run) -> dict[str, Any] | None:
    """The same, or None where a run's outputs are chosen and not generated."""
    return None if choices(study, run.task) else generation(study, run)


def _of_tuning(study: Study, run: Run) -> list[Override]:
    """What holds for a run's tuning beside its sections: its arm's own values, which overrides win over."""
    return [*_own(study, run.arm), *study.tuning.overrides]


def _own(study: Study, label: str) -> list[Override]:
    """What an arm sets, as an override of it; none where it sets nothing."""
    return [Override(arm=label, set=values)] if (values := study.arms[label].set) else []


def _resolved(section: type[Section], given: Section, overrides: Iterable[Override], run: Run) -> dict[str, Any]:
    """The section's own values, then those of every override that names the run, in order."""
    values = {key: getattr(given, key) for key in section.model_fields}
    for override in overrides:
        if all(getattr(override, key) in (None, getattr(run, key)) for key in ("model", "task", "arm", "method")):
            values |= {key: value for key, value in override.set.items() if key in section.model_fields}
    where = f"config.yaml: the settings and overrides of {run.model}, {run.task}, {run.arm}"
    return read(section, values, where).model_dump()


def check(study: Study) -> None:
    """Overrides name what there is, and set what there is to set, to values that it can have."""
    for override in study.generation.overrides:
        _check(study, override, "generation.overrides", [(GenerationSettings, study.generation)])
    for label in study.arms:
        for own in _own(study, label):
            _check_tuning(study, own, f"arms.{label}.set")
    for override in study.tuning.overrides:
        _check_tuning(study, override, "tuning.overrides")


def _check_tuning(study: Study, override: Override, key: str) -> None:
    """One override of the tuning loop and of methods, which touches something that is tuned."""
    arm = study.arms.get(override.arm)
    names = METHODS if arm is None else [] if arm.adapter else [arm.method]
    methods = [name for name in TRAINED if name in names and override.method in (None, name)]
    sections = [(TRAINED[name].settings, getattr(study.methods, name)) for name in methods]
    _check(study, override, key, [(TuningSettings, study.tuning), *sections])
    if not methods:
        raise UserError(f"config.yaml: {key}: nothing is tuned for {override.arm}, so it has no effect; remove it.")


def _check(study: Study, override: Override, key: str, sections: list[tuple[type[Section], Section]]) -> None:
    """One override, which may set what stands in these sections."""
    if override.model:
        catalogue.model_entry(override.model, study.models.folders)
    if override.task:
        task(study, override.task)
    if override.arm and override.arm not in study.arms:
        raise UserError(f"config.yaml: {key}: there is no arm {override.arm}; known: {', '.join(study.arms)} (arms).")
    settings = {name for section, _ in sections for name in section.model_fields}
    if unknown := sorted(override.set.keys() - settings):
        raise UserError(
            f"config.yaml: {key}: {unknown[0]}: no such setting here; known: {', '.join(sorted(settings))}."
        )
    for section, given in sections:
        values = {name: getattr(given, name) for name in section.model_fields}
        read(section, values | {name: v for name, v in override.set.items() if name in values}, f"config.yaml: {key}")
