"""The part of SQL that Spider's evaluator understands, parsed as it does.

Where its reading is narrower or looser than SQL, this one is the same, since the verdict is what counts:
- No LEFT JOIN, no list after IN, no IS NOT NULL, no alias without AS, no `t.*`, no comma in FROM.
- Commas between columns may be missing, and so may `join` between tables; what follows a whole query is ignored.
- All aliases of the text hold everywhere in it.
- A column on the right of a comparison ends at `,`, `)`, `and`, `on`, `as`, `join` or the next clause: everything up
  to there is skipped, an `or` with its comparison too.
"""

from softshot.scoring.spider.query import (
    ALL,
    Column,
    Comparison,
    Conditions,
    Expression,
    Query,
    Schema,
    Selected,
    Value,
)
from softshot.scoring.spider.tokens import tokenize

AGGREGATES = {"none", "max", "min", "count", "sum", "avg"}
ARITHMETIC = {"none", "-", "+", "*", "/"}
COMPARISONS = {"not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists"}
CONNECTIVES = {"and", "or"}
COMPOUNDS = {"intersect", "union", "except"}
DIRECTIONS = {"asc", "desc"}
CLAUSES = {"select", "from", "where", "group", "order", "limit", *COMPOUNDS}
JOINS = {"join", "on", "as"}
ENDING = CLAUSES | {")", ";"}
SKIPPED_TO = CLAUSES | JOINS | {",", ")", "and"}
END = ""  # no token is empty

DEEPEST = 100  # queries in queries, and in a chain of UNION: far below what Python's stack allows


def parse(sql: str, schema: Schema) -> Query:
    """The query of a text; one that does not parse is a ValueError that says why."""
    return _Parser(tokenize(sql), schema).query()


class _Parser:
    """Recursive descent; every method leaves `position` behind what it has read."""

    def __init__(self, tokens: list[str], schema: Schema):
        self.tokens = tokens
        self.end = len(tokens)
        self.position = 0
        self.depth = 0
        self.schema = schema
        self.aliases = self._aliases()

    def _aliases(self) -> dict[str, str]:
        """Alias and table, and every table by its own name."""
        aliases = {}
        for position, token in enumerate(self.tokens):
            if token == "as":
                if position + 1 == self.end:
                    raise ValueError("`as` without an alias")
                aliases[self.tokens[position + 1]] = self.tokens[position - 1]
        if taken := aliases.keys() & self.schema.columns.keys():
            raise ValueError(f"the alias {min(taken)} is the name of a table")
        return aliases | {table: table for table in self.schema.columns}

    @property
    def here(self) -> str:
        """The token to be read, END after the last one."""
        return self.tokens[self.position] if self.position < self.end else END

    def accept(self, token: str) -> bool:
        """Read `token` if it is here."""
        if self.here != token:
            return False
        self.position += 1
        return True

    def expect(self, token: str) -> None:
        """Read `token`, which must be here."""
        if not self.accept(token):
            raise ValueError(f"`{token}` expected, `{self.here}` found")

    def take(self) -> str:
        """Read whatever is here."""
        token = self.here
        self.position += 1
        return token

    def query(self) -> Query:
        """[(] SELECT ... [)] and, after INTERSECT, UNION or EXCEPT, the next one."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} queries in one another")
        block = self.accept("(")
        start = self.position
        tables, named, joins = self.from_clause()  # first, since a column without a table is one of theirs
        after_from, self.position = self.position, start
        distinct, select = self.select_clause(named)
        self.position = after_from
        where = self.conditions(named) if self.accept("where") else ()
        group = self.group_clause(named)
        having = self.conditions(named) if self.accept("having") else ()
        direction, order = self.order_clause(named)
        limit = int(self.take()) if self.accept("limit") else None
        self.skip_semicolons()
        if block:
            self.expect(")")
        self.skip_semicolons()
        compound = self.take() if self.here in COMPOUNDS else None
        operand = self.query() if compound else None
        self.depth -= 1
        return Query(select, distinct, tables, joins, where, group, having, direction, order, limit, compound, operand)

    def skip_semicolons(self) -> None:
        """Read `;`, any number."""
        while self.accept(";"):
            pass

    def from_clause(self) -> tuple[tuple[str | Query, ...], list[str], Conditions]:
        """Tables and subqueries, the tables alone, and the conditions of all ON.

        It starts at the next `from`, wherever that is.
        """
        try:
            self.position = self.tokens.index("from", self.position, self.end) + 1
        except ValueError:
            raise ValueError("no FROM") from None
        tables: list[str | Query] = []
        named: list[str] = []
        joins: list[Comparison | str] = []
        while self.here != END:
            block = self.accept("(")
            if self.here == "select":
                tables.append(self.query())
            else:
                self.accept("join")
                named.append(self.table())
                tables.append(named[-1])
            if self.accept("on"):
                joins += (["and"] if joins else []) + list(self.conditions(named))
            if block:
                self.expect(")")
            if self.here in ENDING:
                break
        return tuple(tables), named, _alternating(joins)

    def table(self) -> str:
        """table [AS alias]"""
        name = self.take()
        table = self.aliases.get(name)
        if table not in self.schema.columns:
            raise ValueError(f"no table {name}")
        if self.here == "as":
            self.position += 2
        return table

    def select_clause(self, tables: list[str]) -> tuple[bool, tuple[Selected, ...]]:
        """SELECT [DISTINCT] [aggregate] expression, ..."""
        self.expect("select")
        distinct = self.accept("distinct")
        selected = []
        while self.here != END and self.here not in CLAUSES:
            aggregate = self.take() if self.here in AGGREGATES else "none"
            selected.append(Selected(aggregate, self.expression(tables)))
            self.accept(",")
        return distinct, tuple(selected)

    def group_clause(self, tables: list[str]) -> tuple[Column, ...]:
        """[GROUP BY column, ...]"""
        columns = []
        if self.accept("group"):
            self.expect("by")
            while self.here != END and self.here not in ENDING:
                columns.append(self.column(tables))
                if not self.accept(","):
                    break
        return tuple(columns)

    def order_clause(self, tables: list[str]) -> tuple[str | None, tuple[Expression, ...]]:
        """[ORDER BY expression [direction], ...]; one direction for all, the last."""
        if not self.accept("order"):
            return None, ()
        self.expect("by")
        direction, expressions = "asc", []
        while self.here != END and self.here not in ENDING:
            expressions.append(self.expression(tables))
            if self.here in DIRECTIONS:
                direction = self.take()
            if not self.accept(","):
                break
        return direction, tuple(expressions)

    def conditions(self, tables: list[str]) -> Conditions:
        """Comparisons and what connects them; officially a connective may be missing, as long as places are kept."""
        found: list[Comparison | str] = []
        while self.here != END:
            found.append(self.comparison(tables))
            if self.here in ENDING | JOINS:
                break
            if self.here in CONNECTIVES:
                found.append(self.take())
        return _alternating(found)

    def comparison(self, tables: list[str]) -> Comparison:
        """expression [NOT] operator value [AND value]"""
        expression = self.expression(tables)
        negated = self.accept("not")
        operator = self.take()
        if operator not in COMPARISONS:
            raise ValueError(f"`{operator}` compares nothing")
        value, second = self.value(tables), None
        if operator == "between":
            self.expect("and")
            second = self.value(tables)
        return Comparison(negated, operator, expression, value, second)

    def value(self, tables: list[str]) -> Value:
        """A subquery, a quoted value, a number, or a column with all that is skipped after it."""
        start = self.position
        block = self.accept("(")
        if self.here == "select":
            found = self.query()
        elif '"' in self.here:
            found = self.take()
        else:
            try:
                found = float(self.here)
                self.position += 1
            except ValueError:
                found = self.compared_column(start, tables)
        if block:
            self.expect(")")
        return found

    def compared_column(self, start: int, tables: list[str]) -> Column:
        """The column from `start`, where a bracket may stand that then has no partner: the text ends before `)`."""
        stop, end = self.position, self.end
        while stop < end and self.tokens[stop] not in SKIPPED_TO:
            stop += 1
        self.position, self.end = start, stop
        column = self.column(tables)
        self.position, self.end = stop, end
        return column

    def expression(self, tables: list[str]) -> Expression:
        """[(] column [operator column] [)]"""
        block = self.accept("(")
        left, operator, right = self.column(tables), "none", None
        if self.here in ARITHMETIC:
            operator = self.take()
            right = self.column(tables)
        if block:
            self.expect(")")
        return Expression(left, operator, right)

    def column(self, tables: list[str]) -> Column:
        """[(] aggregate ( [DISTINCT] name ) or [(] [DISTINCT] name [)]; an aggregate leaves the outer bracket open."""
        block = self.accept("(")
        aggregate = "none"
        if self.here in AGGREGATES:
            aggregate = self.take()
            self.expect("(")
            block = True
        distinct = self.accept("distinct")
        name = self.column_name(tables)
        if block:
            self.expect(")")
        return Column(name, aggregate, distinct)

    def column_name(self, tables: list[str]) -> str:
        """`*`, `table.column` with a table's name or alias, or a column of the first of `tables` that has it."""
        token = self.take()
        if token == ALL:
            return ALL
        alias, dot, column = token.partition(".")
        for table in [self.aliases.get(alias)] if dot else tables:
            name = column if dot else token
            if "." not in name and name in self.schema.columns.get(table, ()):
                return f"{table}.{name}"
        raise ValueError(f"no column {token}")


def _alternating(items: list[Comparison | str]) -> Conditions:
    """The items, unless a connective stands in a comparison's place, where the official evaluator breaks down."""
    if any(isinstance(item, str) for item in items[::2]):
        raise ValueError("`and` or `or` is missing between two comparisons")
    return tuple(items)
