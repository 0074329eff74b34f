"""`python -m softshot.analysis`: the tables, figures and report page of a study, finished or half done."""

import argparse
from pathlib import Path

from softshot.analysis import figures, tables
from softshot.analysis.collect import collect, read_settings
from softshot.analysis.report import write_report
from softshot.errors import run_program
from softshot.files import write_text


def main() -> None:
    parser = argparse.ArgumentParser(prog="softshot.analysis", description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON, or @file with JSON in it")
    parser.add_argument("--results", required=True, type=Path, help="the study's folder, results/<study>")
    arguments = parser.parse_args()

    settings = read_settings(arguments.settings)
    study = collect(settings, arguments.results)
    summary = tables.summarise(study)
    drawings = {"tokens": figures.tokens_figure(summary), "learning": figures.learning_figure(study)}

    write_text(arguments.results / "summary.tsv", tables.as_tsv(summary.drop(columns="tokens")))
    write_text(arguments.results / "tokens.tsv", tables.as_tsv(tables.score_against_tokens(summary)))
    write_text(arguments.results / "cost.tsv", tables.as_tsv(study.costs))
    for name, panels in drawings.items():
        figures.write_figure(panels, arguments.results / "figures" / name)
    page = arguments.results / "report.html"
    write_report(page, settings, study, summary, drawings)
    print(f"\n{tables.as_text(summary)}\n\n{study.runs['done'].sum()} of {len(study.runs)} runs done; report: {page}")


if __name__ == "__main__":
    run_program(main)
