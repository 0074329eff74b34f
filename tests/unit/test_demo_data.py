"""The demo data is what its generator writes, in the layouts of the official files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "resources" / "demo"
DART = {name: f"dart/dart-v1.1.1-full-{name}.json" for name in ("train", "dev", "test")}
MTOP = {name: f"mtop/mtop/en/{name}.txt" for name in ("train", "eval", "test")}
SIZES = [480, 80, 80]


@pytest.fixture(scope="module")
def dart() -> list[list[dict]]:
    return [json.loads((DEMO / "data" / path).read_text("utf-8")) for path in DART.values()]


@pytest.fixture(scope="module")
def mtop() -> list[list[list[str]]]:
    texts = [(DEMO / "data" / path).read_text("utf-8") for path in MTOP.values()]
    return [[line.split("\t") for line in text.splitlines()] for text in texts]


def test_generator_reproduces_the_committed_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DEMO / "make_data.py", "--out", tmp_path], check=True)
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(map(Path.as_posix, written)) == sorted([*DART.values(), *MTOP.values()])
    for path in written:
        assert (tmp_path / path).read_bytes() == (DEMO / "data" / path).read_bytes(), path


def test_no_input_occurs_twice_within_or_across_splits(dart, mtop) -> None:
    assert [len(split) for split in dart] == [len(split) for split in mtop] == SIZES
    facts = [frozenset(map(tuple, record["tripleset"])) for split in dart for record in split]
    assert len(set(facts)) == len(facts) == sum(SIZES)
    for column in (0, 3):  # ids and utterances
        assert len({row[column] for split in mtop for row in split}) == sum(SIZES)


def test_every_reference_is_a_sentence_about_its_facts(dart) -> None:
    for record in [record for split in dart for record in split]:
        assert set(record) == {"tripleset", "subtree_was_extended", "annotations"}
        assert 1 <= len(record["tripleset"]) <= 3
        assert all(len(triple) == 3 for triple in record["tripleset"])
        for annotation in record["annotations"]:
            text = annotation["text"]
            assert 8 <= len(text.split()) <= 25
            assert text[0].isupper() and text.endswith(".") and not re.search(r"[{}()]", text)
            for subject, _, value in record["tripleset"]:
                assert subject.lower() in text.lower() and value.lower() in text.lower()


def test_held_out_records_have_several_references(dart) -> None:
    counts = [{len(record["annotations"]) for record in split} for split in dart]
    assert counts == [{1, 2, 3}, {2, 3}, {2, 3}]


def test_parses_agree_with_their_columns(mtop) -> None:
    for row in [row for split in mtop for row in split]:
        _, intent, spans, utterance, domain, locale, form, tokens = row
        assert domain and locale == "en_XX"
        assert form.startswith(f"[{intent} ") and form.endswith(" ]")
        for start, end, label in re.findall(r"(\d+):(\d+):(SL:\w+)", spans):
            text = utterance[int(start) : int(end)]
            nested = rf"\[{label} \[IN:"
            assert f"[{label} {text} ]" in form or re.search(nested, form)
        assert len(spans.split(",")) == len(top_slots(form))
        parsed = json.loads(tokens)
        assert parsed["tokens"] == utterance.split()
        for token, span in zip(parsed["tokens"], parsed["tokenSpans"], strict=True):
            assert utterance[span["start"] :][: span["length"]] == token


def top_slots(form: str) -> list[str]:
    """The labels one bracket deep; fails where the brackets do not balance."""
    depth, slots = 0, []
    for token in form.split():
        if token == "]":
            depth -= 1
            assert depth >= 0, form
        elif token.startswith("["):
            depth += 1
            if depth == 2:
                slots.append(token)
    assert depth == 0, form
    return slots
