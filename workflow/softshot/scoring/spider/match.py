"""Exact set match, and the hardness of a query: the verdicts of Spider's official evaluator."""

from collections import Counter
from dataclasses import replace

from softshot.scoring.spider.parse import parse
from softshot.scoring.spider.query import Column, Comparison, Conditions, Expression, Query, Schema, Value


class ExactSetMatch:
    """Percentage of predictions whose clauses equal the gold query's, as sets, values and DISTINCT aside.

    A prediction that does not parse is taken for an empty query, which equals none. Where the gold query does not
    parse the record does not count; the official evaluator stops there.
    """

    name = "exact_set_match"
    signature = "evaluator:spider|values:ignored|distinct:ignored|joins:tables"

    def statistics(self, prediction: str, record: dict) -> list[float]:
        """[1 if equal else 0, 1 if it counts else 0]"""
        schema = Schema(record["meta"]["schema"])
        try:
            gold = parse(record["meta"]["query"], schema)
        except ValueError:
            return [0.0, 0.0]
        try:
            predicted = parse(prediction, schema)
        except ValueError:
            predicted = Query()
        return [float(equal(comparable(predicted, schema), comparable(gold, schema))), 1.0]

    def scores(self, summed: list[float]) -> dict[str, float]:
        """Percentage of equal ones of those that count."""
        right, counted = summed
        return {self.name: 100 * right / counted} if counted else {}

    def note(self, summed: list[float], n: int) -> str | None:
        """How many do not count."""
        left_out = n - int(summed[1])
        return f"{left_out} of {n} records do not count: their gold query does not parse" if left_out else None


def comparable(query: Query, schema: Schema) -> Query:
    """The query without values and DISTINCT, and with one name for columns that foreign keys link.

    Columns get that name where their table is in the FROM of the first of the queries that INTERSECT and the like
    connect. Subqueries keep their columns and DISTINCT, those in FROM their values as well.
    """
    same = {column: key for column, key in schema.same_key.items() if column.partition(".")[0] in query.tables}
    return _renamed(_without_values(query), same)


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


def equal(one: Query, other: Query) -> bool:
    """Do all parts of two comparable queries agree?

    The official evaluator scores ten parts; SELECT without aggregates and WHERE without operators follow from the
    whole ones. The conditions of ON have no part, except in what keywords they bring in.
    """
    return (
        Counter(one.select) == Counter(other.select)
        and Counter(one.where[::2]) == Counter(other.where[::2])
        and set(one.where[1::2]) == set(other.where[1::2])
        and _column_names(one) == _column_names(other)
        and (one.group, one.group and one.having) == (other.group, other.group and other.having)
        and (one.direction, one.order) == (other.direction, other.order)
        and keywords(one) == keywords(other)  # whether there is a limit is one of them
        and one.compound == other.compound
        and (one.operand is None or equal(one.operand, other.operand))
        and Counter(one.tables) == Counter(other.tables)
    )


def _column_names(query: Query) -> Counter:
    """The columns of GROUP BY without their tables."""
    return Counter(column.name.rpartition(".")[2] for column in query.group)


def keywords(query: Query) -> set[str | None]:
    """The keywords of the query itself, without its subqueries."""
    present = {
        "where": query.where,
        "group": query.group,
        "having": query.having,
        "order": query.direction,
        "limit": query.limit is not None,
        "or": any("or" in conditions[1::2] for conditions in query.conditions),
        "not": any(comparison.negated for comparison in _comparisons(query)),
        "in": any(comparison.operator == "in" for comparison in _comparisons(query)),
        "like": any(comparison.operator == "like" for comparison in _comparisons(query)),
    }
    return {keyword for keyword, there in present.items() if there} | {query.direction, query.compound}


def _comparisons(query: Query) -> list[Comparison]:
    return [comparison for conditions in query.conditions for comparison in conditions[::2]]


def hardness(query: str, schema: dict) -> str:
    """easy, medium, hard or extra: the official level of a gold query; one that does not parse is a ValueError.

    `schema` is that of a record's meta.
    """
    parsed = parse(query, Schema(schema))
    clauses, subqueries, others = _clauses(parsed), _subqueries(parsed), _others(parsed)
    if clauses <= 1 and others == 0 and subqueries == 0:
        return "easy"
    if subqueries == 0 and ((clauses <= 1 and others <= 2) or (clauses <= 2 and others < 2)):
        return "medium"
    if subqueries == 0 and ((clauses <= 2 and others > 2) or (clauses == 3 and others <= 2)):
        return "hard"
    if clauses <= 1 and others == 0 and subqueries == 1:
        return "hard"
    return "extra"


def _clauses(query: Query) -> int:
    """Clauses after FROM, joins, each OR and each LIKE."""
    present = [query.where, query.group, query.direction, query.limit is not None]
    return (
        sum(map(bool, present))
        + max(len(query.tables) - 1, 0)
        + sum(conditions[1::2].count("or") for conditions in query.conditions)
        + sum(comparison.operator == "like" for comparison in _comparisons(query))
    )


def _subqueries(query: Query) -> int:
    """Queries as values, and the one after INTERSECT, UNION or EXCEPT; those in FROM do not count."""
    values = [value for comparison in _comparisons(query) for value in (comparison.value, comparison.second)]
    return sum(isinstance(value, Query) for value in values) + (query.operand is not None)


def _others(query: Query) -> int:
    """Which of these the query has more than one of: aggregates, columns, conditions, columns of GROUP BY.

    A NOT counts as an aggregate, and so does each connective of HAVING: the official counting has it so.
    """
    ordered = [column for expression in query.order for column in (expression.left, expression.right) if column]
    aggregates = [
        *(entry.aggregate != "none" for entry in [*query.select, *query.group, *ordered]),
        *(comparison.negated for comparison in query.where[::2]),
        *(isinstance(item, str) or item.negated for item in query.having),
    ]
    return sum(count > 1 for count in (sum(aggregates), len(query.select), len(query.where), len(query.group)))
