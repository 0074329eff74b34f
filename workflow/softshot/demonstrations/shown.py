"""The demonstrations that stand before a record's input in a run."""

from pathlib import Path

from softshot.demonstrations.table import read_neighbours
from softshot.errors import UserError


class Shown:
    """Looks up, per record, the training records that are shown with it, nearest first."""

    def __init__(self, table: Path | None, shots: int, train: list[dict], threshold: float | None = None):
        """`table`: the neighbours of the records that will be asked for; None where the arm shows nothing.

        Of the first `shots` neighbours those with a score below `threshold` are left out.
        """
        if bool(table) != bool(shots):
            raise UserError(f"a run with {shots} shots {'has no use for' if table else 'needs'} --demonstrations.")
        self.shots = shots
        self.threshold = threshold
        self.neighbours = read_neighbours(table) if table else {}
        self.train = {record["id"]: record for record in train}
        unknown = {i for pairs in self.neighbours.values() for i, _ in pairs[:shots]} - set(self.train)
        if unknown:
            raise UserError(f"{table}: {min(unknown)} is not a training record; make the table from these records.")

    def ids(self, record_id: str) -> list[tuple[str, float]]:
        """Ids and similarity scores of the record's demonstrations, nearest first; NaN where random."""
        if not self.shots:
            return []
        if record_id not in self.neighbours:
            raise UserError(f"record {record_id}: no demonstrations in the table; was it made for other records?")
        pairs = self.neighbours[record_id][: self.shots]
        return [pair for pair in pairs if self.threshold is None or not pair[1] < self.threshold]  # NaN stays

    def records(self, record_id: str) -> list[dict]:
        """The demonstrations themselves, nearest first."""
        return [self.train[neighbour] for neighbour, _ in self.ids(record_id)]
