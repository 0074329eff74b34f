"""Spider's metrics: queries compared part by part as the official parser has them, and run on the databases."""

from softshot.scoring.spider.execution import ExecutionAccuracy
from softshot.scoring.spider.hardness import hardness
from softshot.scoring.spider.match import ExactSetMatch, ExactSetMatchValues, PartialMatch

__all__ = ["ExactSetMatch", "ExactSetMatchValues", "ExecutionAccuracy", "PartialMatch", "hardness"]
