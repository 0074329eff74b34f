"""What a domain shift must be, with the names of its keys in the faults. What it runs is in grid.py."""

from softshot.data.registry import groupings
from softshot.errors import UserError
from softshot.grid import asks, runs
from softshot.settings import ShiftSettings, Study
from softshot.study import task


def check(study: Study) -> None:
    """Every task has the grouping and, where these are fixed, the groups; the arms are there and asked something."""
    for name, shift in study.shift.items():
        where = f"config.yaml: shift.{name}"
        if name not in study.data.tasks:
            raise UserError(
                f"{where}: not in data.tasks ({', '.join(study.data.tasks)}); add it there or remove it here."
            )
        _check_groups(study, name, shift, where)
        _check_arms(study, name, shift, where)


def _check_groups(study: Study, name: str, shift: ShiftSettings, where: str) -> None:
    """The records are grouped so, and the groups are there as far as that is known before they are read."""
    ways = groupings(name, task(study, name).table)
    if shift.by not in ways:
        remedy = "name one of these" if ways else "a table can name a column `domain`"
        raise UserError(f"{where}.by: {name} has no {shift.by}, only: {', '.join(ways) or 'nothing'}; {remedy}.")
    names = ways[shift.by].known
    if unknown := [group for group in shift.held_out if names and group not in names]:
        raise UserError(f"{where}.held_out: there is no {shift.by} {unknown[0]}; there are: {', '.join(names)}.")
    if names and set(shift.held_out) >= set(names):
        raise UserError(f"{where}.held_out: nothing is left to train on; name fewer.")


def _check_arms(study: Study, name: str, shift: ShiftSettings, where: str) -> None:
    """Every arm that is named has a run that is asked, and one that uses training records."""
    ordinary = [run for run in runs(study.model_copy(update={"shift": {}})) if run.task == name]
    asked = [run for run in ordinary if not (run.source or run.train) and asks(shift, run)]
    for label in shift.arms or []:
        if label not in study.arms:
            raise UserError(f"{where}.arms: there is no arm {label}; known: {', '.join(study.arms)} (arms).")
        if not any(run.arm == label and (run.tuner or run.shots) for run in asked):
            raise UserError(
                f"{where}: no run of {label} that uses training records has these sizes and demonstrations; choose"
                f" among those of arms.{label}, or leave the arm out here."
            )
    if not any(run.tuner or run.shots for run in asked):
        raise UserError(f"{where}: no arm uses training records at these sizes and demonstrations; choose others.")
