"""BLOOM with torch's fused attention, which transformers does not give it, and ALiBi from relative distances.

The one architecture that the engine knows by name. Its weights stay in their layers, which are called as they are:
they may be trained or wrapped.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import BloomForCausalLM, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions
from transformers.models.bloom.modeling_bloom import BloomAttention, BloomModel


def alibi_slopes(heads: int) -> Tensor:
    """The slope of each head's bias, [heads], in float32. Press et al. 2022, "Train Short, Test Long"."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    # Heads beyond a power of two take every second slope of twice as many.
    slopes += [2 ** (-8 * (2 * i + 1) / (2 * power)) for i in range(heads - power)]
    return torch.tensor(slopes, dtype=torch.float32)


def alibi_bias(mask: Tensor, queries: int, slopes: Tensor, dtype: torch.dtype) -> Tensor:
    """[B, heads, queries, keys] for the last `queries` of the places in `mask` [B, keys] (1 a token, 0 padding).

    Positions count tokens, not padding. What a query may not see has the type's least value, so that a
    query of padding, which sees nothing, is no NaN.
    """
    keys = mask.shape[1]
    positions = mask.cumsum(1) - 1  # [B, keys]
    distance = positions[:, None, :] - positions[:, -queries:, None]  # [B, queries, keys]
    places = torch.arange(keys, device=mask.device)
    seen = (places <= places[-queries:, None]) & mask.bool()[:, None]
    bias = slopes[:, None, None] * distance[:, None]
    return bias.to(dtype).masked_fill(~seen[:, None], torch.finfo(dtype).min)


class FusedBloomAttention(BloomAttention):
    """BLOOM's attention by `scaled_dot_product_attention`."""

    def forward(self, hidden_states, residual, alibi, attention_mask=None, layer_past=None, **_):
        """`alibi`: the bias [B, heads, L, keys], or the attention of a packed sequence."""
        query, key, value = self._reshape(self.query_key_value(hidden_states))  # [B, heads, L, D]
        if layer_past is not None:
            key, value = layer_past.update(key, value, self.layer_idx)
        if isinstance(alibi, Tensor):
            context = scaled_dot_product_attention(query, key, value, attn_mask=alibi, scale=self.inv_norm_factor)
            context = context.transpose(1, 2)
        else:
            context, _ = alibi(self, query, key, value, scaling=self.inv_norm_factor)
        return residual + self.dense(context.flatten(2)), None


class FusedBloomModel(BloomModel):
    """BLOOM's body for inference and for gradients to its input; it has no dropout and returns no attentions."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        packing: Callable | None = None,
        **_,
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        """`attention_mask`: [B, past + L]. With `packing`, the attention of one packed sequence without a cache."""
        if inputs_embeds is None:
            inputs_embeds = self.word_embeddings(input_ids)
        rows, length, _ = inputs_embeds.shape
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        alibi = packing
        if packing is None:
            keys = length if past_key_values is None else past_key_values.get_mask_sizes(length, 0)[0]
            if attention_mask is None:
                attention_mask = torch.ones(rows, keys, dtype=torch.long, device=inputs_embeds.device)
            alibi = alibi_bias(attention_mask, length, self.alibi_slopes, inputs_embeds.dtype)
        hidden = self.word_embeddings_layernorm(inputs_embeds)
        for block in self.h:
            hidden, _ = block(hidden, alibi=alibi, attention_mask=None, layer_past=past_key_values)
        return BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=self.ln_f(hidden), past_key_values=past_key_values
        )


def install(model: BloomForCausalLM) -> None:
    """Give `model` the fused attention. Its weights stay as they are."""
    model.transformer.__class__ = FusedBloomModel
    model.transformer.alibi_slopes = alibi_slopes(model.config.n_head).to(model.device)
    for block in model.transformer.h:
        block.self_attention.__class__ = FusedBloomAttention
