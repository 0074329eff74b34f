"""Greedy and beam decoding: every row continues from one prefix, in a batch that is kept full.

Rows that end leave the batch and waiting rows take their slots. A row's positions and mask are its own, so
its text depends neither on its neighbours nor on when it came: on the CPU in float32, that is; on a GPU a product
may round otherwise in another batch, which can turn a tie.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor
from transformers import DynamicCache

from softshot.engine import memory
from softshot.engine.base import Base
from softshot.engine.beam import Beams, Ends
from softshot.engine.cache import SlotCache
from softshot.engine.layout import Row
from softshot.engine.prefix import Prefix, forward, prefix_cache
from softshot.engine.stops import Stops
from softshot.errors import UserError
from softshot.settings import GenerationSettings

PREFILL_TOKENS = 2048  # positions run at once when rows enter: bounds the activations, and padding stays small
REFILL = 8  # rows enter when one slot in 8 is free: a forward pass for a single row wastes the weights it reads


@dataclass(frozen=True)
class Output:
    """What was generated for one row."""

    id: str
    text: str
    tokens: int
    stopped: bool  # by the model, not at the limit


class Greedy:
    """The most likely token at every position, up to and with the one that ends the text, for one row."""

    def __init__(self, settings: GenerationSettings, stops: Stops):
        self.limit, self.stops = settings.max_new_tokens, stops
        self.best: list[int] = []

    @property
    def texts(self) -> list[list[int]]:
        """The open hypotheses: one."""
        return [self.best]

    @staticmethod
    def choose(searches: list["Greedy"], logits: Tensor) -> list[list[int]]:
        """Advance every row by its `logits` [B, V]; per row the sources of its open hypotheses, none if it ended."""
        return [search.advance(token) for search, token in zip(searches, logits.argmax(-1).tolist(), strict=True)]

    def advance(self, token: int) -> list[int]:
        """Append `token`."""
        self.best.append(token)
        return [] if self.stops.end(self.best) or len(self.best) == self.limit else [0]


@dataclass
class Live:
    """A row in the batch. With K beams it has K slots side by side."""

    row: Row
    search: Greedy | Beams
    given: int  # columns of what it was given: the prefix and its own text
    columns: int  # filled in its slots so far


def decode(
    base: Base, prefix: Prefix | None, rows: list[Row], settings: GenerationSettings, stops: Stops, batch_size: int
) -> Iterator[Output]:
    """Continue every row, in no particular order; the text does not depend on `batch_size` or on the other rows.

    `prefix`: what stands before every row, if anything.
    """
    for row, ids in continuations(base, prefix, rows, settings, stops, batch_size):
        yield Output(row.id, stops.cut(ids), len(ids), stops.end(ids))


def size(
    base: Base, prefix: Prefix | None, rows: list[Row], settings: GenerationSettings, batch_size: int
) -> tuple[int, int]:
    """Slots and columns of the cache: the batch's rows times beams, and prefix, longest row and output.

    Raises UserError where the model's attention does not look back so far.
    """
    columns = (0 if prefix is None else len(prefix)) + max(map(len, rows)) + settings.max_new_tokens
    base.findings.check_positions(columns)
    return min(batch_size, len(rows)) * settings.beams, columns


def kv_cache_mb(
    base: Base, prefix: Prefix | None, rows: list[Row], settings: GenerationSettings, batch_size: int
) -> float:
    """Memory of the keys and values while decoding, in MB, known before it starts."""
    slots, columns = size(base, prefix, rows, settings, batch_size)
    numbers = sum(heads * (key + value) for heads, key, value in base.findings.cache_shapes)
    return slots * columns * numbers * base.model.dtype.itemsize / 2**20


@torch.inference_mode()
def continuations(
    base: Base, prefix: Prefix | None, rows: list[Row], settings: GenerationSettings, stops: Stops, batch_size: int
) -> Iterator[tuple[Row, list[int]]]:
    """Token ids of every row's continuation as rows end. Where memory does not suffice the batch is halved."""
    waiting = sorted(rows, key=len, reverse=True)  # of like length together; memory peaks at once
    begin, shared = shared_prefix(base, prefix, rows)
    while waiting:
        ended: set[int] = set()
        try:
            buffer = size(base, prefix, waiting, settings, batch_size)
            texts = [(row, row.context[shared:]) for row in waiting]
            for row, ids in search(base, begin, buffer, texts, settings, stops):
                ended.add(id(row))
                yield row, ids
        except memory.ERRORS as error:
            if not memory.ran_out(error):
                raise
            if batch_size == 1:
                raise UserError(
                    "not even one row fits into memory while decoding. Lower `engine.context`,"
                    " `generation.max_new_tokens` or `generation.beams`."
                ) from None
            batch_size = min(batch_size, len(waiting)) // 2 or 1
            print(f"out of memory while decoding: going on with batches of {batch_size} rows", file=sys.stderr)
        waiting = [row for row in waiting if id(row) not in ended]
        memory.release()


def shared_prefix(base: Base, prefix: Prefix | None, rows: list[Row]) -> tuple[DynamicCache, int]:
    """Keys and values, at batch 1, of the prefix and of the tokens that all rows begin with, and how many these are.

    An instruction, or the same demonstrations for all. One token at least is left to every row.
    """
    cache = prefix_cache(base, prefix, 1)
    # What the first and the last in order have in common, all have; a row that all others continue is the first.
    first, last = min(row.context for row in rows), max(row.context for row in rows)
    common = [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first[:-1], last, strict=False))]
    if common:
        ids = torch.tensor([common], device=base.device)
        tokens, end = cache.get_seq_length(), cache.get_seq_length() + len(common)
        positions = torch.arange(tokens, end, device=base.device)[None]
        forward(base, ids, ids.new_ones(1, end), cache, positions, logits_to_keep=1)
    return cache, len(common)


def search(
    base: Base,
    begin: DynamicCache,
    buffer: tuple[int, int],
    waiting: list[tuple[Row, list[int]]],
    settings: GenerationSettings,
    stops: Stops,
) -> Iterator[tuple[Row, list[int]]]:
    """Continue the rows, given with the token ids that are not in `begin`, the cache of all, longest first.

    `buffer`: slots and columns of the cache.
    """
    kind, width = (Greedy, 1) if settings.beams == 1 else (Beams, settings.beams)
    begun = (settings, stops) if width == 1 else (settings, stops, Ends.of(stops, base.device))
    slots = SlotCache(base.findings.cache_shapes, begin, *buffer, base.model.dtype, base.device)
    room = buffer[0] // width
    live: list[Live] = []
    while waiting or live:
        free = room - len(live)
        if waiting and free >= min(len(waiting), max(1, room // REFILL)):
            count = max(1, min(free, PREFILL_TOKENS // len(waiting[0][1])))
            entering, waiting = waiting[:count], waiting[count:]
            start = len(live)
            logits = prefill(base, slots, [ids for _, ids in entering], start * width, width)
            for row, ids in entering:
                given = slots.begin + len(ids)
                live.append(Live(row, kind(*begun), given, given))
        else:
            start = 0
            logits = step(base, slots, live, width)
        sources = kind.choose([one.search for one in live[start:]], logits)
        yield from ((one.row, one.search.best) for one, kept in zip(live[start:], sources, strict=True) if not kept)
        follow(slots, live[start:], sources, start, width)
        live = compact(slots, live, {start + i for i, kept in enumerate(sources) if not kept}, width)


def prefill(base: Base, slots: SlotCache, texts: list[list[int]], first: int, width: int) -> Tensor:
    """Run new rows' text in slots from `first` on: logits of the next token [B*K, V], K equal ones a row.

    Rows are padded on the right, where causal attention never looks.
    """
    length = max(map(len, texts))
    ids = torch.tensor([text + [0] * (length - len(text)) for text in texts], device=base.device)
    last = torch.tensor([[len(text) - 1] for text in texts], device=base.device)
    slots.at_text(first, len(texts), length)
    positions = torch.arange(slots.begin, slots.end, device=base.device).expand(len(texts), -1)
    logits = forward(base, ids, ids.new_ones(len(texts), slots.end), slots, positions, logits_to_keep=last)[:, 0]
    copies = [first + i for i in range(len(texts)) for _ in range(width)]
    slots.move(copies, list(range(first, first + len(copies))), slots.begin, slots.end)
    return logits.repeat_interleave(width, dim=0)


def step(base: Base, slots: SlotCache, live: list[Live], width: int) -> Tensor:
    """Feed every hypothesis its last token: logits of the next [B*K, V]."""
    columns = torch.tensor([one.columns for one in live]).repeat_interleave(width)
    tokens = torch.tensor([text[-1:] for one in live for text in one.search.texts], device=base.device)
    slots.at_token(columns)
    mask = torch.arange(slots.end) <= columns[:, None]
    for one in live:
        one.columns += 1
    positions = columns[:, None].to(base.device)
    return forward(base, tokens, mask.long().to(base.device), slots, positions, logits_to_keep=1)[:, -1]


def follow(slots: SlotCache, group: list[Live], sources: list[list[int]], start: int, width: int) -> None:
    """Give each open hypothesis the keys and values of the one that it continues; rows from `start` on."""
    pairs = [(i * width + k, i * width + j) for i, kept in enumerate(sources, start) for j, k in enumerate(kept)]
    # What a row was given is the same for all its hypotheses: only the outputs differ.
    first = min(one.given for one in group)
    slots.move([k for k, _ in pairs], [j for _, j in pairs], first, max(one.columns for one in group))


def compact(slots: SlotCache, live: list[Live], ended: set[int], width: int) -> list[Live]:
    """Close the gaps of rows that ended with the last rows of the batch."""
    going = [i for i in range(len(live)) if i not in ended]
    gaps = [i for i in range(len(going)) if i in ended]
    movers = going[len(going) - len(gaps) :]
    filled = dict(zip(gaps, movers, strict=True))
    if filled:
        sources, targets = ([i * width + k for i in rows for k in range(width)] for rows in (movers, gaps))
        slots.move(sources, targets, slots.begin, max(live[i].columns for i in movers))
    return [live[filled.get(i, i)] for i in range(len(going))]
