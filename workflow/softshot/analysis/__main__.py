"""`python -m softshot.analysis`: the tables, figures and report page of a study, finished or half done."""

import argparse
import json
from pathlib import Path

from softshot import code
from softshot.analysis import figures, findings, tables
from softshot.analysis.collect import collect
from softshot.analysis.names import BASES, Names
from softshot.analysis.report import write_report
from softshot.errors import run_program
from softshot.files import write_json, write_text
from softshot.slices import sliced_study


def main() -> None:
    """Read the finished runs, write the study's tables, figures and page, and print the summary."""
    parser = argparse.ArgumentParser(prog="softshot.analysis", description=__doc__)
    parser.add_argument(
        "--settings", required=True, type=json.loads, help="the study's configuration and the order of its arms, JSON"
    )
    parser.add_argument("--results", required=True, type=Path, help="the study's folder, results/<study>")
    arguments = parser.parse_args()

    study, folder = sliced_study(arguments.settings, "--settings"), arguments.results
    results = collect(study, folder)
    names = Names(study, results.cells)
    answers = findings.find(study, results, folder)
    drawn = figures.draw(results, names, answers)

    findings.write(answers, folder)
    for figure in drawn.values():
        figure.write(folder / "figures")
    page = folder / "report.html"
    write_report(page, study, results, names, answers, drawn)
    done = f"{results.runs['done'].sum()} of {len(results.runs)} runs done"
    write_json(folder / "study.json", {"settings": arguments.settings, "code": code.analysis()})
    base = f"models: {BASES[study.models.base]}\n\n" if study.models.base in BASES else ""
    text = f"{base}{tables.as_text(answers.summary, names)}\n\n{done}\nreport: {page}"
    write_text(folder / "summary.txt", f"{text}\n")
    print(text)


if __name__ == "__main__":
    run_program(main)
