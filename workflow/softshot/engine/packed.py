"""The prefix and all rows of a batch as one sequence: `[prefix][row 1][row 2]...`, nothing padded, nothing repeated.

Everything but attention looks at one token at a time, so it takes the packed sequence as it is: each
matrix product runs once over all tokens. Attention sees to it that a row looks at the prefix and at itself only.
A prefix of keys and values is no part of the sequence: attention takes it from the packing.

This module knows how attention is called (transformers' attention interface), and nothing of architectures. It knows
no windows, caps or sinks: whether a model does without them is found out by `probe.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from softshot.engine.base import Base
from softshot.engine.prefix import Prefix, States

NAME = "softshot"  # of the attention, where transformers looks for it


@dataclass(frozen=True, eq=False)
class Packing:
    """Prefix and rows as one sequence of S = T + n_1 + ... + n_B tokens, or without the T where the prefix is states.

    It is called as the model's attention.
    """

    lengths: list[int]  # n_i, of each row
    embeddings: Tensor  # [1, S, H]
    positions: Tensor  # [1, S]; every row continues after the prefix
    bias: Tensor  # [1 or B, 1 or heads, L, T + L], added to a row's attention scores; L is the longest row
    prefix_bias: Tensor | None  # [1, heads, T, T], or None where the prefix's attention is only causal
    states: States | None  # of each layer: the prefix's keys [heads, T, D] and values [heads, T, D']
    places: Tensor | None  # [B * L], token of each place in the padded rows; None where rows are equally long
    tokens_at: Tensor | None  # [n_1 + ... + n_B], the inverse: place of each token

    @property
    def before(self) -> int:
        """Tokens of the sequence before the first row: T, or none where the prefix is states."""
        return self.embeddings.shape[1] - sum(self.lengths)

    def pad(self, text: Tensor) -> Tensor:
        """[1, heads, n_1 + ... + n_B, D] of packed rows as [B, heads, L, D]; what stands after a row is no matter."""
        rows = text[0].transpose(0, 1)
        if self.places is not None:
            rows = rows.index_select(0, self.places)
        return rows.unflatten(0, (len(self.lengths), -1)).transpose(1, 2)

    def unpad(self, rows: Tensor) -> Tensor:
        """[B, heads, L, D] as packed [1, n_1 + ... + n_B, heads, D]."""
        text = rows.transpose(1, 2).flatten(0, 1)
        if self.tokens_at is not None:
            text = text.index_select(0, self.tokens_at)
        return text.unsqueeze(0)

    def __call__(
        self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, scaling: float | None = None, **_
    ) -> tuple[Tensor, None]:
        """Attention in the form in which transformers calls it: [1, heads, S, D] to [1, S, heads, D']."""
        sizes = [self.before, sum(self.lengths)]
        (prefix_q, text_q), (prefix_k, text_k), (prefix_v, text_v) = (
            x.split(sizes, dim=2) for x in (query, key, value)
        )
        if self.states is not None:
            prefix_k, prefix_v = self.states[module.layer_idx]
        rows = len(self.lengths)
        keys = torch.cat([prefix_k.expand(rows, -1, -1, -1), self.pad(text_k)], dim=2)
        values = torch.cat([prefix_v.expand(rows, -1, -1, -1), self.pad(text_v)], dim=2)
        text = self.unpad(attend(self.pad(text_q), keys, values, self.bias, scaling))
        if not self.before:
            return text, None
        prefix = attend(prefix_q, prefix_k, prefix_v, self.prefix_bias, scaling)
        return torch.cat([prefix.transpose(1, 2), text], dim=1), None


def causal_bias(queries: int, keys: int, slopes: Tensor | None, device: torch.device, dtype: torch.dtype) -> Tensor:
    """[1, 1 or heads, queries, keys]: minus infinity at later positions, ALiBi's bias (0 without slopes) elsewhere.

    The queries are the last of the keys' positions. ALiBi is counted from relative distances: absolute
    positions, as transformers takes them, lose their last digits in bfloat16.
    """
    distance = torch.arange(keys, device=device) - torch.arange(keys - queries, keys, device=device)[:, None]
    bias = torch.zeros(1, *distance.shape, device=device) if slopes is None else slopes[:, None, None] * distance
    return bias.masked_fill(distance > 0, float("-inf")).to(dtype).unsqueeze(0)


def pack(base: Base, prefix: Prefix | None, texts: list[list[int]], visible: Tensor | None = None) -> Packing:
    """Lay out `texts`, each row's token ids, after the prefix.

    `visible` [B, T] says which of the prefix's positions each row may look at; None is all. Positions do not depend
    on it.
    """
    device, dtype, slopes = base.device, base.model.dtype, base.alibi_slopes
    tokens = 0 if prefix is None else len(prefix)
    embeddings = states = prefix_bias = None
    if prefix is not None:
        prefix = prefix.of_model(base)
        embeddings, states = prefix.embeddings, prefix.states
    lengths = [len(text) for text in texts]
    longest = max(lengths)
    places = tokens_at = None
    if min(lengths) < longest:
        inside = torch.arange(longest) < torch.tensor(lengths)[:, None]  # [B, L]
        tokens_at = inside.flatten().nonzero()[:, 0].to(device)
        places = ((inside.flatten().cumsum(0) - 1).clamp(min=0)).to(device)  # after a row's end: its last token
    ids = torch.tensor([i for text in texts for i in text], device=device)
    parts, positions = [base.model.get_input_embeddings()(ids)], [torch.arange(tokens, tokens + n) for n in lengths]
    if embeddings is not None:
        parts, positions = [embeddings, *parts], [torch.arange(tokens), *positions]
        prefix_bias = None if slopes is None else causal_bias(tokens, tokens, slopes, device, dtype)
    bias = causal_bias(longest, tokens + longest, slopes, device, dtype)
    if visible is not None:
        hidden = pad(~visible.to(device), (0, longest))  # [B, T + L]: of a row nothing is hidden from itself
        bias = bias.masked_fill(hidden[:, None, None, :], float("-inf"))
    return Packing(
        lengths,
        torch.cat(parts).unsqueeze(0),
        torch.cat(positions).unsqueeze(0).to(device),
        bias,
        prefix_bias,
        states,
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


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Callable | None = None,
    **options,
) -> tuple[Tensor, None]:
    """transformers' own attention by `scaled_dot_product_attention`, or that of the packing where one is given."""
    if packing is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    return packing(module, query, key, value, **options)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)


def hidden_states(base: Base, packing: Packing, attention: Callable | None = None) -> Tensor:
    """The model's last hidden states of a packed sequence, [S, H]; `attention` stands in for the packing's own."""
    positions = {"position_ids": packing.positions} if base.takes_position_ids else {}
    return base.model.base_model(
        inputs_embeds=packing.embeddings,
        attention_mask=packing.bias.new_zeros(1, 1, 1, 1),  # of four dimensions: transformers makes none of its own
        use_cache=False,
        packing=attention or packing,
        **positions,
    ).last_hidden_state[0]
