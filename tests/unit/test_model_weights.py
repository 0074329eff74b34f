"""Weights that are not those of config.json."""

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from spoilt import fetch_folder, rename
from tiny import ARCHITECTURES

from softshot import catalogue, files
from softshot.errors import UserError


@pytest.fixture
def source(tiny_models, tmp_path):
    """A copy of the tiny llama, to be spoilt."""
    return shutil.copytree(tiny_models["llama"], tmp_path / "source")


# Other weights than those of config.json


@pytest.mark.parametrize(
    ("prefix", "by"), [("_orig_mod.", "torch.compile"), ("module.", "DataParallel or DistributedDataParallel")]
)
def test_the_names_of_a_wrapped_model_are_refused_before_any_job_and_by_the_job(prefix, by, source, tmp_path):
    rename(source, lambda name: prefix + name)
    words = rf"every tensor has `{prefix}` before its name, as {by} saves them.*model\.{prefix}save_pretrained"
    with pytest.raises(UserError, match=rf"models\.folders\.mine: .*{words}"):
        catalogue.check_model("mine", {"mine": str(source)})
    with pytest.raises(UserError, match=rf"model mine: .*source: .*{words}"):
        fetch_folder(source, tmp_path)
    assert os.listdir(tmp_path / "models") == []


def test_missing_tensors_are_named(source, tmp_path):
    rename(source, lambda name: None if ".layers.1." in name else name)
    with pytest.raises(UserError) as error:
        fetch_folder(source, tmp_path)
    assert "lacks 9 of the 21 tensors" in str(error.value)
    assert "(model.layers.1.input_layernorm.weight, model.layers.1.mlp.down_proj.weight, " in str(error.value)
    assert os.listdir(tmp_path / "models") == []


def test_tensors_under_other_names_are_named_too(source, tmp_path):
    rename(source, lambda name: name.replace("self_attn", "attention"))
    with pytest.raises(UserError, match=r"lacks 8 of .*It has others in their place \(model\.layers\.0\.attention"):
        fetch_folder(source, tmp_path)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int8])
def test_numbers_of_a_quantised_model_are_refused_also_where_config_says_nothing(dtype, source, tmp_path):
    file = source / "model.safetensors"
    tensors = {name: tensor.to(dtype) if "mlp" in name else tensor for name, tensor in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    words = r"quantised \(model\.layers\.0\.mlp\.down_proj\.weight is (F8_E4M3|I8)\)"
    with pytest.raises(UserError, match=rf"models\.folders\.mine: .*{words}"):
        catalogue.check_model("mine", {"mine": str(source)})
    with pytest.raises(UserError, match=rf"model mine: .*{words}"):
        fetch_folder(source, tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", "[1]", r"config\.json: is no model's configuration"),
        ("config.json", "version https://git-lfs.github.com/spec/v1", r"config\.json: not valid JSON"),
        ("config.json", "heads", r"cannot be loaded: .*not a multiple of the number of attention heads \(5\)"),
        ("tokenizer.json", "{}", r"the tokenizer of .* cannot be loaded: .*\nA tokenizer\.json needs nothing else"),
    ],
)
def test_a_spoilt_file_is_named(file, content, words, source, tmp_path):
    if content == "heads":
        content = json.dumps(files.read_json(source / file) | {"num_attention_heads": 5})
    (source / file).write_text(content)
    with pytest.raises(UserError, match=words):
        fetch_folder(source, tmp_path)


def test_an_adapter_is_no_model(source, tmp_path):
    (source / "config.json").rename(source / "adapter_config.json")
    words = r"holds an adapter \(adapter_config\.json\)\. Name its model here .* or merge it into its model first"
    with pytest.raises(UserError, match=words):
        catalogue.check_model("mine", {"mine": str(source)})
    with pytest.raises(UserError, match=words):
        fetch_folder(source, tmp_path)


def test_a_model_without_its_head_is_refused_unless_it_is_tied(source, tmp_path):
    rename(source, lambda name: None if name == "lm_head.weight" else name)
    with pytest.raises(UserError, match=r"lacks 1 of the 21 tensors of LlamaForCausalLM \(lm_head\.weight\)"):
        fetch_folder(source, tmp_path)
    config = files.read_json(source / "config.json")
    files.write_json(source / "config.json", config | {"tie_word_embeddings": True})
    fetch_folder(source, tmp_path)


def test_weights_of_another_size_than_config_says_are_refused(source, tmp_path):
    config = files.read_json(source / "config.json")
    files.write_json(source / "config.json", config | {"intermediate_size": 60})
    words = r"model\.layers\.0\.mlp\.down_proj\.weight is 32 x 64, and by config\.json it is 32 x 60"
    with pytest.raises(UserError, match=words):
        fetch_folder(source, tmp_path)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_weights_of_a_whole_model_are_enough_also_without_its_class_before_their_names(
    architecture, tiny_models, tmp_path
):
    source = shutil.copytree(tiny_models[architecture], tmp_path / "source")
    rename(source, lambda name: name.removeprefix("transformer."))  # as GPT-2's and BLOOM's are published
    fetch_folder(source, tmp_path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "vit"}, r"no causal language model of type 'vit' \(config\.json\)\. Name another"),
        (
            {"model_type": "mine", "auto_map": {}},
            r"type 'mine' \(config\.json\)\. The code that comes with it is never",
        ),
    ],
)
def test_an_architecture_that_the_library_has_not_is_refused_in_words(config, words, source, tmp_path):
    files.write_json(source / "config.json", config)
    with pytest.raises(UserError, match=words):
        fetch_folder(source, tmp_path)


def test_what_config_says_is_refused_by_the_job_too(source, tmp_path):
    files.write_json(source / "config.json", {"model_type": "t5", "is_encoder_decoder": True})
    with pytest.raises(UserError, match=r"model mine: .*source: it is an encoder-decoder \(t5\)"):
        fetch_folder(source, tmp_path)


def test_a_tokenizer_of_another_model_is_refused(source, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})  # Gemma 3's, beyond its embeddings
    tokenizer.save_pretrained(source)
    fetch_folder(source, tmp_path)
    tokenizer.add_tokens(["alarm clock", "weather"])
    tokenizer.save_pretrained(source)
    with pytest.raises(UserError, match=r"has 2 tokens beyond the \d+ that the model has \(alarm clock, weather\)"):
        fetch_folder(source, tmp_path)
