"""The report page in a browser: drawn at laptop and phone width, quietly and offline, and it does what it says."""

import csv
import itertools
import subprocess
import sys

import pytest
from synthetic import HOSTILE, TITLE
from tiny import ROOT

SECTIONS = [
    "overview",
    "advice",
    "scores",
    "claims",
    "size",
    "spread",
    "similarity",
    "significance",
    "cost",
    "prompts",
]
SECTIONS += ["learning", "demonstrations", "examples", "runs", "settings"]


def texts(page, selector: str) -> list[str]:
    """What the elements say, white space collapsed."""
    return [" ".join(text.split()) for text in page.locator(selector).all_inner_texts()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_drawn_quietly_and_nothing_sticks_out(visit, width, scheme):
    view = visit(width=width, color_scheme=scheme)
    view.page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    for image in view.page.locator("img").all():
        image.scroll_into_view_if_needed()
    view.page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth > 100)")
    assert view.page.evaluate("document.documentElement.scrollWidth") == width
    right = "Math.max(...[...document.images].map((image) => image.getBoundingClientRect().right))"
    assert view.page.evaluate(right) <= width
    sections = view.page.evaluate("[...document.querySelectorAll('section')].map((s) => [s.id, s.offsetHeight])")
    assert {name for name, _ in sections} <= {*SECTIONS}
    assert {"scores", "size", "learning", "examples", "cost", "runs", "settings"} <= {name for name, _ in sections}
    assert all(height > 80 for _, height in sections)
    paper = view.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}[scheme]
    assert view.said == []
    assert [url for url in view.asked if not url.startswith("data:image/svg+xml,")] == [view.page.url]
    assert view.page.title() == TITLE


def test_a_table_sorts_by_mouse_and_by_key_and_says_so(visit):
    page = visit().page
    header = page.locator("#scores-table thead th").nth(1)
    before = texts(page, "#scores-table tbody:nth-of-type(1) td:nth-child(2) a")
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    shown = texts(page, "#scores-table tbody:nth-of-type(1) td:nth-child(2) a")
    assert shown == sorted(before, key=float, reverse=True) != before
    header.locator("button").press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert texts(page, "#scores-table tbody:nth-of-type(1) td:nth-child(2) a") == shown[::-1]
    other = page.locator("#scores-table thead th").first
    other.locator("button").press("Space")
    assert (other.get_attribute("aria-sort"), header.get_attribute("aria-sort")) == ("ascending", "none")
    header.locator("button").click()
    header.locator("button").click()
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "none"
    assert texts(page, "#scores-table tbody:nth-of-type(1) td:nth-child(2) a") == before


def test_unknown_values_stay_last_whichever_way_a_table_is_sorted(visit):
    page = visit().page
    header = page.locator("#scores-table thead th").nth(1).locator("button")
    for _ in range(2):
        header.click()
        assert "no run yet" in texts(page, "#scores-table tbody:nth-of-type(2) tr:last-child td:nth-child(2)")[0]


def test_a_table_is_filtered_and_counts_its_rows(visit):
    page = visit().page
    bar = page.locator("#runs .bar")
    assert bar.locator("output").inner_text() == "64 rows"
    assert page.locator("#runs-table tbody tr").count() == 30
    page.get_by_role("button", name="Show 30 more of 64").click()
    assert page.locator("#runs-table tbody tr").count() == 60
    page.get_by_label("Filter runs").fill("ALPHA dart ipt missing")
    assert bar.locator("output").inner_text() == "3 of 64 rows"
    assert texts(page, "#runs-table tbody td:nth-child(5)") == ["missing"] * 3
    page.get_by_label("Filter runs").fill("no such run")
    assert bar.locator("output").inner_text() == "0 of 64 rows"


def test_one_task_can_be_looked_at_alone(visit):
    page = visit().page
    page.locator("#choice select[name=task]").select_option("mtop")
    assert page.locator("#figure-size [data-panel]:visible").count() == 2
    assert page.locator("#runs .bar output").inner_text() == "32 of 64 rows"
    page.locator("#choice select[name=model]").select_option("alpha")
    assert page.locator("#figure-size [data-panel]:visible").count() == 1
    page.locator("#choice select[name=task]").select_option("")
    page.locator("#choice select[name=model]").select_option("")
    assert page.locator("#figure-size [data-panel]:visible").count() == 4


def test_a_filtered_table_is_saved_as_it_is_seen(visit, tmp_path):
    view = visit()
    page = view.page
    page.locator("#cost summary", has_text="All costs").click()
    page.get_by_label("Filter arms").last.fill("tokens alpha mtop")
    page.locator("#cost-table thead button", has_text="Trained parameters").click()
    with page.expect_download() as waiting:
        page.locator("#cost .bar:has(input) button.save").click()
    waiting.value.save_as(tmp_path / "costs.csv")
    assert waiting.value.suggested_filename == "cost-table.csv"
    head, *rows = csv.reader((tmp_path / "costs.csv").open(encoding="utf-8"))
    assert head[:3] == ["Model", "Task", "Arm"] and head[5:7] == ["Forgotten", "Trained parameters"]
    assert [row[0] for row in rows] == ["alpha"] * 4
    assert [float(row[6]) for row in rows] == [200, 200, 40, 40]
    assert {(row[5], row[6]) for row in rows} == {("0.05", "40"), ("0.25", "200")}
    assert view.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_front_is_that_of_the_columns_which_are_chosen(visit, scheme):
    """The score rises with what is trained: with fewer numbers, no arm has a better one."""
    view = visit(color_scheme=scheme)
    page = view.page
    page.locator("#choice select[name=model]").select_option("alpha")
    page.locator("#choice select[name=task]").select_option("mtop")
    page.locator("#cost summary", has_text="Any two columns").click()
    page.locator("#front-drawing svg").wait_for()
    choose = page.locator("#front-choice")
    choose.locator("select[name=x]").select_option(label="trained parameters")
    words = page.locator("#front-words")
    page.wait_for_function("document.querySelector('#front-drawing svg')?.textContent.includes('trained parameters')")
    front = words.inner_text()
    assert all(name in front for name in ("ICL, 1 retrieved", "IPT, 5 tokens", "IPT, 25 tokens"))
    assert "PT, 25 tokens (" not in front.replace("IPT, 25 tokens", "") and "random" not in front
    assert "alpha" in front and "beta" not in front and "DART" not in front
    choose.locator("select[name=y]").select_option(label="forgotten (nats per token)")
    page.wait_for_function("!document.querySelector('#front-words').textContent.includes('25 tokens')")
    assert "ICL" in words.inner_text() and "IPT" not in words.inner_text(), "least trained, least forgotten"
    page.locator("#choice select[name=task]").select_option("")
    page.wait_for_function("document.querySelector('#front-words').textContent.includes('DART')")
    assert view.said == []
    assert [url for url in view.asked if not url.startswith("data:")] == [page.url]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_become_interactive_and_tell_their_values(visit, scheme):
    view = visit(color_scheme=scheme)
    for figure in view.page.locator("figure:visible").all():
        size = figure.locator("[data-panel] img").first.bounding_box()
        figure.locator("button").click()
        view.page.wait_for_function(
            "(figure) => !figure.querySelector('[data-panel]:not([data-state=interactive])')",
            arg=figure.element_handle(),
        )
        drawn = figure.locator("[data-panel] svg").first.bounding_box()
        assert abs(drawn["height"] / size["height"] - 1) < 0.1  # the reader's fonts may be wider than ours, no more
    mark = view.page.locator("#figure-size svg .mark-symbol path[d]:not([d=''])").first
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    tip = view.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert "soft tokens" in tip.inner_text()
    assert "BLEU" in tip.inner_text()
    assert view.said == []
    assert [url for url in view.asked if not url.startswith("data:")] == [view.page.url]


def test_a_figure_becomes_interactive_under_the_mouse(visit):
    page = visit().page
    panel = page.locator("#figure-learning [data-panel]").first
    panel.hover()
    page.wait_for_selector("#figure-learning [data-panel][data-state=interactive] svg")
    assert panel.locator("[role=img]").get_attribute("aria-label").startswith("Validation loss")


def test_the_example_browser_turns_by_button_and_by_key(visit):
    view = visit()
    page, count = view.page, view.page.locator("#example-count")
    assert count.inner_text() == "Record 1 of 4"
    assert HOSTILE in page.locator("#example").inner_text()
    assert page.locator("#example script, #example img").count() == 0
    page.get_by_role("button", name="Next").click()
    assert count.inner_text() == "Record 2 of 4"
    page.locator("#example").focus()
    page.keyboard.press("ArrowRight")
    assert count.inner_text() == "Record 3 of 4"
    assert "nothing written" in page.locator("#example").inner_text()
    page.keyboard.press("ArrowLeft")
    assert count.inner_text() == "Record 2 of 4"
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert count.inner_text() == "Record 4 of 4"
    assert page.get_by_role("button", name="Next").is_disabled()
    assert "cut at the length limit" in page.locator("#example").inner_text()
    assert view.said == []
    assert page.title() == TITLE


def test_texts_run_in_their_own_languages_direction(visit):
    texts = visit().page.locator("#example").locator("dd.input, ul > li, bdi, details pre")
    assert texts.count() > 8
    of = "(texts, words) => texts.map((text) => (text.textContent = words, getComputedStyle(text).direction))"
    assert set(texts.evaluate_all(of, "שלום, mondo")) == {"rtl"}
    assert set(texts.evaluate_all(of, "mondo, שלום")) == {"ltr"}


def test_the_example_browser_filters_by_task_arm_and_right_or_wrong(visit):
    page = visit().page
    form, count = page.locator("#example-choice"), page.locator("#example-count")
    form.locator("[name=right]").select_option("right")
    assert count.inner_text() == "Record 1 of 1"
    assert "dart" not in page.locator("#example").inner_text()
    assert page.locator("#example .tag.right").count() == 4
    form.locator("[name=right]").select_option("wrong")
    assert count.inner_text() == "Record 1 of 3"
    form.locator("[name=right]").select_option("mixed")
    assert count.inner_text() == "No record is like this"
    form.locator("[name=right]").select_option("")
    form.locator("[name=task]").select_option("mtop")
    assert "validation 0" in page.locator("#example").inner_text()
    form.locator("[name=model]").select_option("alpha")
    form.locator("[name=arm]").select_option("IPT")
    assert count.inner_text() == "Record 1 of 4"


def test_a_mean_leads_to_its_runs_and_a_run_to_its_files(visit, report):
    view = visit()
    page = view.page
    page.locator("#scores-table a", has_text="50.0").first.click()
    page.wait_for_function("location.hash.startsWith('#runs/')")
    assert page.url.endswith("#runs/beta/dart/pt/tokens-25")
    assert page.locator("#runs .bar output").inner_text() == "3 of 64 rows"
    page.locator("#runs-table button.open").nth(1).click()
    details = page.locator("#runs-table .detail")
    assert "chrF" in details.inner_text()
    assert "2.1" in details.inner_text()
    for link in details.locator("a").all():
        assert (report.parent / link.get_attribute("href")).is_file()
    page.locator("#runs-table button.open").nth(1).click()
    assert details.count() == 0
    page.get_by_role("button", name="Show all runs").click()
    assert page.locator("#runs .bar output").inner_text() == "64 rows"
    assert view.said == []


def test_the_address_of_a_run_opens_its_details(visit):
    page = visit("#runs/alpha/mtop/ipt/tokens-5_retrieved-1/seed-3").page
    assert page.locator("#runs-table tbody tr.arm-2").count() == 1
    assert "exact match" in page.locator("#runs-table .detail").inner_text()
    assert page.locator("#runs-table button.open").get_attribute("aria-expanded") == "true"
    page.wait_for_timeout(500)
    top = page.evaluate("document.getElementById('runs').getBoundingClientRect().top")
    assert 0 <= top < 300
    button = page.locator("#runs-table button.open").bounding_box()
    assert button["x"] + button["width"] < 1280  # the details do not push it out of the table's box


def test_everything_has_a_name_and_a_place_in_the_order(visit):
    page = visit().page
    nameless = """[...document.querySelectorAll("input, select, button, a, summary")].filter((element) =>
      !(element.labels?.length || element.textContent.trim() || element.getAttribute("aria-label"))).length"""
    assert page.evaluate(nameless) == 0
    assert page.evaluate("[...document.querySelectorAll('table')].every((table) => table.caption?.textContent.trim())")
    headers = "[...document.querySelectorAll('#runs-table thead th, #scores-table thead th')]"
    assert page.evaluate(f"{headers}.every((th) => th.hasAttribute('aria-sort') || 'fixed' in th.dataset)")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))")
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_without_scripts_the_drawings_and_tables_are_there(visit):
    page = visit(java_script_enabled=False).page
    assert page.locator("#scores-table").is_visible()
    assert page.locator("#figure-size img").first.is_visible()
    assert "needs JavaScript" in page.locator("#runs").inner_text()
    assert not page.locator("#choice").is_visible()


def test_paper_has_no_controls(visit):
    page = visit().page
    page.emulate_media(media="print")
    assert page.locator("#figure-size img").first.is_visible()
    assert [name for name in ("nav", ".bar", ".tools", "#runs") if page.locator(name).first.is_visible()] == []


@pytest.mark.long
@pytest.mark.parametrize("seeds", ["3", "13"])
def test_a_large_study_makes_elements_only_of_what_is_shown(visit, tmp_path, seeds):
    folder = tmp_path / "synthetic"
    subprocess.run([sys.executable, ROOT / "tests/synthetic_study.py", folder, "--seeds", seeds], check=True)
    settings = (folder / "settings.json").read_text(encoding="utf-8")
    command = [sys.executable, "-m", "softshot.analysis", "--settings", settings, "--results", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    view = visit(path=folder / "report.html")
    assert view.said == []
    assert view.page.locator("*").count() < 40_000
    view.page.get_by_label("Filter runs").fill("gpt2-xl mtop ipt")
    shown = view.page.locator("#runs .bar output").inner_text()
    assert shown.endswith({"3": "of 1200 rows", "13": "of 5100 rows"}[seeds])


def test_a_row_can_be_read_as_the_model_was_given_it(visit):
    page = visit().page
    answer = page.locator("#example dl > div").nth(5)  # after input and references: the first with a soft prompt
    answer.locator("summary", has_text="The whole row").click()
    row = answer.locator("pre").inner_text()
    assert row.startswith("⟨25 tokens of soft prompt⟩")
    assert " =>" in row and row.strip().endswith("=>")
