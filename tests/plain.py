"""The reference: transformers' own model, one row at a time, nothing padded, packed, shared or fused."""

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, DynamicCache

PACKED = [
    *("gpt2", "opt", "bloom", "llama", "qwen2", "qwen3", "qwen3_moe", "mistral", "mixtral", "phi", "phi3", "gpt_neox"),
    *("gpt_bigcode", "olmo2", "olmo3", "starcoder2", "smollm3", "gemma", "gemma3_text"),
]
EXPERTS = {"qwen3_moe", "mixtral", "gpt_oss"}  # whose products torch has in float32 only
PADDED = ["gemma2", "cohere", "granite", "falcon", "falcon_alibi", "gptj", "mpt", "stablelm", "gpt_oss"]


def load_plain(folder, dtype=torch.float32):
    """transformers' model, frozen."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).requires_grad_(False).eval()


def plain_losses(model, prompt, row):
    """The negative log-likelihood of each target token: prompt [T, H] and row in one piece, logits everywhere."""
    ids = torch.tensor([row.context + row.target])
    embeddings = model.get_input_embeddings()(ids)
    logits = model(inputs_embeds=torch.cat([prompt[None].to(embeddings), embeddings], dim=1)).logits
    return target_part(logits[0], row)


def plain_losses_behind(model, states, row, visible=None):
    """The same behind keys and values of each layer, of which `visible` [T], 0 or 1, may be looked at."""
    tokens, ids = states[0][0].shape[1], torch.tensor([row.context + row.target])
    cache = DynamicCache(config=model.config)
    for layer, (keys, values) in enumerate(states):
        cache.update(keys[None], values[None], layer)
    visible = torch.ones(tokens, dtype=torch.long) if visible is None else visible.long()
    options = {"attention_mask": torch.cat([visible, torch.ones_like(ids[0])])[None]}
    if model.config.model_type == "bloom":  # whose positions are counted from the mask, unless they are not
        slopes = model.transformer.build_alibi_tensor
        model.transformer.build_alibi_tensor = lambda mask, *heads, **dtype: slopes(
            torch.ones_like(mask), *heads, **dtype
        )
    else:
        options["position_ids"] = torch.arange(tokens, tokens + ids.shape[1])[None]
    logits = model(input_ids=ids, past_key_values=cache, **options).logits
    if model.config.model_type == "bloom":
        model.transformer.build_alibi_tensor = slopes
    return target_part(logits[0], row)


def target_part(logits, row):
    """Of logits [L, V] that end with the row's."""
    return cross_entropy(logits[-len(row.target) - 1 : -1], torch.tensor(row.target), reduction="none")


def plain_greedy(model, prompt, row, limit, ends):
    """The continuation of a row: the whole sequence anew for every token."""
    ids = list(row.context)
    for _ in range(limit):
        embeddings = model.get_input_embeddings()(torch.tensor([ids]))
        embeddings = torch.cat([prompt[None].to(embeddings), embeddings], dim=1)
        ids.append(int(model(inputs_embeds=embeddings).logits[0, -1].argmax()))
        if ids[-1] in ends:
            break
    return ids[len(row.context) :]
