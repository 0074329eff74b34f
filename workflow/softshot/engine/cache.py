"""Keys and values of all rows being decoded: buffers of known size, written in place.

`DynamicCache` copies everything at every token. Here every row has a slot. A slot begins with the keys and
values that all rows share, its own text follows from the left, and its next token goes right behind: what
stands further right is stale and masked. A freed slot is ready for the next row as it is.

Knows the layout of the buffers, [slots, columns, heads, size] for the keys and as many for the values of each layer,
and nothing of tokens or texts.
"""

import torch
from torch import Tensor
from transformers import Cache, DynamicCache


class SlotCache(Cache):
    """Buffers of `slots` rows by `columns` positions that begin with `prefix`'s in every slot.

    Before each forward pass `at_text` or `at_token` says which slots it runs on and where it writes.
    """

    def __init__(
        self,
        shapes: list[tuple[int, int, int]],
        prefix: DynamicCache,
        slots: int,
        columns: int,
        dtype: torch.dtype,
        device: torch.device,
    ):
        """`shapes`: of each layer its heads, numbers of a key, numbers of a value.

        `prefix`: of batch 1, with at most `columns` positions; may be empty.
        """
        super().__init__(layers=[])
        # Not `empty`: a masked position counts zero times its value, which must not be NaN.
        self.buffers = [
            [torch.zeros(slots, columns, heads, size, dtype=dtype, device=device) for size in sizes]
            for heads, *sizes in shapes
        ]
        self.device, self.begin = device, prefix.get_seq_length()
        if self.begin:
            for (keys, values), layer in zip(self.buffers, prefix.layers, strict=True):
                keys[:, : self.begin] = layer.keys.transpose(1, 2)  # [1, heads, T, size], the same for every slot
                values[:, : self.begin] = layer.values.transpose(1, 2)

    def at_text(self, first: int, rows: int, length: int) -> None:
        """The next pass runs `length` positions of new rows, right behind the prefix, in slots from `first` on."""
        self.seen, self.end = self.begin, self.begin + length
        self.slots = slice(first, first + rows)
        self.place = (self.slots, slice(self.seen, self.end))

    def at_token(self, columns: Tensor) -> None:
        """The next pass runs one token in each of the first slots; `columns` [slots] says where it stands there."""
        self.end = int(columns.max()) + 1  # attention looks no further than the longest row
        self.seen = self.end - 1
        self.slots = slice(len(columns))
        self.place = (torch.arange(len(columns), device=self.device)[:, None], columns.to(self.device)[:, None])

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_, **__) -> tuple[Tensor, Tensor]:
        """Write keys and values [B, heads, L, size] in place; return all that these rows have [B, heads, end, size]."""
        keys, values = self.buffers[layer_idx]
        keys[self.place] = key_states.transpose(1, 2)
        values[self.place] = value_states.transpose(1, 2)
        return keys[self.slots, : self.end].transpose(1, 2), values[self.slots, : self.end].transpose(1, 2)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Positions before those that the pass runs."""
        return self.seen

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """Positions that the pass attends to, and the first of them."""
        return self.end, 0

    def move(self, sources: list[int], targets: list[int], first: int, last: int) -> None:
        """Copy columns `first` to `last` of the slots `sources` over those of `targets`, all at once."""
        pairs = [(source, target) for source, target in zip(sources, targets, strict=True) if source != target]
        if pairs:
            source, target = torch.tensor(pairs, device=self.device).T
            for keys, values in self.buffers:  # one by one: what is copied exists twice meanwhile
                keys[target, first:last] = keys[source, first:last]
                values[target, first:last] = values[source, first:last]
