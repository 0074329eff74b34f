"""The report page of the synthetic study: what it says and how it is made, without a browser."""

import html
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import yaml
from synthetic import TITLE, study_of, text_of_page

from softshot.study import analysis_slice


class Page(HTMLParser):
    """The page's elements as (tag, attributes), and the text inside `strong`."""

    def __init__(self, path: Path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict]] = []
        self.bold: list[str] = []
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "strong" and data.strip():
            self.bold.append(data)
            self.elements.append(("text", {}))


def test_page_says_what_is_missing(half_done):
    text = text_of_page(half_done[0])
    assert "60 of 64 runs are done." in text
    assert "beta, MTOP: PT 25 tokens, seed 3" in text
    assert "alpha, DART: IPT 25 tokens, 1 retrieved, seeds 1, 2, 3" in text
    assert "n 2 of 3" in text
    assert "no run yet" in text


def test_page_has_the_best_mean_of_each_model_and_task_in_bold(half_done):
    bold = [text for text in Page(half_done[0] / "report.html").bold if re.fullmatch(r"[\d.]+", text)]
    assert sorted(bold) == ["50.0", "60.0", "60.0", "60.0"]  # alpha's IPT with 25 tokens has no run on DART


def test_hostile_text_is_shown_and_never_markup(half_done):
    page = Page(half_done[0] / "report.html")
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;document.title" in page.source


def test_page_asks_the_network_for_nothing(half_done):
    page = Page(half_done[0] / "report.html")
    targets = [
        v for _, a in page.elements for k, v in a.items() if k in ("src", "href", "srcset", "xlink:href", "data")
    ]
    assert targets
    assert all(target.startswith("#") for target in targets)
    assert "url(" not in page.source
    assert "@import" not in page.source


def test_page_is_readable_without_sight_and_without_a_mouse(half_done):
    page = Page(half_done[0] / "report.html")
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") == 3
    figures = [attributes["aria-label"] for _, attributes in page.elements if attributes.get("role") == "img"]
    assert len(figures) == 8  # two figures of two models on two tasks
    assert any("BLEU on DART" in words and "PT 50.0 with 25 tokens" in words for words in figures)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {target[1:] for _, a in page.elements if (target := a.get("href"))} <= set(ids)
    assert all(a.get("tabindex") == "0" for _, a in page.elements if a.get("class") == "scroll")


def test_page_reports_truncation_and_versions_that_differ(half_done):
    text = text_of_page(half_done[0])
    assert "3 demonstrations left out and 0 inputs cut while predicting, 6 and 3 while tuning, over 3 runs" in text
    assert "2.0; 2.1 runs differ" in text


def test_page_says_what_is_scored_and_holds_the_whole_configuration(half_done):
    source = (half_done[0] / "report.html").read_text(encoding="utf-8")
    assert html.unescape(re.search("<h1>(.*)</h1>", source)[1]) == TITLE
    assert "BLEU, 4 test records" in text_of_page(half_done[0])
    assert "exact match, 4 validation records" in text_of_page(half_done[0])
    configuration = yaml.safe_load(html.unescape(re.search("<pre[^>]*>(.*?)</pre>", source, re.DOTALL)[1]))
    assert configuration == analysis_slice(study_of())
