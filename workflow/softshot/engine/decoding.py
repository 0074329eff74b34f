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
                stopped = bool(ids) and ids[-1] in base.line_feed_ids
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
    stops = torch.tensor(base.line_feed_ids, device=base.device)
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


def beam(base: Base, prompt: Tensor | None, rows: list[Row], settings: GenerationSettings) -> list[list[int]]:
    """The best of K beams by log-probability / length ** length_penalty.

    A row ends when K hypotheses have ended and no open beam can still beat the worst of them at its
    present length; beams open at the limit count as they are.
    """
    width = settings.beams
    stops = set(base.line_feed_ids)
    ended: list[list[tuple[float, list[int]]]] = [[] for _ in rows]
    logits, mask, cache = prefill(base, prompt, rows)
    cache.batch_repeat_interleave(width)
    mask = mask.repeat_interleave(width, dim=0)
    logits = logits.repeat_interleave(width, dim=0)
    active = list(range(len(rows)))
    # All K beams of a row start the same: only the first may open the search.
    scores = torch.full((len(rows), width), float("-inf"), device=base.device)  # [B, K]
    scores[:, 0] = 0
    texts: list[list[list[int]]] = [[[] for _ in range(width)] for _ in rows]
    for length in range(1, settings.max_new_tokens + 1):
        totals = scores.flatten()[:, None] + logits.float().log_softmax(-1)  # [B*K, V]
        size = totals.shape[-1]
        # 2K candidates: even if K of them end here, K others go on.
        best, places = totals.view(len(active), -1).topk(min(2 * width, width * size), dim=-1)
        kept, sources, tokens, open_scores, open_texts = [], [], [], [], []
        for i, row in enumerate(active):
            beams = []
            for score, place in zip(best[i].tolist(), places[i].tolist(), strict=True):
                text = texts[i][place // size] + [place % size]
                if score == float("-inf"):
                    continue
                if text[-1] in stops:
                    ended[row].append((score / length**settings.length_penalty, text))
                elif len(beams) < width:
                    beams.append((score, i * width + place // size, text))
            ended[row] = sorted(ended[row], key=lambda h: -h[0])[:width]
            full = len(ended[row]) == width
            if not beams or (full and beams[0][0] / length**settings.length_penalty <= ended[row][-1][0]):
                continue
            if length == settings.max_new_tokens:
                ended[row] += [(score / length**settings.length_penalty, text) for score, _, text in beams]
                continue
            beams += [(float("-inf"), *beams[0][1:])] * (width - len(beams))
            kept.append(row)
            open_scores.append([score for score, _, _ in beams])
            sources += [source for _, source, _ in beams]
            open_texts.append([text for _, _, text in beams])
            tokens += [text[-1] for _, _, text in beams]
        if not kept:
            break
        active, texts = kept, open_texts
        scores = torch.tensor(open_scores, device=base.device)
        picked = torch.tensor(sources, device=base.device)
        cache.batch_select_indices(picked)
        logits, mask = step(base, torch.tensor(tokens, device=base.device), mask[picked], cache)
    return [max(hypotheses, key=lambda h: h[0])[1] for hypotheses in ended]
