"""The report page of the synthetic study: what it says and how it is made, without a browser."""

import base64
import hashlib
import html
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from synthetic import TITLE, study_of, text_of_page
from tiny import ROOT

from softshot.analysis.names import IN_DARK, INK, MUTED, PALETTE
from softshot.analysis.report import SECTIONS, after_verdict, exact, number, power, signed
from softshot.analysis.tables import duration
from softshot.slices import whole_study


class Page(HTMLParser):
    """The page's elements as (tag, attributes), its scripts, and the text inside `strong` in cells."""

    def __init__(self, path: Path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict]] = []
        self.scripts: list[tuple[dict, str]] = []
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag == "script":
            self.scripts.append((attributes, data))
            self.elements.append(("text", {}))


@pytest.fixture(scope="module")
def page(half_done) -> Page:
    """The page of the study half done."""
    return Page(half_done[0] / "report.html")


def test_page_says_what_is_missing(half_done):
    text = text_of_page(half_done[0])
    assert "60 of 64 runs are done." in text
    assert "beta, MTOP: PT 25 tokens, seed 3" in text
    assert "alpha, DART: IPT 25 tokens, 1 retrieved, seeds 1, 2, 3" in text
    assert "n 2 of 3" in text
    assert "no run yet" in text


def test_hostile_text_is_shown_and_never_markup(page):
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"iframe", "object", "embed", "link"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert all(a["src"].startswith("data:image/svg+xml,") for tag, a in page.elements if tag == "img")
    assert "&lt;script&gt;document.title" in page.source
    assert "<script>document.title" not in page.source


def test_only_the_scripts_of_the_page_may_run(page):
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    executed = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    digests = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in executed}
    assert len(executed) == 2  # the page's own, and the library that it starts when a figure is asked for
    assert set(re.findall("'sha256-([^']+)'", policy)) == digests


def test_page_asks_the_network_for_nothing(page):
    targets = [
        v for _, a in page.elements for k, v in a.items() if k in ("src", "href", "srcset", "xlink:href", "data")
    ]
    assert targets
    assert not [target for target in targets if "://" in target and not target.startswith("data:image/svg+xml,")]
    own = "".join(text for attributes, text in page.scripts if attributes.get("id") != "vega")
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|url\(", own)
    assert "@import" not in page.source


def test_page_is_readable_without_sight_and_without_a_mouse(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") > 5
    assert [tag for tag in tags if tag in ("header", "nav", "main")] == ["header", "nav", "main"]
    drawings = [attributes["alt"] for tag, attributes in page.elements if tag == "img"]
    assert all(drawings)
    assert any("BLEU on DART" in words and "PT 50.0 with 25 soft tokens" in words for words in drawings)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")}
    assert {anchor for anchor in anchors if not anchor.startswith("runs/")} <= {*ids, ""}
    assert all(a.get("tabindex") == "0" for _, a in page.elements if a.get("class") == "scroll")


def test_contents_list_the_sections_that_are_there_in_order(page):
    there = [a["id"] for tag, a in page.elements if tag == "section"]
    listed = [a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")][1 : len(there) + 1]
    assert listed == there == [name for name in SECTIONS if name in there]
    assert {"overview", "scores", "size", "learning", "examples", "runs", "settings"} <= set(there)
    assert not {"transfer", "data_size"} & set(there)  # not in this study


def test_every_mean_of_the_main_table_leads_to_its_runs(page, half_done):
    links = {a["href"] for _, a in page.elements if a.get("href", "").startswith("#runs/")}
    for place in half_done[0].glob("runs/*/*/*/*"):
        if list(place.glob("seed-*/scores.json")):
            assert f"#{place.relative_to(half_done[0])}" in links


def test_page_reports_truncation_and_versions_that_differ(half_done):
    text = text_of_page(half_done[0])
    assert "3 demonstrations left out and 0 inputs cut while predicting, 6 and 3 while tuning" in text
    assert "while tuning (3 training records left out, whose output alone is too long), over 3 runs" in text
    assert "2.0; 2.1 runs differ" in text


def test_page_says_what_is_scored_and_holds_the_whole_configuration(half_done):
    source = (half_done[0] / "report.html").read_text(encoding="utf-8")
    assert html.unescape(re.search("<h1>(.*)</h1>", source)[1]) == TITLE
    assert "DARTBLEU, 4 test records" in text_of_page(half_done[0])
    assert "MTOPexact match, 4 validation records" in text_of_page(half_done[0])
    configuration = yaml.safe_load(html.unescape(re.search("<pre[^>]*>(.*?)</pre>", source, re.DOTALL)[1]))
    assert configuration == whole_study(study_of())


def test_numbers_and_durations_are_written_for_people():
    assert number(12345.678, 1) == "12\u2009345.7"
    assert number(None) == "–"
    assert [power(value) for value in (0.0, 1.234e15, None)] == ["0", "1.2·10¹⁵", "–"]
    assert [signed(value) for value in (1.25, -1.25, None)] == ["+1.2", "−1.2", "–"]
    assert [exact(value) for value in (1 / 3, float("nan"))] == ["0.3333333333", ""]
    assert [duration(s) for s in (8.44, 200, 7500, None)] == ["8.4 s", "3 min 20 s", "2 h 05 min", "–"]


def test_a_verdict_is_not_said_twice():
    assert after_verdict("Not supported: true in 0 of 3 cells.") == "True in 0 of 3 cells."
    assert after_verdict("On DART: no difference.") == "On DART: no difference."


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_all_text_has_a_contrast_of_at_least_4_5(mode):
    style = (ROOT / "workflow/report/style/page.css").read_text()
    roots = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", roots[mode]))
    arms = {f"arm {place}": pair[mode] for place, pair in enumerate(PALETTE.items())}
    texts = ["ink", "muted", "warn", "good", "bad", *arms]
    for text, paper in [
        *((name, "paper") for name in texts),
        ("ink", "wash"),
        ("warn", "warn-wash"),
        ("ink", "warn-wash"),
    ]:
        dark, light = sorted((luminance((colours | arms)[text]), luminance(colours[paper])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{text} on {paper}"
    styled = [colours[name] for name in ("ink", "muted")]
    assert styled == [IN_DARK[colour] if mode else colour for colour in (INK, MUTED)]  # drawings and page agree
