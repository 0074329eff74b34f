"""report.html: one self-contained page about a study. It asks the network for nothing.

Its templates, styles and scripts are in workflow/report/: a part per section, a file per component. Scripts are allowed
by their hashes; whatever comes from records and predictions is escaped, as markup by the templates and as JSON here.
"""

import base64
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import vl_convert
import yaml
from markupsafe import Markup

from softshot.analysis import front, names, tables
from softshot.analysis import report_rows as rows
from softshot.analysis.collect import Results
from softshot.analysis.examples import examples
from softshot.analysis.figures import Figure
from softshot.analysis.findings import Findings
from softshot.analysis.names import Names
from softshot.analysis.report_runs import run_list
from softshot.analysis.tables import UNKNOWN
from softshot.files import write_text
from softshot.settings import Study
from softshot.slices import whole_study

FOLDER = Path(__file__).parents[2] / "report"
SCRIPTS = ["tables", "choice", "figures", "front", "examples", "runs", "start"]
SECTIONS = {  # id, which is also its template's name, and heading
    "overview": "Overview",
    "advice": "Advice",
    "scores": "Scores",
    "claims": "Claims",
    "size": "Size",
    "spread": "Spread over seeds",
    "ensembles": "Ensembles of seeds",
    "similarity": "Similar demonstrations",
    "transfer": "Transfer between tasks",
    "data_size": "Training records",
    "shift": "Domain shift",
    "scale": "Size of the model",
    "significance": "Significance",
    "cost": "Cost",
    "prompts": "What the prompts learned",
    "learning": "Learning",
    "demonstrations": "Demonstrations",
    "examples": "Examples",
    "runs": "Runs",
    "settings": "Settings",
}
VERDICTS = {"supported", "not supported", "undecided"}
SAID = {"better": "better", "worse": "worse", "equal": "≈ equal", "open": "? not certain", "": "–"}  # of a comparison
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
LEVELS = {"records": "these runs", "seeds and records": "the arms", "": UNKNOWN}


def write_report(
    path: Path, study: Study, results: Results, titles: Names, found: Findings, figures: dict[str, Figure]
) -> None:
    """Render the page to `path`; the study's other files are read from the folder `path` is in."""
    quoted = examples(study, results, titles, path.parent)
    context = rows.context(study, results, titles, found) | {
        "study": study,
        "date": f"{datetime.now():%-d %B %Y}",
        "figures": figures,
        "examples": quoted,
        "front": front.choices(
            titles,
            {cell.key: cell for cell in results.cells},
            found.pareto,
            set(results.metrics.drop_duplicates("task").query("lower")["task"]),
        ),
        "run_list": run_list(results, titles, found, path.parent),
        "configuration": yaml.safe_dump(whole_study(study), sort_keys=False, allow_unicode=True, width=100),
    }
    vega, script = vl_convert.javascript_bundle(), "\n".join(_read(f"script/{name}.js") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    page = (
        environment(titles)
        .get_template("page.html.j2")
        .render(
            **context,
            sections=_sections(context, found, figures),
            style=Markup(names.palette_css(study) + _read("style/page.css")),
            vega=Markup(_inline(vega)),
            script=Markup(_inline(script)),
            script_hashes=Markup(" ".join(_hash(_inline(text)) for text in (vega, script))),
        )
    )
    write_text(path, page)


def _sections(context: dict[str, Any], found: Findings, figures: dict[str, Figure]) -> list[dict[str, str]]:
    """The sections that have something to say; what is missing from the others is in the overview."""
    content = {
        "advice": len(found.advice),
        "claims": len(found.claims),
        "size": figures["size"].panels,
        "spread": figures["spread"].panels,
        "ensembles": len(found.ensembles),
        "similarity": figures["similarity"].panels or figures["overlap"].panels,
        "transfer": len(found.transfer),
        "data_size": figures["data-size"].panels,
        "shift": len(found.shift),
        "scale": figures["scale"].panels,
        "significance": len(found.significance),
        "prompts": context["prompts"],
        "learning": figures["learning"].panels or len(found.rates),
        "demonstrations": len(found.demonstrations) or context["skipped"],
        "examples": context["examples"]["tasks"],
    }
    return [{"id": id, "title": title} for id, title in SECTIONS.items() if content.get(id, True)]


def environment(titles: Names) -> jinja2.Environment:
    """The templates with their filters; text is escaped, since titles, records and predictions are a stranger's."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "task": names.task_label,
        "metric": names.metric_label,
        "arm": titles.arm,
        "variant": titles.words,
        "classes": titles.classes,
        "said": SAID.__getitem__,
        "size_axis": names.size_axis,
        "plus_minus": tables.plus_minus,
        "level": LEVELS.__getitem__,
        "number": number,
        "signed": signed,
        "exact": exact,
        "duration": tables.duration,
        "power": power,
        "rate": lambda rate: UNKNOWN if pd.isna(rate) else f"{rate:g}",
        "after_verdict": after_verdict,
        "single_quoted": single_quoted,
        "embedded": embedded,
        "groupby_kept": grouped,
    }
    templates.tests["unknown"] = pd.isna
    return templates


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """The script as it may stand inside its element."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r\n", "\n")


def _hash(script: str) -> str:
    """What the page's policy allows the script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def single_quoted(text: str) -> Markup:
    """The text as it may stand between single quotes: a drawing is full of double ones."""
    return Markup(text.replace("&", "&amp;").replace("'", "&#39;"))


def embedded(value: Any) -> Markup:
    """The value as JSON inside a script element: nothing in it can end the element or open another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def grouped(rows_: list[dict], key: str) -> list[tuple[Any, list[dict]]]:
    """Rows by their value of `key`, in the order in which the values come first."""
    groups: dict[Any, list[dict]] = {}
    for row in rows_:
        groups.setdefault(row[key], []).append(row)
    return list(groups.items())


def after_verdict(sentence: str) -> str:
    """A claim's sentence without the verdict that it begins with, which the page shows beside it."""
    verdict, _, rest = sentence.partition(": ")
    return rest[:1].upper() + rest[1:] if verdict.lower() in VERDICTS else sentence


def number(value: float | None, digits: int = 0) -> str:
    """`12,345.6` with thin spaces for thousands; a dash for what is unknown."""
    return UNKNOWN if pd.isna(value) else f"{value:,.{digits}f}".replace(",", "\u2009")


def signed(value: float | None, digits: int = 1) -> str:
    """A difference with its sign, a true minus; a dash for what is unknown."""
    return UNKNOWN if pd.isna(value) else f"{value:+.{digits}f}".replace("-", "−")


def power(value: float | None) -> str:
    """A large number as `1.2·10¹⁵`; a dash for what is unknown."""
    if pd.isna(value):
        return UNKNOWN
    digits, _, exponent = f"{value:.1e}".partition("e")
    return "0" if value == 0 else f"{digits}·10{str(int(exponent)).translate(SUPERSCRIPT)}"


def exact(value: float | None) -> str:
    """What a cell is sorted by; empty for what is unknown."""
    return "" if pd.isna(value) else f"{value:.10g}"
