"""Records without those of some groups, for runs that are then scored on both sides (settings: `shift`)."""

from collections import Counter
from pathlib import Path

from softshot import code
from softshot.data.text import shown
from softshot.errors import UserError
from softshot.files import checksums, read_jsonl, write_json, write_jsonl
from softshot.sections import Section
from softshot.task import Name


class WithoutJob(Section):
    """The groups that are held out, and what in a record's `meta` names its group."""

    task: Name
    by: str
    field: str
    held_out: list[str]


def without(job: WithoutJob, split: str, records: Path, out: Path) -> None:
    """Write the records of a split that are of no held-out group, and how many were left out beside them.

    A record that names no group stays. A group that no training record is of is a UserError that lists those that
    there are; a validation sample may lack one.
    """
    rows = read_jsonl(records)
    groups = Counter(group for record in rows if (group := record["meta"].get(job.field)))
    key = f"shift.{job.task}.held_out"
    if split == "train" and (unknown := [name for name in job.held_out if name not in groups]):
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(groups.items()))
        raise UserError(
            f"{key}: no training record of {records} is of the {job.by} {shown(unknown[0])}, so that nothing can be"
            f" held out; there are: {listed or f'none, its records name no {job.by}'}."
        )
    kept = [record for record in rows if record["meta"].get(job.field) not in job.held_out]
    if not kept:
        raise UserError(f"{key}: every record of {records} is of a group that is held out; name fewer.")
    write_jsonl(out, kept)
    note = {"records": len(kept), "left_out": len(rows) - len(kept)}
    note |= {"settings": job.model_dump(), "code": code.without()}
    write_json(out.with_suffix(".json"), note | {"checksums": checksums(out)})
