"""Greedy and beam decoding that continue from the prompt's keys and values.

Rows are padded on the left of their own text, after the prompt: `[prompt][padding][text]`. Positions
are counted from each row's own mask, so a row's text does not depend on its neighbours in the batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.prefix import forward, prefix_cache
from softshot.settings import GenerationSettings

NEVER = float("-inf")  # the score of a beam that does not exist


@dataclass(frozen=True)
class Output:
    """What was generated for one row."""

    id: str
    text: str
    tokens: int
    stopped: bool  # at a line feed or the end token, not at the limit


def decode(
    base: Base, prompt: Tensor | None, rows: list[Row], settings: GenerationSettings, batch_size: int
) -> Iterator[Output]:
    """Continue every row; the text does not depend on `batch_size`. Longest rows first, so memory peaks at once.

    `prompt`: [T, H], or None for in-context learning.
    """
    search = greedy if settings.beams == 1 else beam
    ordered = sorted(rows, key=len, reverse=True)
    for start in range(0, len(ordered), batch_size):
        batch = ordered[start : start + batch_size]
        with torch.inference_mode():
            for row, ids in zip(batch, search(base, prompt, batch, settings), strict=True):
                text = base.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
                stopped = bool(ids) and ids[-1] in base.stop_ids
                # A stop token may carry text before its line feed.
                yield Output(row.id, text.lstrip(" ").split("\n")[0].strip(), len(ids), stopped)


def prefill(base: Base, prompt: Tensor | None, rows: list[Row]) -> tuple[Tensor, Tensor, DynamicCache]:
    """Run the rows' text: logits of the next token [B, V], the mask [B, T + L] and the cache."""
    length = max(map(len, rows))
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    text = torch.zeros(len(rows), length, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, length - len(row) :] = torch.tensor(row.context)
        text[i, length - len(row) :] = 1
    cache = prefix_cache(base, prompt, len(rows))
    seen = torch.ones(len(rows), cache.get_seq_length(), dtype=torch.long)
    mask = torch.cat([seen, text], dim=1).to(base.device)
    return forward(base, ids.to(base.device), mask, cache, logits_to_keep=1)[:, -1], mask, cache


def step(base: Base, ids: Tensor, mask: Tensor, cache: DynamicCache) -> tuple[Tensor, Tensor]:
    """Feed one token a row, `ids` [B]: logits of the next [B, V] and the longer mask."""
    mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
    return forward(base, ids[:, None], mask, cache, logits_to_keep=1)[:, -1], mask


def greedy(base: Base, prompt: Tensor | None, rows: list[Row], settings: GenerationSettings) -> list[list[int]]:
    """The most likely token at every position, up to and with a stop token. Finished rows leave the batch."""
    stops = torch.tensor(base.stop_ids, device=base.device)
    outputs: list[list[int]] = [[] for _ in rows]
    active = torch.arange(len(rows), device=base.device)  # row of each line of the batch
    logits, mask, cache = prefill(base, prompt, rows)
    for left in reversed(range(settings.max_new_tokens)):
        tokens = logits.argmax(-1)
        for row, token in zip(active.tolist(), tokens.tolist(), strict=True):
            outputs[row].append(token)
        going = ~torch.isin(tokens, stops)
        if not left or not going.any():
            break
        if not going.all():
            active, tokens, mask = active[going], tokens[going], mask[going]
            cache.batch_select_indices(going.nonzero()[:, 0])
        logits, mask = step(base, tokens, mask, cache)
    return outputs


def fold(totals: Tensor, stops: Tensor) -> None:
    """Make ending one candidate a beam: all stop tokens' probability goes to the likeliest of them, in place.

    `totals`: log-probabilities [B*K, V]. Without this one and the same text ends several times over.
    """
    ends = totals[:, stops]
    likeliest = stops[ends.argmax(-1)]
    totals[:, stops] = NEVER
    totals[torch.arange(len(totals), device=totals.device), likeliest] = ends.logsumexp(-1)


class Beams:
    """The open and the ended hypotheses of one row."""

    def __init__(self, settings: GenerationSettings, stops: set[int]):
        self.width, self.penalty, self.limit = settings.beams, settings.length_penalty, settings.max_new_tokens
        self.stops = stops
        self.ended: list[tuple[float, list[int]]] = []  # (normalised score, text), best first
        self.texts: list[list[int]] = [[]] * self.width
        # All K beams start the same: only the first may open the search.
        self.scores = [0.0] + [NEVER] * (self.width - 1)

    def advance(self, candidates: list[tuple[float, int, int]]) -> list[int]:
        """Take (log-probability, beam, token) candidates, best first; return the source beam of each open one.

        Nothing is returned when the row has ended: K hypotheses have, and no open beam beats the worst
        of them at its present length; or the limit is reached, where open beams count as they are.
        """
        open_beams = []
        length = len(self.texts[0]) + 1
        for score, source, token in candidates:
            text = [*self.texts[source], token]
            if score == NEVER:
                continue
            if token in self.stops:
                self.ended.append((score / length**self.penalty, text))
            elif len(open_beams) < self.width:
                open_beams.append((score, source, text))
        self.ended = sorted(self.ended, key=lambda hypothesis: -hypothesis[0])[: self.width]
        if length == self.limit:
            self.ended += [(score / length**self.penalty, text) for score, _, text in open_beams]
            return []
        full = len(self.ended) == self.width
        if not open_beams or (full and open_beams[0][0] / length**self.penalty <= self.ended[-1][0]):
            return []
        open_beams += [(NEVER, *open_beams[0][1:])] * (self.width - len(open_beams))
        self.scores = [score for score, _, _ in open_beams]
        self.texts = [text for _, _, text in open_beams]
        return [source for _, source, _ in open_beams]


def beam(base: Base, prompt: Tensor | None, rows: list[Row], settings: GenerationSettings) -> list[list[int]]:
    """The best of K beams by log-probability / length ** length_penalty. Rows that have ended leave the batch."""
    width = settings.beams
    every = [Beams(settings, set(base.stop_ids)) for _ in rows]
    active, stops = every, torch.tensor(base.stop_ids, device=base.device)
    logits, mask, cache = prefill(base, prompt, rows)
    logits, mask = logits.repeat_interleave(width, dim=0), mask.repeat_interleave(width, dim=0)
    cache.batch_repeat_interleave(width)
    while active:
        scores = torch.tensor([row.scores for row in active], device=base.device)  # [B, K]
        totals = scores.flatten()[:, None] + logits.float().log_softmax(-1)  # [B*K, V]
        fold(totals, stops)
        size = totals.shape[-1]
        # 2K candidates: even if K of them end here, K others go on.
        best, places = totals.view(len(active), -1).topk(min(2 * width, width * size), dim=-1)
        going, sources = [], []
        for i, row in enumerate(active):
            found = zip(best[i].tolist(), places[i].tolist(), strict=True)
            kept = row.advance([(score, place // size, place % size) for score, place in found])
            if kept:
                going.append(row)
                sources += [i * width + source for source in kept]
        active = going
        if active:
            picked = torch.tensor(sources, device=base.device)
            tokens = torch.tensor([text[-1] for row in active for text in row.texts], device=base.device)
            cache.batch_select_indices(picked)
            logits, mask = step(base, tokens, mask[picked], cache)
    return [max(row.ended, key=lambda hypothesis: hypothesis[0])[1] for row in every]
