"""Decoding gives the same text for any batch size and order, and the text that the model itself would give."""

import random
from dataclasses import replace

import pytest
import torch

from softshot.engine import decoding
from softshot.engine.beam import fold
from softshot.engine.cache import SlotCache
from softshot.engine.decoding import continuations, decode, kv_cache_mb, shared_prefix
from softshot.engine.layout import Row
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


def soft_prompt(base, tokens):
    if not tokens:
        return None
    return torch.randn(tokens, base.embedding_size, generator=torch.Generator().manual_seed(2))


def texts(base, prompt, rows, batch_size=32, **settings):
    """Token ids of every row's continuation, by the row's id."""
    settings = GenerationSettings.model_construct(**settings)
    found = continuations(base, prompt, rows, settings, stops(base), batch_size)
    return {row.id: ids for row, ids in found}


def plain_logits(base, prompt, ids):
    """Logits of the next token [V]: one row, no cache, no padding."""
    prompt = torch.empty(0, base.embedding_size) if prompt is None else prompt
    embeddings = base.model.get_input_embeddings()(torch.tensor([ids]))
    return base.model(inputs_embeds=torch.cat([prompt[None], embeddings], dim=1)).logits[0, -1]


def plain_greedy(base, prompt, row, limit):
    """The whole sequence anew for every token."""
    ids = list(row.context)
    for _ in range(limit):
        ids.append(int(plain_logits(base, prompt, ids).argmax()))
        if ids[-1] in stops(base).ids:
            break
    return ids[len(row.context) :]


@pytest.mark.parametrize("tokens", [0, 6])
def test_greedy_equals_the_plain_computation_token_for_token(base, tokens):
    prompt, rows = soft_prompt(base, tokens), random_rows()
    with torch.no_grad():
        expected = {row.id: plain_greedy(base, prompt, row, 20) for row in rows}
    assert texts(base, prompt, rows, 4, beams=1, max_new_tokens=20) == expected
    assert len({len(ids) for ids in expected.values()}) > 2, "rows must end at different times for this to mean much"


@pytest.mark.parametrize("tokens", [0, 6])
@pytest.mark.parametrize("beams", [1, 3])
def test_text_depends_neither_on_the_batch_size_nor_on_the_order_nor_on_other_rows(base, tokens, beams, monkeypatch):
    monkeypatch.setattr(decoding, "REFILL", 2)  # so that several rows enter at once, also in a batch of 4
    prompt, rows = soft_prompt(base, tokens), random_rows()
    settings = GenerationSettings(max_new_tokens=16, beams=beams)

    def decoded(rows, batch_size):
        return sorted(decode(base, prompt, rows, settings, stops(base), batch_size), key=lambda output: output.id)

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
    prompt, rows = soft_prompt(base, 6), random_rows()
    expected = texts(base, prompt, rows, beams=1, max_new_tokens=16)
    monkeypatch.setattr(decoding, "PREFILL_TOKENS", limit)
    assert texts(base, prompt, rows, beams=1, max_new_tokens=16) == expected


@pytest.mark.parametrize("beams", [1, 3])
def test_what_all_rows_begin_with_is_computed_once_and_changes_no_text(base, beams):
    prompt, common = soft_prompt(base, 4), [9, 8, 7, 6, 5]
    rows = [Row(str(n), common + row.context) for n, row in enumerate(random_rows(6))]
    rows.append(Row("nothing of its own", common))
    with torch.inference_mode():
        prefix, shared = shared_prefix(base, prompt, rows[:-1])
        assert (prefix.get_seq_length(), shared) == (4 + 5, 5)
        assert shared_prefix(base, prompt, rows)[1] == 4, "every row keeps a token"
        assert shared_prefix(base, None, [Row("a", [3, 4]), Row("b", [4, 4])])[1] == 0
    together = texts(base, prompt, rows, 4, beams=beams, max_new_tokens=12, length_penalty=1.0)
    for row in [*rows, Row("other", [20, 21])]:  # with a row that begins otherwise nothing is shared
        other = texts(base, prompt, [row, Row("x", [30])], beams=beams, max_new_tokens=12, length_penalty=1.0)
        assert other[row.id] == together.get(row.id, other[row.id])


def test_the_cache_has_the_size_that_was_announced(base, monkeypatch):
    prompt, rows, made = soft_prompt(base, 6), random_rows(), []
    settings = GenerationSettings(max_new_tokens=16, beams=2)

    class Spy(SlotCache):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self.buffer)

    monkeypatch.setattr(decoding, "SlotCache", Spy)
    list(decode(base, prompt, rows, settings, stops(base), 4))
    assert [tuple(buffer.shape[2:4]) for buffer in made] == [(4 * 2, 6 + 40 + 16)]
    assert made[0].nbytes / 2**20 == kv_cache_mb(base, prompt, rows, settings, 4)


@pytest.mark.parametrize("beams", [1, 3])
def test_out_of_memory_halves_the_batch_and_keeps_the_texts(base, beams, monkeypatch, capsys):
    prompt, rows = soft_prompt(base, 6), random_rows()
    settings = {"beams": beams, "max_new_tokens": 12, "length_penalty": 1.0}
    expected, plain_step, steps = texts(base, prompt, rows, **settings), decoding.step, []

    def scarce(base, slots, live, width):
        steps.append(len(live))
        if len(live) > 2 and len(steps) > 3:
            raise torch.OutOfMemoryError
        return plain_step(base, slots, live, width)

    monkeypatch.setattr(decoding, "step", scarce)
    assert texts(base, prompt, rows, 8, **settings) == expected
    said = capsys.readouterr().err
    assert "batches of 4 rows" in said and "batches of 2 rows" in said


def test_too_little_memory_for_one_row_is_an_error_that_says_what_to_lower(base, monkeypatch):
    def never(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(decoding, "step", never)
    with pytest.raises(UserError, match=r"not even one row.*Lower `engine.context`"):
        texts(base, None, random_rows(), beams=1, max_new_tokens=12)


def test_a_row_longer_than_the_models_window_is_an_error_before_anything_runs(base):
    rows, settings = random_rows(), GenerationSettings(max_new_tokens=5)
    base.model.config.sliding_window = 45
    assert kv_cache_mb(base, None, rows, settings, 4) > 0
    with pytest.raises(UserError, match=r"looks back over 45 positions.*may take 46"):
        kv_cache_mb(base, soft_prompt(base, 1), rows, settings, 4)


def test_a_wide_enough_beam_finds_the_most_likely_text(base):
    """With K = V beams and two tokens, every text is looked at: the best must be the exhaustive one."""
    prompt, row = soft_prompt(base, 3), random_rows()[0]
    size, ending = base.model.config.vocab_size, set(stops(base).ids)
    with torch.no_grad():
        first = plain_logits(base, prompt, row.context).log_softmax(-1)
        second = [plain_logits(base, prompt, [*row.context, i]).log_softmax(-1) for i in range(size)]
    second = torch.stack(second)
    found = texts(base, prompt, [row], beams=size, max_new_tokens=2, length_penalty=1.0)[row.id]
    scores = {}
    ends = torch.tensor(sorted(ending))
    for i in range(size):
        if i not in ending:
            scores |= {(i, j): float(first[i] + second[i, j]) / 2 for j in range(size) if j not in ending}
            stop = int(ends[second[i, ends].argmax()])  # ending is one event, with all stop tokens' probability
            scores[i, stop] = float(first[i] + second[i, ends].logsumexp(0)) / 2
    scores[(int(ends[first[ends].argmax()]),)] = float(first[ends].logsumexp(0))
    assert tuple(found) == max(scores, key=scores.get)


def test_many_stop_tokens_are_one_end_and_do_not_crowd_out_what_goes_on():
    probabilities = torch.tensor([[0.3, 0.2, 0.25, 0.15, 0.1]])
    totals, stops = probabilities.log(), torch.tensor([0, 1, 3])
    fold(totals, stops)
    torch.testing.assert_close(totals.exp(), torch.tensor([[0.65, 0.0, 0.25, 0.0, 0.1]]))


def test_a_model_with_several_end_tokens_stops_at_each(base):
    base.model.config.eos_token_id = [1, 7]
    assert {1, 7} <= set(stops(base).ids)


@pytest.mark.parametrize("beams", [1, 3])
def test_generation_ends_at_the_words_of_a_separator(base, beams):
    base.model.config.eos_token_id = base.tokenizer.eos_token_id
    prompt, rows, settings = soft_prompt(base, 6), random_rows(), GenerationSettings(max_new_tokens=16, beams=beams)
    free = {output.id: output for output in decode(base, prompt, rows, settings, stops(base, " never said "), 4)}
    row = next(row for row in rows if len(free[row.id].text) > 8)
    words = free[row.id].text[4:8].strip()  # of several tokens: those of the tiny models are short
    assert len(base.tokenizer.encode(words, add_special_tokens=False)) > 1
    found = list(decode(base, prompt, [row], settings, stops(base, f" {words}\n"), 1))
    if beams == 1:  # the same way until there
        assert found[0].text == free[row.id].text.split(words)[0].strip()
        assert found[0].stopped and not free[row.id].stopped and found[0].tokens < free[row.id].tokens
    several = {output.id: output for output in decode(base, prompt, rows, settings, stops(base, words), 4)}
    assert several[row.id] == found[0]
    assert all(words not in output.text for output in several.values())


def test_generation_ends_at_the_limit_or_at_a_stop_token(base):
    for ids in texts(base, None, random_rows(), beams=1, max_new_tokens=5).values():
        assert 1 <= len(ids) <= 5
        assert len(ids) == 5 or ids[-1] in stops(base).ids
        assert not set(ids[:-1]) & set(stops(base).ids)
