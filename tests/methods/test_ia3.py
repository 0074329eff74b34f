"""(IA)3 scales the paper's places in every architecture: keys, values and the feed-forward part's activation."""

import pytest
import torch
from cases import adapter_of, base_for
from plain import load_plain, plain_losses

from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.errors import UserError

ROWS = [Row("a", [5, 9, 11, 40], [17, 23]), Row("b", [7, 8], [60, 61, 62])]
SEPARATE, BEHIND_QUERIES, PER_HEAD = "separate layers", "behind the queries", "query, key and value of each head"
# Of each architecture: how its attention gives keys and values, in layers called so; what ends its feed-forward part.
PLACES = {
    "gpt2": (BEHIND_QUERIES, "attn.c_attn", "mlp.c_proj"),
    "opt": (SEPARATE, "self_attn", "fc2"),
    "bloom": (PER_HEAD, "self_attention.query_key_value", "mlp.dense_4h_to_h"),
    "phi": (SEPARATE, "self_attn", "mlp.fc2"),
    "phi3": (BEHIND_QUERIES, "self_attn.qkv_proj", "mlp.down_proj"),
    "gpt_neox": (PER_HEAD, "attention.query_key_value", "mlp.dense_4h_to_h"),
    "gpt_bigcode": (BEHIND_QUERIES, "attn.c_attn", "mlp.c_proj"),
    "starcoder2": (SEPARATE, "self_attn", "mlp.c_proj"),
    "falcon": (BEHIND_QUERIES, "self_attention.query_key_value", "mlp.dense_4h_to_h"),
    "falcon_alibi": (PER_HEAD, "self_attention.query_key_value", "mlp.dense_4h_to_h"),
    "gptj": (SEPARATE, "attn", "mlp.fc_out"),
    "mpt": (BEHIND_QUERIES, "attn.Wqkv", "ffn.down_proj"),
}
LIKE_LLAMA = ["llama", "qwen2", "qwen3", "mistral", "olmo2", "olmo3", "smollm3", "gemma", "gemma2", "gemma3_text"]
LIKE_LLAMA += ["cohere", "granite", "stablelm"]
PLACES |= dict.fromkeys(LIKE_LLAMA, (SEPARATE, "self_attn", "mlp.down_proj"))
FOUR = ["gpt2", "opt", "bloom", "llama"]


def positions(kind, shape):
    """Of an output with queries, keys and values: the rows that are keys, and those that are values."""
    heads, size, _ = shape
    queries = 32
    if kind == BEHIND_QUERIES:
        rows = torch.arange(queries + 2 * heads * size)
        return rows[queries : queries + heads * size], rows[queries + heads * size :]
    rows = torch.arange(3 * heads * size).view(heads, 3, size)
    return rows[:, 1].flatten(), rows[:, 2].flatten()


def plain_scaled(model, name, shapes, draw):
    """Hooks that scale keys, values and activations of transformers' model; the scales of every layer by its name."""
    kind, attention, end = PLACES[name]
    scales = {}
    for layer, shape in enumerate(shapes):
        own = [path for path, _ in model.named_modules() if f".{layer}." in path]
        keys, values = draw(shape[0] * shape[1]), draw(shape[0] * shape[2])
        if kind == SEPARATE:
            for part, scale in (("k_proj", keys), ("v_proj", values)):
                (path,) = [path for path in own if path.endswith(f".{attention}.{part}")]
                scales[path] = scale
        else:
            (path,) = [path for path in own if path.endswith(f".{attention}")]
            of_keys, of_values = positions(kind, shape)
            scale = torch.ones(32 + len(keys) + len(values))
            scales[path] = scale.index_copy(0, of_keys, keys).index_copy(0, of_values, values)
        (path,) = [path for path in own if path.endswith(f".{end}")]
        module = model.get_submodule(path)
        scales[path] = draw(getattr(module, "in_features", None) or module.weight.shape[0])
        module.register_forward_pre_hook(lambda _, given, scale=scales[path]: (given[0] * scale, *given[1:]))
        for output in scales.keys() - {path}:
            if f".{layer}." in output:
                model.get_submodule(output).register_forward_hook(
                    lambda _, __, result, scale=scales[output]: result * scale
                )
    return scales


@pytest.mark.parametrize(
    "name", [*FOUR, *(pytest.param(name, marks=pytest.mark.long) for name in PLACES if name not in FOUR)]
)
def test_keys_values_and_activations_are_scaled_as_in_a_plain_computation(folder_of, name):
    base, plain = base_for("ia3", folder_of(name)), load_plain(folder_of(name))
    generator = torch.Generator().manual_seed(0)
    shapes = base.findings.cache_shapes
    scales = plain_scaled(plain, name, shapes, lambda size: 1 + 0.4 * torch.randn(size, generator=generator))
    before = target_losses(base, None, ROWS).detach()
    adapter = adapter_of("ia3", base)
    adapter.prepare()
    assert torch.allclose(target_losses(base, None, ROWS), before, rtol=1e-4, atol=1e-4), "at first it changes nothing"
    assert scales.keys() == adapter.rows.keys()
    with torch.no_grad():
        for own, (path, rows) in zip(adapter.scales, adapter.rows.items(), strict=True):
            own.copy_(scales[path] if rows is None else scales[path][rows])
    adapter.prepare()
    expected = torch.cat([plain_losses(plain, torch.empty(0, base.embedding_size), row) for row in ROWS])
    torch.testing.assert_close(target_losses(base, None, ROWS), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, before, atol=0.01)
    trained = sum(heads * (key + value) for heads, key, value in shapes)
    trained += sum(change.in_features for change in adapter.layers.values() if change.of_input)
    assert sum(scale.numel() for scale in adapter.parameters()) == trained


@pytest.mark.parametrize("name", ["mixtral", "qwen3_moe", "gpt_oss"])
def test_a_model_whose_feed_forward_part_is_experts_is_refused(folder_of, name):
    with pytest.raises(UserError, match="ia3: where it is to scale this model was not found"):
        adapter_of("ia3", base_for("ia3", folder_of(name)))


@pytest.mark.parametrize("name", FOUR)
def test_a_scale_of_0_has_a_gradient_too(folder_of, name):
    base = base_for("ia3", folder_of(name), "float64")
    adapter = adapter_of("ia3", base).double()
    gradients = []
    for value in (0.0, 1e-9):
        with torch.no_grad():
            for scales in adapter.scales:
                scales[::3] = value
        adapter.zero_grad()
        adapter.prepare()
        target_losses(base, None, ROWS).sum().backward()
        adapter.gather(1)
        gradients.append(torch.cat([scales.grad[::3] for scales in adapter.scales]))
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)
    assert gradients[0].abs().median() > 0


def test_bfloat16_does_not_round_small_changes_of_a_scale_away(folder_of):
    """1.003 is 1 in bfloat16."""
    base = base_for("ia3", folder_of("llama"), "bfloat16")
    adapter = adapter_of("ia3", base)
    losses = []
    for value in (1.0, 1.003):
        with torch.no_grad():
            for scales in adapter.scales:
                scales.fill_(value)
        adapter.prepare()
        losses.append(target_losses(base, None, ROWS))
    assert not torch.equal(*losses)
