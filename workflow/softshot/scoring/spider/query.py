"""A query after parsing, and the schema that it is parsed against. Two equal queries compare equal with `==`."""

from __future__ import annotations

from dataclasses import dataclass

ALL = "*"  # the column of count(*)


@dataclass(frozen=True)
class Column:
    """A column, bare or in an aggregate."""

    name: str  # `table.column` in lower case, or `*`
    aggregate: str = "none"
    distinct: bool = False


@dataclass(frozen=True)
class Expression:
    """A column, or an arithmetic operation on two."""

    left: Column
    operator: str = "none"
    right: Column | None = None


@dataclass(frozen=True)
class Selected:
    """One entry of SELECT."""

    aggregate: str
    expression: Expression


Value = "float | str | Column | Query | None"


@dataclass(frozen=True)
class Comparison:
    """One comparison of WHERE, HAVING or ON; only BETWEEN has a second value."""

    negated: bool
    operator: str
    expression: Expression
    value: Value
    second: Value = None


# Comparisons at even places, `and` or `or` between them.
Conditions = "tuple[Comparison | str, ...]"


@dataclass(frozen=True)
class Query:
    """A SELECT with all its clauses; what it does not have is empty or None."""

    select: tuple[Selected, ...] = ()
    distinct: bool = False
    tables: tuple[str | Query, ...] = ()
    joins: Conditions = ()
    where: Conditions = ()
    group: tuple[Column, ...] = ()
    having: Conditions = ()
    direction: str | None = None  # of ORDER BY: asc or desc; the last one where several are written
    order: tuple[Expression, ...] = ()
    limit: int | None = None
    compound: str | None = None  # intersect, union or except
    operand: Query | None = None  # the query after it

    @property
    def conditions(self) -> list[Conditions]:
        """Those of ON, WHERE and HAVING."""
        return [self.joins, self.where, self.having]

    @property
    def comparisons(self) -> list[Comparison]:
        """Those of all conditions, without the connectives."""
        return [comparison for conditions in self.conditions for comparison in conditions[::2]]


class Schema:
    """The names of a database, in lower case."""

    def __init__(self, schema: dict):
        """`schema` as in a record's meta: tables, columns [[table index, name], ...] and foreign_keys [[i, j], ...]."""
        tables = [table.lower() for table in schema["tables"]]
        self.columns: dict[str, set[str]] = {table: set() for table in tables}
        names = []
        for table, column in schema["columns"]:
            if table >= 0:
                self.columns[tables[table]].add(column.lower())
            names.append(f"{tables[table]}.{column.lower()}" if table >= 0 else ALL)
        self.same_key = _same_keys(names, schema["foreign_keys"])


def _same_keys(names: list[str], foreign_keys: list[list[int]]) -> dict[str, str]:
    """Each column of a foreign key, and the first in the schema of those it is linked with.

    A pair joins the first group that has one of its columns; groups that a later pair links stay two, as officially.
    """
    groups: list[set[int]] = []
    for pair in foreign_keys:
        group = next((group for group in groups if not group.isdisjoint(pair)), None)
        if group is None:
            groups.append(group := set())
        group.update(pair)
    return {names[column]: names[min(group)] for group in groups for column in group}
