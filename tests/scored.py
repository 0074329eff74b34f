"""Records made up for the tests of the metrics, and the statistics of predictions for them."""

from softshot.scoring import registry

TABLE = {"table": ["Runway", "3,500.0"], "highlighted": ["3,500.0"], "page_title": "Airport", "section_title": "UK"}
META = TABLE | {"section_text": "", "logic": "eq { count { all_rows } ; 2 } = true"}


def record_of(references: list[str], **meta) -> dict:
    """A record with these references."""
    return {"id": "r", "input": "i", "target": references[0], "references": references, "meta": META | meta}


def statistics_of(name: str, predictions: list[str], references: list[list[str]]) -> list[list[float]]:
    """The metric's statistics of every record."""
    metric = registry.metric(name)
    return [metric.statistics(text, record_of(texts)) for text, texts in zip(predictions, references, strict=True)]
