"""Edits with shifts: edit for edit those of tercom 0.7.25 and of sacrebleu, whose searches differ."""

import random

import pytest
from sacrebleu.metrics.lib_ter import translation_edit_rate

from softshot.scoring.ter import TRIED, Sacrebleu
from softshot.scoring.tercom import Tercom, edits

WORDS = [str(number) for number in range(60)]


def pairs(seed: int, count: int, vocabulary: int, longest: int) -> list[tuple[list[str], list[str]]]:
    """Texts of some words, and of each a part with words left out, blocks moved and words added."""
    generator = random.Random(seed)
    made = []
    for _ in range(count):
        reference = generator.choices(WORDS[:vocabulary], k=generator.randint(1, longest))
        first = generator.randrange(len(reference)) if generator.random() < 0.3 else 0
        hypothesis = [word for word in reference[first:] if generator.random() > 0.15]
        for _ in range(generator.randint(0, 3)):
            start = generator.randint(0, len(hypothesis))
            block, rest = hypothesis[start : start + 4], hypothesis[:start] + hypothesis[start + 4 :]
            place = generator.randint(0, len(rest))
            hypothesis = rest[:place] + block + rest[place:]
        hypothesis += generator.choices(WORDS[:vocabulary], k=generator.choice([0, 2, longest // 2]))
        made.append((hypothesis, reference))
    return made


@pytest.mark.parametrize(
    "hypothesis, reference, expected",  # as tercom printed them
    [
        ("on monday he was born in paris", "he was born in paris on monday", 1),
        ("c b c c a", "a c c b c", 2),  # sacrebleu finds 3
        ("b a b b a a", "a a a b b b", 3),  # sacrebleu finds 2
        ("a b c b a a c", "c a a b b c c", 3),  # sacrebleu finds 4
        (" ".join(WORDS[12:24] + WORDS[:12]), " ".join(WORDS[:24]), 2),  # a shift takes ten words at most
        (" ".join(WORDS[23:26]), " ".join(WORDS[:45]), 45),  # outside the beam; 42 deletions would do
        (" ".join(WORDS[50:55]), " ".join(WORDS), 60),
        ("a b" + " x" * 49, "y " * 49 + "a b", 50),
        ("a b" + " x" * 51, "y " * 50 + "a b", 53),  # too far
        ("x " * 60 + "a b", "a b" + " y" * 60, 62),
        ("", "a b", 2),
        ("a b", "", 2),
    ],
)
def test_edits_are_tercoms(hypothesis, reference, expected):
    assert edits(hypothesis.split(), reference.split()) == expected


@pytest.mark.parametrize("seed, vocabulary, longest", [(0, 3, 20), (1, 10, 45), (2, 60, 45)])
def test_tercoms_alignments_in_bits_are_those_of_its_matrix(seed, vocabulary, longest):
    """Cost and operations, where the beam cuts and where it does not."""
    cut = 0
    for hypothesis, reference in pairs(seed, 100, vocabulary, longest):
        search = Tercom(hypothesis, reference)
        alignment = search.align(hypothesis)
        path = alignment.path or search.path(hypothesis, search.columns(hypothesis))
        assert (alignment.cost, path) == search.by_program(hypothesis)
        assert alignment.distance <= alignment.cost
        cut += alignment.distance < alignment.cost
    assert cut or longest < 45


@pytest.mark.parametrize("seed, count, vocabulary, longest", [(3, 300, 4, 12), (4, 60, 20, 30), (5, 12, 60, 60)])
def test_edits_are_sacrebleus(seed, count, vocabulary, longest):
    for hypothesis, reference in pairs(seed, count, vocabulary, longest):
        search = Sacrebleu(hypothesis, reference)
        assert search.edits() == translation_edit_rate(hypothesis, reference)[0]


def test_sacrebleu_makes_no_shift_after_a_thousand_were_tried():
    generator = random.Random(0)
    hypothesis, reference = ["a"] * 20 + generator.choices("bc", k=30), generator.choices("bc", k=30) + ["a"] * 20
    search = Sacrebleu(hypothesis, reference)
    assert search.edits() == translation_edit_rate(hypothesis, reference)[0] == search.align(hypothesis).cost
    assert search.tried >= TRIED
    assert edits(hypothesis, reference) < search.edits()  # tercom goes on


@pytest.mark.parametrize("count", [3, 40])
def test_sacrebleu_keeps_an_alignment_in_a_band(count):
    hypothesis, reference = WORDS[60 - count : 60], WORDS
    for one, other in ((hypothesis, reference), (reference, hypothesis)):
        assert Sacrebleu(one, other).edits() == translation_edit_rate(one, other)[0]
