"""How hard a query is: the level that Spider's official evaluator gives it."""

from softshot.scoring.spider.parse import parse
from softshot.scoring.spider.query import Query, Schema


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
        + sum(comparison.operator == "like" for comparison in query.comparisons)
    )


def _subqueries(query: Query) -> int:
    """Queries as values, and the one after INTERSECT, UNION or EXCEPT; those in FROM do not count."""
    values = [value for comparison in query.comparisons for value in (comparison.value, comparison.second)]
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
