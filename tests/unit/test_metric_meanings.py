"""What the metrics mean, and that whatever is predicted has a score."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from scored import record_of, statistics_of

from softshot.scoring import registry, score
from softshot.scoring.frame import frame

ERRORS = ["ter", "dart_ter"]  # the lower, the better
OTHERS = (*registry.NEEDS, registry.LEARNED, *registry.OF_CHOICES)
TEXT = [name for name in registry.METRICS if name not in OTHERS]  # need references alone
HOSTILE = [
    "",
    "   ",
    "\u3000\xa0\t",
    "\0",
    "a\0b",
    "🛫🏽‍✈️ " * 20,
    "[" * 500 + "]" * 500,
    "[IN:A " * 2000,
    "word " * 3000,
]
HOSTILE += [
    "\u2028\x85\x1c",
    "&lt;skipped&gt;<skipped>-",
    "نص عربي 漢字",
    "\ud7ff\U0010ffff",
    ".,.,-1,.-",
    "%s {} \\1 (?",
]


def scores_of(name: str, prediction: str, references: list[str], **meta) -> dict[str, float]:
    """The scores of one prediction."""
    metric = registry.metric(name)
    return metric.scores(metric.statistics(prediction, record_of(references, **meta)))


# What the metrics mean


@pytest.mark.parametrize("name", TEXT)
def test_references_score_best_and_empty_predictions_worst(name):
    references = ["[IN:A river [SL:B lies in the north ] ]", "[IN:C no word of this one ]", "[IN:D nor here at all ]"]
    best, worst = (0, 100) if name in ERRORS else (100, 0)
    assert scores_of(name, references[0], references)[name] == pytest.approx(best)
    assert scores_of(name, "", references[:1] * 3)[name] == pytest.approx(worst)
    metric = registry.metric(name)
    rows = [metric.statistics(text, record_of(references)) for text in (references[0], "word")]
    assert 0 < metric.scores(score.total(rows))[name] < 100
    assert getattr(metric, "lower_is_better", False) == (name in ERRORS)


def test_bleu_is_cased_and_takes_all_references():
    references = ["one two three four", "five six seven eight", "nine ten eleven twelve", "RIGHT AT THE END"]
    assert scores_of("bleu", "RIGHT AT THE END", references)["bleu"] == pytest.approx(100)
    assert scores_of("bleu", "right at the end", references)["bleu"] == 0


def test_dart_bleu_takes_the_first_three_references_in_lower_case():
    bleu = registry.metric("dart_bleu")
    references = ["one two three four", "five six seven eight", "nine ten eleven twelve", "RIGHT AT THE END"]
    assert bleu.statistics("right at the end", record_of(references))[2:6] == [0, 0, 0, 0]
    assert bleu.statistics("right at the end", record_of(references[1:]))[2:6] == [4, 3, 2, 1]


@pytest.mark.parametrize(
    "references, short",
    [
        (["one two three four"], 0),
        (["yes"], 1),
        (["new york city", "one two three four"], 0),
        (["我想预订一张去北京的火车票"], 1),  # written without blanks, so one word
        (["It's 5 o'clock."], 0),  # as 13a has words: the full stop is one
    ],
)
def test_bleu_says_where_it_cannot_tell(references, short):
    bleu = registry.metric("bleu")
    row = bleu.statistics(references[0], record_of(references))
    expected = "1 of 1 records have no reference of 4 words, so that BLEU gives their best output nothing for 4-grams"
    assert bleu.note(row, 1) == (f"{expected}; chrf and exact_match can tell" if short else None)


@pytest.mark.parametrize("prediction", ["", " \t"])
def test_totto_bleu_reads_null_where_nothing_is(prediction):
    bleu = registry.metric("totto_bleu")
    assert bleu.statistics(prediction, record_of(["one", "two"]))[:6] == [3, 3, 3, 2, 1, 0]  # `< null >`
    assert bleu.statistics(prediction, record_of(["one", "two", "three"]))[2:6] == [0, 0, 0, 0]


def test_chrf_takes_the_best_of_all_references():
    chrf = registry.metric("chrf")
    references = ["zzz", "yyy", "xxx", "the right one"]
    texts = [record_of(references), record_of(references[3:])]
    assert chrf.statistics("the right one", texts[0]) == chrf.statistics("the right one", texts[1])


def test_ter_is_edits_to_the_nearest_reference_per_average_reference_word():
    ter = registry.metric("ter")
    references = ["a b c d", "x y"]
    assert ter.statistics("a b c", record_of(references)) == [1, 3]
    assert ter.statistics("c d a b", record_of(references)) == [1, 3]  # one shift
    assert scores_of("ter", "q w e r t y", ["x"])["ter"] == 600


@pytest.mark.parametrize(
    "prediction, reference, expected",
    [
        ("The cat, sat!", "a cat sat", 100),  # articles, case and punctuation do not count
        ("cat cat", "cat", 100 * 2 / 3),  # but how often a word stands there does
        ("dog", "cat", 0),
        ("the", "a", 100),  # nothing is left on either side
        ("", "cat", 0),
        ("ein Haus", "Haus ein", 100),
        ("theatre", "atre", 0),  # only whole words are articles
    ],
)
def test_token_f1_is_squads(prediction, reference, expected):
    assert scores_of("token_f1", prediction, ["nothing of it", reference])["token_f1"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "reference, note",
    [
        ("a cat", None),
        ("ein Haus", None),
        ("서울은 수도다", None),  # written with blanks
        ("The!", "1 of 1 records have a reference of articles and punctuation, where no word is right"),
        (
            "我想预订火车票",
            "1 of 1 records have a reference in a script without blanks, of which a whole clause is one word, right or"
            " wrong; chrf can tell",
        ),
        ("วันนี้", "1 of 1 records have a reference in a script without blanks, of which a whole clause is one word,"),
    ],
)
def test_token_f1_says_where_it_cannot_tell(reference, note):
    metric = registry.metric("token_f1")
    found = metric.note(metric.statistics(reference, record_of([reference])), 1)
    assert found is None if note is None else found.startswith(note)


def test_logic2text_rouge_is_of_stems_with_n_grams_beside_it():
    found = scores_of("logic2text_rouge", "the dogs ran home quickly", ["the dog ran home quick", "no"])
    assert list(found) == ["logic2text_rouge", "logic2text_rouge_1", "logic2text_rouge_2", "logic2text_rouge_4"]
    # Only words of more than three letters are stemmed, and `quickli` is no `quick`.
    assert found["logic2text_rouge_1"] == pytest.approx(100 * 4 / 5)
    assert found["logic2text_rouge"] == pytest.approx(100 * 4 / 5)
    assert found["logic2text_rouge_2"] == pytest.approx(100 * 3 / 4)
    assert found["logic2text_rouge_4"] == pytest.approx(100 * 1 / 2)


def test_logic2text_rouge_is_rouge_scores(real_data):
    """Kept stems change nothing."""
    lines = (real_data / "metrics/logic2text/gold.tsv").read_text(encoding="utf-8").splitlines()[:60]
    texts = [line.split("\t")[1] for line in lines]
    scorer = RougeScorer(["rouge1", "rouge2", "rouge4", "rougeL"], use_stemmer=True)
    metric = registry.metric("logic2text_rouge")
    for one, other in itertools.pairwise(texts):
        expected = [part.fmeasure for part in scorer.score(other, one).values()]
        assert metric.statistics(one, record_of([other])) == [*expected, 1, 0]


def test_rouge_l_is_the_longest_common_subsequence_without_stemming():
    assert scores_of("rouge_l", "The dog ran", ["the dog sat and ran"])["rouge_l"] == pytest.approx(100 * 2 * 3 / 8)
    assert scores_of("rouge_l", "dogs", ["dog"])["rouge_l"] == 0
    assert scores_of("rouge_l", "dog", ["cat", "dog"])["rouge_l"] == 100


def test_rouge_l_says_where_it_cannot_read():
    rouge = registry.metric("rouge_l")
    rows = [rouge.statistics(text, record_of([text])) for text in ("漢字 です", "word", "...")]
    assert rouge.note(score.total(rows), 3) == "2 of 3 records have no Latin letter or digit in a reference and score 0"
    assert rouge.note(rows[1], 1) is None


@pytest.mark.parametrize(
    "prediction, equal",
    [
        ("[IN:GET_EVENT [SL:DATE in 2018 ] ]", 1),
        ("  [IN:GET_EVENT\t[SL:DATE  in 2018 ] ] ", 1),
        ("[IN:GET_EVENT [SL:DATE in 2018 ]]", 0),
        ("[IN:GET_EVENT [SL:DATE In 2018 ] ]", 0),
        ("[IN:GET_EVENT [SL:DATE in 2018 ] ] .", 0),
        ("", 0),
    ],
)
def test_exact_match_normalises_white_space_and_repairs_nothing(prediction, equal):
    metric = registry.metric("exact_match")
    assert metric.statistics(prediction, record_of(["[IN:GET_EVENT [SL:DATE in  2018 ] ]"])) == [equal, 1]


def test_exact_match_is_a_percentage_over_records_and_any_reference_counts():
    rows = statistics_of("exact_match", ["c d", "a d", "a b", "a"], [["a b", "c d"]] * 4)
    assert registry.metric("exact_match").scores(score.total(rows)) == {"exact_match": 50}


@pytest.mark.parametrize(
    "prediction, expected",
    [
        ("[IN:A [SL:B x ] [SL:C [IN:D [SL:E y ] ] ] ]", [1, 1, 0, 1]),
        ("[IN:A [SL:C [IN:D [SL:E other words ] ] ] [SL:B z ] ]", [1, 1, 0, 1]),  # words and order do not count
        ("[IN:A [SL:B x ] [SL:B x ] [SL:C [IN:D [SL:E y ] ] ] ]", [1, 1, 0, 1]),  # a set of paths
        ("[IN:A [SL:B x ] [SL:C [IN:D [SL:E ] ] ] ]", [0, 1, 0, 1]),  # nothing in E
        ("[IN:A [SL:B x ] [SL:C [IN:D [SL:F y ] ] ] ]", [0, 1, 0, 1]),
        ("[IN:A [SL:B x ] [SL:E y ] ]", [0, 1, 0, 1]),  # another path to E
        ("[IN:Z [SL:B x ] [SL:C [IN:D [SL:E y ] ] ] ]", [0, 0, 0, 1]),
        ("[IN:A [SL:B x ] [SL:C [IN:D [SL:E y ] ] ]", [0, 0, 1, 1]),  # not closed
        ("[IN:A [SL:B x ] ] ]", [0, 0, 1, 1]),
        ("[IN:A ] [IN:A ]", [0, 0, 1, 1]),  # two roots
        ("[IN:A x ] and more", [0, 0, 1, 1]),
        ("[ x ]", [0, 0, 1, 1]),
        ("word", [0, 0, 1, 1]),
        ("", [0, 0, 1, 1]),
    ],
)
def test_frames_are_intents_and_paths_to_words(prediction, expected):
    gold = "[IN:A [SL:B x ] [SL:C [IN:D [SL:E y ] ] ] ]"
    assert registry.metric("frame_accuracy").statistics(prediction, record_of([gold])) == expected


def test_a_deep_form_takes_memory_in_proportion():
    depth = 30_000
    form = "[IN:A x " * depth + "] " * depth
    paths = {}
    assert frame(form, paths) == ("IN:A", set(range(1, depth + 1)))
    assert len(paths) == depth


@pytest.mark.parametrize(
    "logic, text, right",
    [
        ("only { filter_eq { all_rows ; a ; b } } = true", "there is one b", 1),
        ("only { filter_eq { all_rows ; a ; b } } = true", "there is a b", 0),
        ("eq { hop { nth_argmax { all_rows ; a ; 2 } ; b } ; c }", "c is the second highest", 1),
        ("eq { hop { nth_argmax { all_rows ; a ; 2 } ; b } ; c }", "c is the highest", 0),  # the gold sentence says two
        ("eq { count { all_rows } ; 3 }", "c", 1),  # the gold sentence does not say three either
        ("eq { count { all_rows } ; 1 }", "c", 1),  # any sentence says one
        ("most_greater { all_rows ; a ; 5000 }", "most are more than 5,000", 1),
        ("most_greater { all_rows ; a ; 5000 }", "most are 5000", 1),
        ("most_greater { all_rows ; a ; 5000 }", "a few are 4000", 0),
        ("avg { all_rows ; a }", "the Average", 0),  # cased
        ("filter_eq { all_rows ; a ; b }", "nothing of it", 0),  # `not` occurs
        ("filter_eq { all_rows ; not ; b }", "nothing of it", 1),
        ("eq { 8 ; 8 }", "nine", 1),  # the official slip
        ("eq { 8 ; 8 }", "the eighth", 1),
        ("eq { 8 ; 8 }", "eight", 0),
    ],
)
def test_blec_reads_operators_numbers_and_not(logic, text, right):
    record = record_of(["two of 5,000, 8 in all"], logic=logic)
    assert registry.metric("blec").statistics(text, record) == [right, 1]


# Whatever is predicted


@pytest.mark.parametrize("name", [*TEXT, "parent", "blec"])
@pytest.mark.parametrize("prediction", HOSTILE, ids=range(len(HOSTILE)))
def test_any_prediction_has_a_score(name, prediction):
    found = scores_of(name, prediction, ["[IN:A the river ]", "🛫"])
    assert next(iter(found)) == name
    assert all(0 <= value <= 100 or name in ERRORS for value in found.values())
    json.dumps(found, allow_nan=False)


@given(st.text(), st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_text_has_statistics_of_one_length(prediction, references):
    for name in [*TEXT, "parent", "blec"]:
        metric = registry.metric(name)
        row = metric.statistics(prediction, record_of(references))
        assert len(row) == len(metric.statistics("a", record_of(["b"])))
        json.dumps(metric.scores(row), allow_nan=False)
