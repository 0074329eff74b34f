"""A GGUF file of the user's own is a model: judged by its header at the start, converted once.

python -m pytest tests/unit/test_gguf.py
"""

import json
from pathlib import Path

import pytest
import torch
import yaml
from gguf import GGUFWriter
from tiny import ROOT
from transformers import AutoModelForCausalLM, AutoTokenizer

from softshot import catalogue, configuration
from softshot.errors import UserError
from softshot.files import read_json, sha256
from softshot.models import gguf_header
from softshot.models.fetch import fetch

TENSORS = {  # llama's, but for those whose rows stand otherwise
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write(folder: Path, file: Path) -> Path:
    """A llama's folder as a GGUF file with plain numbers."""
    model, config = AutoModelForCausalLM.from_pretrained(folder), read_json(folder / "config.json")
    writer = GGUFWriter(file, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(0)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())["model"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(tokenizer["vocab"], key=tokenizer["vocab"].get))
    writer.add_token_types([3, 3] + [1] * (len(tokenizer["vocab"]) - 2))
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for name, values in model.state_dict().items():
        place, kind = name.removesuffix(".weight"), "weight"
        layer = place.removeprefix("model.layers.").partition(".")
        short = TENSORS[layer[2] if place.startswith("model.layers.") else place]
        if short in heads:  # halves of a head beside one another, as the format has them
            values = values.view(heads[short], 2, -1, values.shape[1]).transpose(1, 2).reshape(values.shape)
        block = f"blk.{layer[0]}." if place.startswith("model.layers.") else ""
        writer.add_tensor(f"{block}{short}.{kind}", values.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture(scope="module")
def llama(tiny_models, tmp_path_factory) -> Path:
    """A tiny llama as a GGUF file."""
    return write(tiny_models["llama"], tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def study(file: Path, **sections):
    """The published study on one model, a file."""
    values = yaml.safe_load((ROOT / "config.yaml").read_text())
    values["models"] |= {"use": ["mine"], "folders": {"mine": str(file)}}
    return configuration.load(values | {"tuning": values["tuning"] | {"overrides": []}} | sections)


def test_the_header_says_the_sizes_that_the_model_has(llama, tiny_models):
    model = AutoModelForCausalLM.from_pretrained(tiny_models["llama"])
    config = model.config
    facts = {"architecture": "llama", "parameters": model.num_parameters(), "positions": 256}
    facts |= {"layers": 2, "width": 32, "vocabulary": config.vocab_size}
    assert gguf_header.read(llama) == facts
    folders = {"mine": str(llama)}
    assert catalogue.parameters("mine", folders) == model.num_parameters()
    assert catalogue.dimensions("mine", folders) == (2, 32, config.vocab_size)
    assert catalogue.room("mine", folders).positions == 256


def test_a_file_becomes_the_model_that_it_holds(llama, tiny_models, tmp_path):
    entry = catalogue.model_entry("mine", {"mine": str(llama)})
    fetch("mine", entry, "https://hub.example", tmp_path / "mine")
    before, after = (AutoModelForCausalLM.from_pretrained(place) for place in (tiny_models["llama"], tmp_path / "mine"))
    values = after.state_dict()
    assert all(torch.equal(value, values[name]) for name, value in before.state_dict().items())
    texts = ["Set an alarm for seven", " lines\n\nand naïve cafés 日本"]
    before, after = (AutoTokenizer.from_pretrained(place) for place in (tiny_models["llama"], tmp_path / "mine"))
    assert [after(text).input_ids for text in texts] == [before(text).input_ids for text in texts]
    note = read_json(tmp_path / "mine/provenance.json")
    assert (note["source"], note["revision"]) == (str(llama), f"sha256 {sha256(llama)}")


def test_a_study_names_it_as_a_model_and_its_positions_are_held_against_the_rows(llama):
    with pytest.raises(UserError, match=r"more than the 256 positions of mine that it has"):
        study(llama)
    sections = {"arms": {"icl": {"method": "none", "demonstrations": ["random-1"]}}, "data_size": {"arms": []}}
    sections |= {"transfer": {"arms": []}, "engine": {"context": 200}, "generation": {"max_new_tokens": 20}}
    small = study(llama, **sections)
    assert small.models.use == ["mine"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is no GGUF file. Was it cloned without"),
        (b"<html>Not found</html>", "is no GGUF file"),
        (b"", "is no GGUF file"),
        (b"GGUF" + bytes([9, 0, 0, 0]) + bytes(16), "GGUF of version 9 cannot be read"),
    ],
)
def test_what_is_no_such_file_is_refused_at_the_start(tmp_path, content, message):
    (tmp_path / "a.gguf").write_bytes(content)
    with pytest.raises(UserError, match=message):
        study(tmp_path / "a.gguf")


@pytest.mark.parametrize("kept", [6, 20, 100, 3000])
def test_the_beginning_of_a_file_is_refused_at_the_start(llama, tmp_path, kept):
    (tmp_path / "a.gguf").write_bytes(llama.read_bytes()[:kept])
    with pytest.raises(UserError, match="is only the beginning of a GGUF file: fetch it again"):
        study(tmp_path / "a.gguf")


def headed(file: Path, architecture: str) -> Path:
    """A file that says an architecture, and holds nothing."""
    writer = GGUFWriter(file, architecture)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def test_an_architecture_that_cannot_be_used_is_refused_at_the_start(tmp_path):
    with pytest.raises(UserError, match=r"models.folders.mine: .*it is no model of attention alone \(mamba\)"):
        study(headed(tmp_path / "a.gguf", "mamba"))


def test_an_architecture_that_transformers_cannot_read_names_those_that_it_can(tmp_path):
    entry = catalogue.model_entry("mine", {"mine": str(headed(tmp_path / "a.gguf", "command-r"))})
    with pytest.raises(UserError, match=r"architecture command-r, which .*llama, .*qwen2") as error:
        fetch("mine", entry, "https://hub.example", tmp_path / "mine")
    assert "tokenizer" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gguf"]
