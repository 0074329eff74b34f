"""What the probe says of architectures, and what is refused when a model is loaded."""

import json
import shutil

import pytest
import torch
from plain import PACKED, PADDED
from safetensors.torch import load_file, save_file
from tiny import CONFIGS, ROOT
from transformers import AutoModelForCausalLM, Gemma3Config, Gemma3TextConfig

from softshot.engine import base as engine_base
from softshot.engine.base import load
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.errors import UserError

# What the sentence or the reason must speak of.
WORDS = {
    "gemma2": "more than its head's result",
    "cohere": "more than its head's result",
    "granite": "more than its head's result",
    "gpt_oss": "s_aux",
    "gpt_neo": "where a token stands in the batch",
    "llama4_text": "where a token stands in the batch",
    "deepseek_v3": "compressed",
    "mamba": "does not go on from keys and values",
    "lfm2": "layer 0 of this model keeps a LinearAttentionLayer",
    "bert": "change with what stands beside it",
} | dict.fromkeys(["falcon", "falcon_alibi", "gptj", "mpt", "stablelm"], "code of its own")


def documented():
    """What docs/models.md says: of each architecture, packed, padded or refused."""
    lines = (ROOT / "docs/models.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {name.strip("`"): kind for name, _, kind, _ in rows}


def verdict(folder, capsys):
    """What becomes of a model, and the words for it."""
    try:
        base = load(folder)
    except UserError as error:
        assert str(error).startswith(f"{folder}: ") and str(error).endswith("Use another model.")
        return "refused", str(error)
    if base.findings.unpacked is None:
        assert base.findings.feed_forward, "the last layer's feed-forward part was not found"
        return "packed", ""
    told = capsys.readouterr().err
    assert base.findings.unpacked in told and "padded" in told
    return "padded", told


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_of_architectures_is_true(tiny_folder, name, capsys):
    kind, words = verdict(tiny_folder(name), capsys)
    assert kind == documented()[CONFIGS[name][0]]
    assert WORDS.get(name, "") in words
    assert (kind == "packed") == (name in PACKED or name == "window_of_45") and (kind == "padded") == (name in PADDED)


def test_every_line_of_the_table_is_tried():
    assert documented().keys() == {architecture for architecture, _ in CONFIGS.values()}


def test_the_caches_shapes_are_the_models_own(tiny_folder):
    """Falcon's and StarCoder's queries share one head of keys and values; Gemma's heads have a size of their own."""
    shapes = {
        name: load(tiny_folder(name)).findings.cache_shapes for name in ("falcon", "gpt_bigcode", "gemma", "gpt2")
    }
    one, four = [(1, 8, 8)] * 2, [(4, 8, 8)] * 2
    assert shapes == {"falcon": one, "gpt_bigcode": one, "gemma": one, "gpt2": four}


def test_a_model_of_text_and_pictures_is_used_as_a_model_of_text(tmp_path, tiny_folder):
    text = Gemma3TextConfig(vocab_size=320, **CONFIGS["gemma3_text"][1])
    picture = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Gemma3Config(
        text_config=text.to_dict(),
        vision_config=picture | {"image_size": 28, "patch_size": 14},
        **{"mm_tokens_per_image": 1, "boi_token_index": 2, "eoi_token_index": 3, "image_token_index": 4},
    )
    shutil.copytree(tiny_folder("gemma3_text"), tmp_path, dirs_exist_ok=True)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    base = load(tmp_path)
    assert base.findings.unpacked is None and base.findings.window == 4096
    assert base.config.num_hidden_layers == len(base.findings.cache_shapes) == 2


def test_a_window_shorter_than_prefix_row_and_output_is_refused_at_load(tiny_folder):
    folder = tiny_folder("window_of_45")
    base = load(folder, positions=45)
    with pytest.raises(UserError, match=rf"{folder}: .*looks back over 45 positions.*may take 46\. Lower"):
        load(folder, positions=46)
    with pytest.raises(UserError, match="looks back over 45 positions"):  # whoever does not say how long rows are
        target_losses(base, None, [Row("long", [5] * 45, [6, 7])])


def test_embeddings_are_scaled_as_the_model_scales_them(tiny_folder):
    base = load(tiny_folder("gemma"))
    weight = base.model.get_input_embeddings().weight
    torch.testing.assert_close(base.embed([7, 9]), weight[[7, 9]] * 32**0.5)


@pytest.fixture
def copy(tiny_folder, tmp_path):
    """A function that copies a model and changes its config.json and its weights."""

    def changed(name, config=None, weights=None):
        folder = tmp_path / name
        shutil.copytree(tiny_folder(name), folder)
        if config:
            values = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps(values | config))
        if weights:
            tensors = load_file(folder / "model.safetensors")
            save_file(weights(tensors), folder / "model.safetensors", {"format": "pt"})
        return folder

    return changed


@pytest.mark.parametrize("method", ["bitsandbytes", "gptq"])
def test_quantised_weights_are_refused(copy, method):
    settings = {"quant_method": method, "bits": 4, "load_in_4bit": True}
    with pytest.raises(UserError, match="its weights are quantised"):
        load(copy("llama", {"quantization_config": settings}))


def without(tensors):
    del tensors["model.layers.1.mlp.up_proj.weight"]
    return tensors


def renamed(tensors):
    return {name.replace("model.layers.", "model.blocks."): tensor for name, tensor in tensors.items()}


def reshaped(tensors):
    tensors["model.norm.weight"] = torch.ones(31)
    return tensors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            without,
            r"1 weights that LlamaForCausalLM needs are not .* such as model\.layers\.1\.mlp\.up_proj\.weight\. ",
        ),
        (renamed, r"18 weights .*; 18 others are called otherwise, such as model\.blocks\.0"),
        (reshaped, r"1 weights .* of another shape, such as model\.norm\.weight"),
    ],
)
def test_weights_that_are_missing_or_called_otherwise_are_refused(copy, change, words):
    with pytest.raises(UserError, match=words):
        load(copy("llama", weights=change))


def test_tied_heads_and_shards_are_whole(tiny_folder, tmp_path):
    """The head of a tied model is in no file; a large model is in several."""
    model = AutoModelForCausalLM.from_pretrained(tiny_folder("gemma"))
    shutil.copytree(tiny_folder("gemma"), tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="50KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert load(tmp_path).findings.unpacked is None


def test_a_model_that_gives_no_numbers_is_refused(copy):
    def infinite(tensors):
        tensors["model.norm.weight"] = torch.full((32,), float("inf"))
        return tensors

    with pytest.raises(UserError, match=r"gives no numbers in torch\.float32: try `engine\.dtype"):
        load(copy("llama", weights=infinite))


@pytest.mark.parametrize(("major", "dtype"), [(7, "float32"), (8, "bfloat16")])
def test_automatic_precision_takes_no_emulated_bfloat16(monkeypatch, major, dtype):
    """A T4 (7.5) can make bfloat16 tensors, and computes with them slowly."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda._check_bf16_tensor_supported", lambda _: True)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: type("Card", (), {"major": major}))
    assert engine_base.automatic("cuda") == dtype
    assert engine_base.automatic("cpu") == "float32"
