"""The prompt and all rows of a batch as one sequence: `[prompt][row 1][row 2]...`, nothing padded, nothing repeated.

Everything but attention looks at one token at a time, so it takes the packed sequence as it is: each
matrix product runs once over all tokens. Attention sees to it that a row looks at the prompt and at itself only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedConfig

NAME = "packed"


@dataclass(frozen=True)
class Packing:
    """Where the prompt and the rows lie in a packed sequence of S = T + n_1 + ... + n_B tokens."""

    tokens: int  # T
    lengths: list[int]  # n_i, of each row
    ids: Tensor  # [S - T], the rows' tokens
    positions: Tensor  # [1, S]; every row continues after the prompt
    bias: Tensor  # [1, 1 or heads, L, T + L], added to a row's attention scores; L is the longest row
    prompt_bias: Tensor | None  # [1, heads, T, T], or None where the prompt's attention is only causal
    places: Tensor | None  # [B * L], token of each place in the padded rows; None where rows are equally long
    tokens_at: Tensor | None  # [S - T], the inverse: place of each token

    def pad(self, text: Tensor) -> Tensor:
        """[1, heads, S - T, D] of packed rows as [B, heads, L, D]; what stands after a row's end is of no account."""
        rows = text[0].transpose(0, 1)
        if self.places is not None:
            rows = rows.index_select(0, self.places)
        return rows.unflatten(0, (len(self.lengths), -1)).transpose(1, 2)

    def unpad(self, rows: Tensor) -> Tensor:
        """[B, heads, L, D] as packed [1, S - T, heads, D]."""
        text = rows.transpose(1, 2).flatten(0, 1)
        if self.tokens_at is not None:
            text = text.index_select(0, self.tokens_at)
        return text.unsqueeze(0)


def causal_bias(queries: int, keys: int, slopes: Tensor | None, device: torch.device, dtype: torch.dtype) -> Tensor:
    """[1, 1 or heads, queries, keys]: minus infinity at later positions, ALiBi's bias (0 without slopes) elsewhere.

    The queries are the last of the keys' positions. ALiBi is counted from relative distances: absolute
    positions, as transformers takes them, lose their last digits in bfloat16.
    """
    distance = torch.arange(keys, device=device) - torch.arange(keys - queries, keys, device=device)[:, None]
    bias = torch.zeros(1, *distance.shape, device=device) if slopes is None else slopes[:, None, None] * distance
    return bias.masked_fill(distance > 0, float("-inf")).to(dtype).unsqueeze(0)


def pack(
    texts: list[list[int]], tokens: int, slopes: Tensor | None, device: torch.device, dtype: torch.dtype
) -> Packing:
    """Lay out `texts`, each row's token ids, after a prompt of `tokens` vectors.

    `slopes`: ALiBi's, [heads], for models that have no other positions.
    """
    lengths = [len(text) for text in texts]
    longest = max(lengths)
    positions = [torch.arange(tokens), *(torch.arange(tokens, tokens + n) for n in lengths)]
    places = tokens_at = None
    if min(lengths) < longest:
        inside = torch.arange(longest) < torch.tensor(lengths)[:, None]  # [B, L]
        tokens_at = inside.flatten().nonzero()[:, 0].to(device)
        places = ((inside.flatten().cumsum(0) - 1).clamp(min=0)).to(device)  # after a row's end: its last token
    return Packing(
        tokens,
        lengths,
        torch.tensor([i for text in texts for i in text], device=device),
        torch.cat(positions).unsqueeze(0).to(device),
        causal_bias(longest, tokens + longest, slopes, device, dtype),
        None if slopes is None else causal_bias(tokens, tokens, slopes, device, dtype),
        places,
        tokens_at,
    )


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, scale: float | None) -> Tensor:
    """Attention with `bias`, or causal where that is None; keys of fewer heads are shared among the queries' heads."""
    shared = query.shape[1] != key.shape[1]
    if shared and query.is_cuda:  # with a mask, no fast kernel there shares heads
        groups, shared = query.shape[1] // key.shape[1], False
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    return scaled_dot_product_attention(
        query, key, value, attn_mask=bias, is_causal=bias is None, scale=scale, enable_gqa=shared
    )


def packed_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    packing: Packing,
    scaling: float | None = None,
    **_,
) -> tuple[Tensor, None]:
    """Attention of a packed sequence, in the form that transformers calls it: [1, heads, S, D] to [1, S, heads, D]."""
    sizes = [packing.tokens, len(packing.ids)]
    (prompt_q, text_q), (prompt_k, text_k), (prompt_v, text_v) = (x.split(sizes, dim=2) for x in (query, key, value))
    rows = len(packing.lengths)
    keys = torch.cat([prompt_k.expand(rows, -1, -1, -1), packing.pad(text_k)], dim=2)
    values = torch.cat([prompt_v.expand(rows, -1, -1, -1), packing.pad(text_v)], dim=2)
    text = packing.unpad(attend(packing.pad(text_q), keys, values, packing.bias, scaling))
    if not packing.tokens:
        return text, None
    prompt = attend(prompt_q, prompt_k, prompt_v, packing.prompt_bias, scaling)
    return torch.cat([prompt.transpose(1, 2), text], dim=1), None


AttentionInterface.register(NAME, packed_attention)


@contextmanager
def attention_of(config: PreTrainedConfig) -> Iterator[None]:
    """Within, the model's attention is `packed_attention`, and transformers makes no mask."""
    kept = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = kept
