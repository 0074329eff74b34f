"""The study's figures: score against prompt length, and validation loss while tuning. One panel per model and task.

The palette is colour-blind safe (after Okabe & Ito 2008, darkened until text in it reads on white), every line is
labelled where it ends, and the report's style sheet exchanges the colours by their value in dark mode.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import pandas as pd
import vl_convert

from softshot.analysis.collect import Results
from softshot.analysis.tables import ARMS, main_scores, metric_label, task_label, variant_words
from softshot.files import replacing, write_text

WIDTH, HEIGHT = 280, 230  # pixels of a panel's plot
LABEL_GAP = 16  # pixels between the lines of neighbouring labels
INK, MUTED, FAINT, PAPER = "#1d2430", "#5a6472", "#dfe3e8", "#ffffff"
COLOURS = {"icl": "#00795a", "icl random": "#66707d", "pt": "#0067ad", "ipt": "#b84a00", "transfer": "#8a4b9c"}
SHAPES = {"pt": "circle", "ipt": "square", "transfer": "diamond"}

alt.data_transformers.disable_max_rows()


@dataclass(frozen=True)
class Panel:
    """A drawing of one model on one task, and the same in words for who cannot see it."""

    model: str
    task: str
    chart: alt.LayerChart
    words: str


def tokens_figure(summary: pd.DataFrame) -> list[Panel]:
    """Score against soft prompt length: a line with a band of one standard deviation per arm, ICL as level lines."""
    rows = _with_looks(main_scores(summary))
    lengths = sorted(rows.loc[rows["tokens"] > 0, "tokens"].unique())
    tops = (
        (rows["mean"] + rows["sd"].fillna(0)).groupby(rows["task"]).max()
    )  # a task's scale is the same for all models
    return [
        _tokens_panel(model, task, block, lengths, 1.08 * tops[task] if tops[task] > 0 else 1.0)
        for (model, task), block in rows.groupby(["model", "task"], sort=False)
    ]


def _tokens_panel(model: str, task: str, rows: pd.DataFrame, lengths: list[int], top: float) -> Panel:
    metric = metric_label(rows["metric"].iloc[0])
    done = rows[rows["n"] > 0]
    tuned, levels = done[done["tokens"] > 0], done[done["tokens"] == 0]
    names = list(tuned["series"].unique())
    # Lengths are evenly spaced; arms stand a little apart, so that their deviations do not cover one another.
    apart = 0.05 if len(lengths) > 1 else 0.16
    shift = {name: apart * (place - (len(names) - 1) / 2) for place, name in enumerate(names)}
    tuned = tuned.assign(
        x=[lengths.index(tokens) + shift[name] for tokens, name in zip(tuned["tokens"], tuned["series"], strict=True)],
        low=(tuned["mean"] - tuned["sd"]).clip(lower=0),
        high=tuned["mean"] + tuned["sd"],
    )
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[-0.4, max(len(lengths), 1) - 0.6], nice=False, zero=False),
        axis=alt.Axis(
            title="soft tokens",
            grid=False,
            values=list(range(len(lengths))),
            labelExpr=f"{[str(length) for length in lengths]}[datum.value]",
        ),
    )
    y = alt.Y("mean:Q", scale=alt.Scale(domain=[0, top], nice=False), axis=alt.Axis(title=None, tickCount=5))
    colour, line = alt.Color("colour:N", scale=None), alt.Detail("series:N")
    spread = alt.Chart(tuned.dropna(subset="sd")).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour, detail=line)
    means = alt.Chart(tuned).encode(x=x, y=y, color=colour, detail=line)
    layers = [
        alt.Chart(levels).mark_rule(strokeWidth=1.5, strokeDash=[5, 3]).encode(y=y, color=colour),
        spread.mark_area(opacity=0.16),
        spread.mark_rule(strokeWidth=1.5, opacity=0.6),
        means.mark_line(strokeWidth=2),
        means.mark_point(filled=True, opacity=1, size=64, stroke=PAPER, strokeWidth=1).encode(
            shape=alt.Shape("shape:N", scale=None)
        ),
    ]
    ends = pd.concat([levels, tuned.sort_values("tokens").drop_duplicates("series", keep="last")])
    said = [
        f"{row.series} {row.mean:.1f}" + (f" with {row.tokens} tokens" if row.tokens else "")
        for row in done.itertuples()
    ]
    return Panel(
        model,
        task,
        _compose(layers, ends.rename(columns={"mean": "end"}), (0, top), f"{task_label(task)}, {metric}", model),
        f"{metric} on {task_label(task)} against soft prompt length, {model}: {_listing(said)}",
    )


def learning_figure(results: Results) -> list[Panel]:
    """Validation loss against optimiser step, one thin line per tuning run; shorter prompts are fainter."""
    curves = _with_looks(results.curves.dropna(subset="validation_loss"))
    return [
        _learning_panel(model, task, curves[(curves["model"] == model) & (curves["task"] == task)])
        for model, task in results.runs[["model", "task"]].drop_duplicates().itertuples(index=False)
    ]


def _learning_panel(model: str, task: str, curves: pd.DataFrame) -> Panel:
    losses = curves["validation_loss"]
    low, high = (losses.min(), losses.max()) if len(curves) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    low, high = max(low - margin, 0.0), high + margin
    lengths = sorted(curves["tokens"].unique())
    fading = [0.9 - 0.6 * (len(lengths) - 1 - place) / max(len(lengths) - 1, 1) for place in range(len(lengths))]
    lines = (
        alt.Chart(curves.assign(run=curves["variant"] + " " + curves["seed"].astype(str)))
        .mark_line(strokeWidth=1.4)
        .encode(
            x=alt.X(
                "step:Q",
                scale=alt.Scale(domain=[0, max(curves["step"].max(), 1) if len(curves) else 1], nice=False),
                axis=alt.Axis(title="optimiser step", tickCount=5, grid=False, labelFlush=False),
            ),
            y=alt.Y(
                "validation_loss:Q",
                scale=alt.Scale(domain=[low, high], nice=False, zero=False),
                axis=alt.Axis(title=None, tickCount=5),
            ),
            color=alt.Color("colour:N", scale=None),
            detail=["arm:N", "run:N"],
            opacity=alt.Opacity("tokens:O", scale=alt.Scale(domain=lengths, range=fading), legend=None),
        )
    )
    last = curves.sort_values("step").drop_duplicates(["arm", "variant", "seed"], keep="last")
    ends = last.groupby(["series", "colour"], sort=False, as_index=False).agg(end=("validation_loss", "mean"))
    said = [f"{row.series} ends at {row.end:.2f} on average" for row in ends.itertuples()]
    return Panel(
        model,
        task,
        _compose([lines], ends, (low, high), f"{task_label(task)}, validation loss", model),
        f"Validation loss against optimiser step on {task_label(task)}, {model}: {_listing(said)}",
    )


def _with_looks(rows: pd.DataFrame) -> pd.DataFrame:
    """Add what a row is called in a figure (its arm and demonstrations), its colour and its marker."""
    series, colours = [], []
    for arm, variant in zip(rows["arm"], rows["variant"], strict=True):
        words = [text for part, text in variant_words(variant).items() if part != "tokens"]
        series.append(", ".join([ARMS[arm], *words]))
        colours.append(COLOURS["icl random" if arm == "icl" and variant.startswith("random") else arm])
    return rows.assign(series=series, colour=colours, shape=rows["arm"].map(SHAPES))


def _listing(said: list[str]) -> str:
    return "; ".join(said) + "." if said else "nothing has finished yet."


def _compose(
    layers: list[alt.Chart], ends: pd.DataFrame, domain: tuple[float, float], title: str, subtitle: str
) -> alt.LayerChart:
    """Layers under a title, with every series' name beside the plot at the height where it ends.

    `ends` has columns series, colour, end (in the units of `domain`, the ends of the y axis).
    """
    low, high = domain
    unit = (high - low) / HEIGHT
    labels = ends.assign(place=_apart(list(ends["end"]), LABEL_GAP * unit, low, high))
    base = alt.Chart(labels[["series", "colour", "end", "place"]]).encode(color=alt.Color("colour:N", scale=None))
    pointers = base.mark_rule(strokeWidth=1, opacity=0.6).encode(
        x=alt.value(WIDTH + 2), x2=alt.value(WIDTH + 10), y="end:Q", y2="place:Q"
    )
    names = base.mark_text(align="left", baseline="middle", fontSize=13, fontWeight=600).encode(
        x=alt.value(WIDTH + 13), y="place:Q", text="series:N"
    )
    # Titles are marks: a chart's own title would move with whatever sticks out of its plot.
    texts = [_text(title, -34, -40, 15, INK, fontWeight=600), _text(subtitle, -34, -22, 13, MUTED)]
    if ends.empty:
        texts.append(_text("nothing has finished yet", WIDTH / 2, HEIGHT / 2, 13, MUTED, align="center"))
    return alt.layer(*layers, pointers, names, *texts).properties(width=WIDTH, height=HEIGHT)


def _text(text: str, x: float, y: float, size: int, colour: str, **look) -> alt.Chart:
    mark = alt.Chart(pd.DataFrame({"text": [text]})).mark_text(
        **{"align": "left", "fontSize": size, "color": colour} | look
    )
    return mark.encode(x=alt.value(x), y=alt.value(y), text="text:N")


def _apart(values: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move values until neighbours are at least `gap` apart, keeping their order and, if there is room, the bounds."""
    order = sorted(range(len(values)), key=values.__getitem__)
    places = [values[index] for index in order]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + gap)
    ceiling = max(high, low + gap * (len(places) - 1))
    for index in reversed(range(len(places))):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    return [place for _, place in sorted(zip(order, places, strict=True))]


def as_svg(chart: alt.TopLevelMixin) -> str:
    """The drawing as SVG text with no identifiers in it, so that several fit into one page."""
    text = io.StringIO()
    chart.save(text, format="svg")
    return text.getvalue()


def write_figure(panels: list[Panel], path: Path) -> None:
    """Write the panels as one drawing, a row per model, to `path`.svg and `path`.png."""
    rows = [
        alt.hconcat(*(panel.chart for panel in panels if panel.model == model), spacing=36)
        for model in dict.fromkeys(panel.model for panel in panels)
    ]
    svg = as_svg(alt.vconcat(*rows, spacing=36))
    write_text(path.with_suffix(".svg"), svg)
    with replacing(path.with_suffix(".png")) as temporary:
        temporary.write_bytes(vl_convert.svg_to_png(svg, scale=2))


@alt.theme.register("softshot", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    """The look of all figures."""
    return {
        "config": {
            "background": PAPER,
            "font": "system-ui, Roboto, sans-serif",
            "aria": False,  # the page describes a figure as a whole
            "padding": {"left": 0, "top": 8, "bottom": 8, "right": 20},  # a reader's font may be wider than ours
            "view": {"stroke": None},
            "axis": {
                "labelFontSize": 13,
                "titleFontSize": 13,
                "titleFontWeight": "normal",
                "labelColor": MUTED,
                "titleColor": MUTED,
                "gridColor": FAINT,
                "domainColor": MUTED,
                "tickColor": MUTED,
                "titlePadding": 8,
            },
            "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        }
    }
