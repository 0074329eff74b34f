"""Decoding gives the same text for any batch size and order, and the text that the model itself would give."""

import random
from dataclasses import replace

import pytest
import torch
from plain import PACKED, PADDED, plain_greedy
from tiny import ARCHITECTURES

from softshot.engine import decoding
from softshot.engine.beam import Beams, Ends, fold
from softshot.engine.cache import SlotCache
from softshot.engine.decoding import continuations, decode, kv_cache_mb, shared_prefix
from softshot.engine.layout import Row
from softshot.engine.prefix import Prefix, states_of
from softshot.engine.stops import Stops
from softshot.errors import UserError
from softshot.settings import GenerationSettings


@pytest.fixture
def base(base):
    """A tiny model in which one token in nine ends a text, so that rows end at different times."""
    ends = [base.tokenizer.eos_token_id, *range(2, base.model.config.vocab_size, 9)]
    base.model.config.eos_token_id = ends
    yield base
    base.model.config.eos_token_id = base.tokenizer.eos_token_id


def stops(base, separator="\n\n"):
    return Stops.of(base, separator)


def random_rows(count=9):
    """Rows of very different lengths, in no order."""
    generator = torch.Generator().manual_seed(4)
    lengths = [8, 1, 40, 2, 34, 3, 13, 21, 5][:count]
    return [Row(str(n), torch.randint(2, 250, (n,), generator=generator).tolist()) for n in lengths]


def prefix_of(base, tokens, kind="embeddings"):
    """A random soft prompt, or as random keys and values; None of no tokens."""
    generator = torch.Generator().manual_seed(2)
    if not tokens:
        return None
    if kind == "embeddings":
        return Prefix(embeddings=torch.randn(tokens, base.embedding_size, generator=generator))
    return Prefix(
        states=tuple(
            tuple(torch.randn(heads, tokens, size, generator=generator) for size in sizes)
            for heads, *sizes in base.findings.cache_shapes
        )
    )


def texts(base, prefix, rows, batch_size=32, **settings):
    """Token ids of every row's continuation, by the row's id."""
    settings = GenerationSettings.model_construct(**settings)
    found = continuations(base, prefix, rows, settings, stops(base), batch_size)
    return {row.id: ids for row, ids in found}


def plain_logits(base, prefix, ids):
    """Logits of the next token [V]: one row, no cache, no padding."""
    prompt = torch.empty(0, base.embedding_size) if prefix is None else prefix.embeddings
    embeddings = base.model.get_input_embeddings()(torch.tensor([ids]))
    return base.model(inputs_embeds=torch.cat([prompt[None], embeddings], dim=1)).logits[0, -1]


@pytest.mark.parametrize("tokens", [0, 6])
def test_greedy_equals_the_plain_computation_token_for_token(base, tokens):
    prefix, rows = prefix_of(base, tokens), random_rows()
    prompt = torch.empty(0, base.embedding_size) if prefix is None else prefix.embeddings
    with torch.no_grad():
        expected = {row.id: plain_greedy(base.model, prompt, row, 20, stops(base).ids) for row in rows}
    assert texts(base, prefix, rows, 4, beams=1, max_new_tokens=20) == expected
    assert len({len(ids) for ids in expected.values()}) > 2, "rows must end at different times for this to mean much"


@pytest.mark.parametrize("name", [*PACKED[len(ARCHITECTURES) :], *PADDED])
def test_so_it_does_in_other_architectures(architecture, name, monkeypatch):
    base, plain = architecture(name)
    monkeypatch.setattr(base.model.config, "eos_token_id", [1, *range(2, base.model.config.vocab_size, 9)])
    prefix, rows = prefix_of(base, 6), random_rows(6)
    with torch.no_grad():
        expected = {row.id: plain_greedy(plain, prefix.embeddings, row, 10, stops(base).ids) for row in rows}
    assert texts(base, prefix, rows, 3, beams=1, max_new_tokens=10) == expected


@pytest.mark.parametrize("kind", ["a text", "numbers"])
def test_decoding_goes_on_from_keys_and_values(base, kind):
    """Those of a text are as good as the text; others give what one row at a time gives."""
    rows, text = random_rows(), [9, 30, 12, 77, 41]
    if kind == "a text":
        prefix, before = states_of(base, text), [Row(row.id, text + row.context) for row in rows]
        expected = texts(base, None, before, 4, beams=1, max_new_tokens=12)
    else:
        prefix = prefix_of(base, 6, "states")
        expected = {row.id: texts(base, prefix, [row], 1, beams=1, max_new_tokens=12)[row.id] for row in rows}
    assert texts(base, prefix, rows, 4, beams=1, max_new_tokens=12) == expected


@pytest.mark.parametrize("tokens", [0, 6])
@pytest.mark.parametrize("beams", [1, 3])
def test_text_depends_neither_on_the_batch_size_nor_on_the_order_nor_on_other_rows(base, tokens, beams, monkeypatch):
    monkeypatch.setattr(decoding, "REFILL", 2)  # so that several rows enter at once, also in a batch of 4
    prefix, rows = prefix_of(base, tokens), random_rows()
    settings = GenerationSettings(max_new_tokens=16, beams=beams)

    def decoded(rows, batch_size):
        return sorted(decode(base, prefix, rows, settings, stops(base), batch_size), key=lambda output: output.id)

    alone = sorted((output for row in rows for output in decoded([row], 1)), key=lambda output: output.id)
    shuffled = random.Random(1).sample(rows, len(rows))
    same_length = [replace(row, id=f"{row.id}-{n}") for row in rows for n in range(3)]  # other rows in the batch
    assert len(alone) == len(rows)
    for batch_size in (1, 2, 3, 4, 9, 100):
        assert decoded(rows, batch_size) == alone
    assert decoded(shuffled, 4) == alone
    tripled = decoded(same_length, 5)
    assert [replace(output, id=output.id.split("-")[0]) for output in tripled] == [o for o in alone for _ in range(3)]


@pytest.mark.parametrize("limit", [1, 40])
def test_rows_that_enter_in_small_groups_give_the_same_text(base, limit, monkeypatch):
    prefix, rows = prefix_of(base, 6), random_rows()
    expected = texts(base, prefix, rows, beams=1, max_new_tokens=16)
    monkeypatch.setattr(decoding, "PREFILL_TOKENS", limit)
    assert texts(base, prefix, rows, beams=1, max_new_tokens=16) == expected


@pytest.mark.parametrize("beams", [1, 3])
def test_what_all_rows_begin_with_is_computed_once_and_changes_no_text(base, beams):
    prefix, common = prefix_of(base, 4), [9, 8, 7, 6, 5]
    rows = [Row(str(n), common + row.context) for n, row in enumerate(random_rows(6))]
    rows.append(Row("nothing of its own", common))
    with torch.inference_mode():
        cache, shared = shared_prefix(base, prefix, rows[:-1])
        assert (cache.get_seq_length(), shared) == (4 + 5, 5)
        assert shared_prefix(base, prefix, rows)[1] == 4, "every row keeps a token"
        assert shared_prefix(base, None, [Row("a", [3, 4]), Row("b", [4, 4])])[1] == 0
    together = texts(base, prefix, rows, 4, beams=beams, max_new_tokens=12, length_penalty=1.0)
    for row in [*rows, Row("other", [20, 21])]:  # with a row that begins otherwise nothing is shared
        other = texts(base, prefix, [row, Row("x", [30])], beams=beams, max_new_tokens=12, length_penalty=1.0)
        assert other[row.id] == together.get(row.id, other[row.id])


def test_the_cache_has_the_size_that_was_announced(base, monkeypatch):
    prefix, rows, made = prefix_of(base, 6), random_rows(), []
    settings = GenerationSettings(max_new_tokens=16, beams=2)

    class Spy(SlotCache):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self.buffers)

    monkeypatch.setattr(decoding, "SlotCache", Spy)
    list(decode(base, prefix, rows, settings, stops(base), 4))
    (buffers,) = made
    assert {tuple(buffer.shape[:2]) for layer in buffers for buffer in layer} == {(4 * 2, 6 + 40 + 16)}
    size = sum(buffer.nbytes for layer in buffers for buffer in layer)
    assert size / 2**20 == pytest.approx(kv_cache_mb(base, prefix, rows, settings, 4))


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError(), RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasSgemm`")],
)
@pytest.mark.parametrize("beams", [1, 3])
def test_out_of_memory_halves_the_batch_and_keeps_the_texts(base, beams, error, monkeypatch, capsys):
    prefix, rows = prefix_of(base, 6), random_rows()
    settings = {"beams": beams, "max_new_tokens": 12, "length_penalty": 1.0}
    expected, plain_step, steps = texts(base, prefix, rows, **settings), decoding.step, []

    def scarce(base, slots, live, width):
        steps.append(len(live))
        if len(live) > 2 and len(steps) > 3:
            raise error
        return plain_step(base, slots, live, width)

    monkeypatch.setattr(decoding, "step", scarce)
    assert texts(base, prefix, rows, 8, **settings) == expected
    said = capsys.readouterr().err
    assert "batches of 4 rows" in said and "batches of 2 rows" in said


def test_another_error_is_not_taken_for_too_little_memory(base, monkeypatch):
    def broken(*_):
        raise RuntimeError("shapes do not meet")

    monkeypatch.setattr(decoding, "step", broken)
    with pytest.raises(RuntimeError, match="shapes do not meet"):
        texts(base, None, random_rows(), beams=1, max_new_tokens=12)


def test_too_little_memory_for_one_row_is_an_error_that_says_what_to_lower(base, monkeypatch):
    def never(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(decoding, "step", never)
    with pytest.raises(UserError, match=r"not even one row.*Lower `engine.context`"):
        texts(base, None, random_rows(), beams=1, max_new_tokens=12)


def test_a_row_longer_than_the_models_window_is_an_error_before_anything_runs(architecture):
    base, _ = architecture("window_of_45")
    rows, settings = random_rows(), GenerationSettings(max_new_tokens=5)
    assert kv_cache_mb(base, None, rows, settings, 4) > 0
    with pytest.raises(UserError, match=r"looks back over 45 positions.*may take 46"):
        kv_cache_mb(base, prefix_of(base, 1), rows, settings, 4)


def test_a_wide_enough_beam_finds_the_most_likely_text(base):
    """With K = V beams and two tokens, every text is looked at: the best must be the exhaustive one."""
    prefix, row = prefix_of(base, 3), random_rows()[0]
    size, ending = base.model.config.vocab_size, set(stops(base).ids)
    with torch.no_grad():
        first = plain_logits(base, prefix, row.context).log_softmax(-1)
        second = [plain_logits(base, prefix, [*row.context, i]).log_softmax(-1) for i in range(size)]
    second = torch.stack(second)
    found = texts(base, prefix, [row], beams=size, max_new_tokens=2, length_penalty=1.0)[row.id]
    scores = {}
    silent = Ends.of(stops(base), base.device).silent
    talking = ending - set(silent.tolist())
    for i in set(range(size)) - ending:
        scores |= {(i, j): float(first[i] + second[i, j]) / 2 for j in (set(range(size)) - ending) | talking}
        stop = int(silent[second[i, silent].argmax()])  # ending without a word is one event, however it is written
        scores[i, stop] = float(first[i] + second[i, silent].logsumexp(0)) / 2
    scores |= {(i,): float(first[i]) for i in talking}
    scores[(int(silent[first[silent].argmax()]),)] = float(first[silent].logsumexp(0))
    assert talking and len(silent) > 1
    assert tuple(found) == max(scores, key=scores.get)


def test_tokens_that_end_without_a_word_are_one_end():
    probabilities = torch.tensor([[0.3, 0.2, 0.25, 0.15, 0.1]])
    totals, silent = probabilities.log(), torch.tensor([0, 1, 3])
    fold(totals, silent)
    torch.testing.assert_close(totals.exp(), torch.tensor([[0.65, 0.0, 0.25, 0.0, 0.1]]))


def test_texts_that_end_with_a_word_stay_apart_and_do_not_crowd_out_what_goes_on(base):
    """`).` and `]` before a line feed are two answers; a beam that goes on is kept however many end."""
    settings = GenerationSettings(beams=2, max_new_tokens=5, length_penalty=1.0)
    ends = Ends(frozenset(range(2, 8)), torch.arange(2, 8), torch.tensor([6, 7]))
    search = Beams(settings, stops(base), ends)
    logits = torch.full((2, 20), -9.0)
    logits[:, 2:6] = torch.tensor([5.0, 4.0, 3.0, 2.0])  # four that end with a word
    logits[:, 10:12] = torch.tensor([6.0, 0.5])  # two that go on, one of them less likely than all these
    base.model.config.eos_token_id = list(range(2, 8))
    (sources,) = Beams.choose([search], logits)
    assert sources == [0, 0] and search.texts == [[10], [11]]
    assert [text for _, text in search.ended] == [[2], [3]], "the two best of those that ended, each by itself"
    assert search.ended[0][0] == pytest.approx(float(logits[0].log_softmax(-1)[2]))


def test_a_model_with_several_end_tokens_stops_at_each(base):
    base.model.config.eos_token_id = [1, 7]
    assert {1, 7} <= set(stops(base).ids)


@pytest.mark.parametrize("beams", [1, 3])
def test_generation_ends_at_the_words_of_a_separator(base, beams):
    base.model.config.eos_token_id = base.tokenizer.eos_token_id
    prefix, rows, settings = prefix_of(base, 6), random_rows(), GenerationSettings(max_new_tokens=16, beams=beams)
    free = {output.id: output for output in decode(base, prefix, rows, settings, stops(base, " never said "), 4)}
    row = next(row for row in rows if len(free[row.id].text) > 8)
    words = free[row.id].text[4:8].strip()  # of several tokens: those of the tiny models are short
    assert len(base.tokenizer.encode(words, add_special_tokens=False)) > 1
    found = list(decode(base, prefix, [row], settings, stops(base, f" {words}\n"), 1))
    if beams == 1:  # the same way until there
        assert found[0].text == free[row.id].text.split(words)[0].strip()
        assert found[0].stopped and not free[row.id].stopped and found[0].tokens < free[row.id].tokens
    several = {output.id: output for output in decode(base, prefix, rows, settings, stops(base, words), 4)}
    assert several[row.id] == found[0]
    assert all(words not in output.text for output in several.values())


def test_generation_ends_at_the_limit_or_at_a_stop_token(base):
    for ids in texts(base, None, random_rows(), beams=1, max_new_tokens=5).values():
        assert 1 <= len(ids) <= 5
        assert len(ids) == 5 or ids[-1] in stops(base).ids
        assert not set(ids[:-1]) & set(stops(base).ids)
