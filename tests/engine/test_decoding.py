"""Decoding gives the same text for any batch size, and the text that the model itself would give."""

import pytest
import torch

from softshot.engine.decoding import beam, decode, fold, greedy, prefill
from softshot.engine.layout import Row
from softshot.settings import GenerationSettings


def random_rows(base, count=9):
    """Rows of very different lengths."""
    generator = torch.Generator().manual_seed(4)
    lengths = [1, 2, 3, 5, 8, 13, 21, 34, 40][:count]
    return [Row(str(n), torch.randint(2, 250, (n,), generator=generator).tolist()) for n in lengths]


def soft_prompt(base, tokens):
    if not tokens:
        return None
    return torch.randn(tokens, base.embedding_size, generator=torch.Generator().manual_seed(2))


def plain_greedy(base, prompt, row, limit):
    """One row, no cache, no padding: the whole sequence anew for every token."""
    prompt = torch.empty(0, base.embedding_size) if prompt is None else prompt
    ids = list(row.context)
    for _ in range(limit):
        embeddings = base.model.get_input_embeddings()(torch.tensor([ids]))
        logits = base.model(inputs_embeds=torch.cat([prompt[None], embeddings], dim=1)).logits
        ids.append(int(logits[0, -1].argmax()))
        if ids[-1] in base.stop_ids:
            break
    return ids[len(row.context) :]


@pytest.mark.parametrize("tokens", [0, 6])
def test_greedy_equals_the_plain_computation_token_for_token(base, tokens):
    prompt, rows = soft_prompt(base, tokens), random_rows(base)
    with torch.no_grad():
        outputs = greedy(base, prompt, rows, GenerationSettings(max_new_tokens=20))
        expected = [plain_greedy(base, prompt, row, 20) for row in rows]
    assert outputs == expected


@pytest.mark.parametrize("tokens", [0, 6])
@pytest.mark.parametrize("beams", [1, 3])
def test_text_does_not_depend_on_the_batch_size(base, tokens, beams):
    prompt, rows = soft_prompt(base, tokens), random_rows(base)
    settings = GenerationSettings(max_new_tokens=16, beams=beams)
    alone, together, threes = (sorted(decode(base, prompt, rows, settings, n), key=lambda o: o.id) for n in (1, 9, 3))
    assert alone == together == threes


def test_a_wide_enough_beam_finds_the_most_likely_text(base):
    """With K = V beams and two tokens, every text is looked at: the best must be the exhaustive one."""
    prompt, row = soft_prompt(base, 3), random_rows(base)[4]
    size, stops = base.model.config.vocab_size, set(base.stop_ids)
    with torch.no_grad():
        first = prefill(base, prompt, [row])[0][0].log_softmax(-1)
        rows = [Row("", [*row.context, i]) for i in range(size)]
        second = prefill(base, prompt, rows)[0].log_softmax(-1)
        settings = GenerationSettings.model_construct(max_new_tokens=2, beams=size, length_penalty=1.0)
        found = beam(base, prompt, [row], settings)[0]
    scores = {}
    ends = torch.tensor(sorted(stops))
    for i in range(size):
        if i not in stops:
            scores |= {(i, j): float(first[i] + second[i, j]) / 2 for j in range(size) if j not in stops}
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
    from dataclasses import replace

    several = replace(base)
    kept = base.model.config.eos_token_id
    try:
        base.model.config.eos_token_id = [1, 7]
        assert {1, 7} <= set(several.stop_ids)
    finally:
        base.model.config.eos_token_id = kept


def test_generation_ends_at_the_limit_or_at_a_stop_token(base):
    outputs = greedy(base, None, random_rows(base), GenerationSettings(max_new_tokens=5))
    for ids in outputs:
        assert 1 <= len(ids) <= 5
        assert len(ids) == 5 or ids[-1] in base.stop_ids
        assert not set(ids[:-1]) & set(base.stop_ids)
