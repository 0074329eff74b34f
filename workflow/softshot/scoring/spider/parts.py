"""The parts of two queries that Spider's official evaluator compares, and whether they agree in all."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from softshot.scoring.spider.query import Column, Comparison, Conditions, Expression, Query, Schema, Value


class Part(NamedTuple):
    """How much of one part two queries have, and have in common."""

    shared: int
    predicted: int
    gold: int

    @property
    def right(self) -> bool:
        """Whether the part is the same: all or nothing."""
        return self.shared == self.predicted == self.gold


NAMES = (
    "select",
    "select_no_aggregate",
    "where",
    "where_no_operator",
    "group_no_having",
    "group",
    "order",
    "and_or",
    "compound",
    "keywords",
)


def parts(predicted: Query, gold: Query) -> dict[str, Part]:
    """The ten parts of two comparable queries; the conditions of ON have none, except in what keywords they bring in.

    As officially: GROUP BY is compared without tables first, then with them and with HAVING as one unit; ORDER BY is
    one unit, with whether there is a limit; equal sets of connectives of WHERE, also two empty ones, count as one unit
    that both have, and unequal ones each as the other's.
    """
    both = (predicted, gold)
    connectives, gold_connectives = (set(query.where[1::2]) for query in both)
    counts = (
        _bags(*(query.select for query in both)),
        _bags(*([entry.expression for entry in query.select] for query in both)),
        _bags(*(query.where[::2] for query in both)),
        _bags(*([comparison.expression for comparison in query.where[::2]] for query in both)),
        _bags(*([column.name.rpartition(".")[2] for column in query.group] for query in both)),
        _units(*map(_grouping, both)),
        _units(*map(_ordering, both)),
        Part(1, 1, 1) if connectives == gold_connectives else Part(0, len(gold_connectives), len(connectives)),
        _compounds(predicted, gold),
        _bags(*map(keywords, both)),
    )
    return dict(zip(NAMES, counts, strict=True))


def equal(predicted: Query, gold: Query) -> bool:
    """Whether all parts of two comparable queries agree, and their tables."""
    return all(part.right for part in parts(predicted, gold).values()) and (
        not gold.tables or Counter(predicted.tables) == Counter(gold.tables)
    )


def _bags(predicted: Iterable, gold: Iterable) -> Part:
    """Things that may be there several times, in any order."""
    one, other = Counter(predicted), Counter(gold)
    return Part((one & other).total(), one.total(), other.total())


def _units(predicted: tuple | None, gold: tuple | None) -> Part:
    """One thing, which may not be there."""
    return Part(int(predicted is not None and predicted == gold), int(predicted is not None), int(gold is not None))


def _grouping(query: Query) -> tuple[list[str], Conditions] | None:
    """The columns of GROUP BY with their tables, and HAVING."""
    return ([column.name for column in query.group], query.having) if query.group else None


def _ordering(query: Query) -> tuple[str, tuple[Expression, ...], bool] | None:
    """The direction and expressions of ORDER BY, and whether there is a limit."""
    return (query.direction, query.order, query.limit is not None) if query.order else None


def _compounds(predicted: Query, gold: Query) -> Part:
    """The queries after INTERSECT, UNION or EXCEPT."""
    one, other = predicted.operand, gold.operand
    same = one is not None and other is not None and predicted.compound == gold.compound and equal(one, other)
    return Part(int(same), int(one is not None), int(other is not None))


def keywords(query: Query) -> set[str]:
    """The keywords of the query itself, without its subqueries."""
    present = {
        "where": query.where,
        "group": query.group,
        "having": query.having,
        "order": query.direction,
        "limit": query.limit is not None,
        "or": any("or" in conditions[1::2] for conditions in query.conditions),
        "not": any(comparison.negated for comparison in query.comparisons),
        "in": any(comparison.operator == "in" for comparison in query.comparisons),
        "like": any(comparison.operator == "like" for comparison in query.comparisons),
    }
    named = {query.direction, query.compound} - {None}
    return named | {keyword for keyword, is_there in present.items() if is_there}


def comparable(query: Query, schema: Schema, values: bool) -> Query:
    """The query without DISTINCT, without `values` too if asked, and with one name for columns that foreign keys link.

    Columns get that name where their table is in the FROM of the first of the queries that INTERSECT and the like
    connect. Subqueries keep their columns and DISTINCT, those in FROM their values as well.
    """
    same = {column: key for column, key in schema.same_key.items() if column.partition(".")[0] in query.tables}
    return _renamed(query if values else _without_values(query), same)


def _without_values(query: Query) -> Query:
    """Values become None, subqueries as values lose theirs."""

    def bare(value: Value) -> Query | None:
        return _without_values(value) if isinstance(value, Query) else None

    def cleared(conditions: Conditions) -> Conditions:
        return tuple(
            replace(item, value=bare(item.value), second=bare(item.second)) if isinstance(item, Comparison) else item
            for item in conditions
        )

    return replace(
        query,
        joins=cleared(query.joins),
        where=cleared(query.where),
        having=cleared(query.having),
        operand=bare(query.operand),
    )


def _renamed(query: Query, same: dict[str, str]) -> Query:
    """Columns under their common name and without DISTINCT, in all clauses but not in subqueries."""

    def column(of: Column | None) -> Column | None:
        return of and Column(same.get(of.name, of.name), of.aggregate)

    def expression(of: Expression) -> Expression:
        return Expression(column(of.left), of.operator, column(of.right))

    def conditions(of: Conditions) -> Conditions:
        return tuple(
            replace(item, expression=expression(item.expression)) if isinstance(item, Comparison) else item
            for item in of
        )

    return replace(
        query,
        select=tuple(replace(entry, expression=expression(entry.expression)) for entry in query.select),
        distinct=False,
        joins=conditions(query.joins),
        where=conditions(query.where),
        group=tuple(column(entry) for entry in query.group),
        having=conditions(query.having),
        order=tuple(expression(entry) for entry in query.order),
        operand=query.operand and _renamed(query.operand, same),
    )
