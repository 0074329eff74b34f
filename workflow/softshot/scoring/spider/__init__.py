"""Spider's two metrics: exact set match by the official parser, and execution accuracy on the databases."""

from softshot.scoring.spider.execution import ExecutionAccuracy
from softshot.scoring.spider.match import ExactSetMatch, hardness

__all__ = ["ExactSetMatch", "ExecutionAccuracy", "hardness"]
