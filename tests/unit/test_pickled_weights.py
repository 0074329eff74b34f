"""Weights that are pickles: converted once where they hold nothing but tensors, and else refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from loopback import Hub, serving
from safetensors.torch import load_file
from spoilt import fetch_folder

from softshot import catalogue, files
from softshot.errors import UserError


@pytest.fixture
def source(tiny_models, tmp_path):
    """A copy of the tiny llama, to be spoilt."""
    return shutil.copytree(tiny_models["llama"], tmp_path / "source")


class Malicious:
    """Unpickled by pickle itself, it makes a folder."""

    def __init__(self, place: Path):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def pickle_weights(source, **options):
    """Put a pickle in the place of a folder's safetensors; returns its tensors."""
    tensors = load_file(source / "model.safetensors")
    torch.save(tensors, source / "pytorch_model.bin", **options)
    (source / "model.safetensors").unlink()
    return tensors


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "before torch 1.6"])
def test_pickled_weights_are_converted_once_and_the_provenance_says_so(options, source, tmp_path):
    tensors = pickle_weights(source, **options)
    out = fetch_folder(source, tmp_path)
    found = load_file(out / "model.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    provenance = files.read_json(out / "provenance.json")
    pickled = {"file": "pytorch_model.bin", "sha256": files.sha256(source / "pytorch_model.bin")}
    assert provenance["conversions"] == {"model.safetensors": pickled | {"how": "converted from a pickle"}}
    assert provenance["files"]["model.safetensors"] == files.sha256(out / "model.safetensors")
    assert not (out / "pytorch_model.bin").exists()
    before = (out / "provenance.json").read_bytes()
    assert fetch_folder(source, tmp_path) == out
    assert (out / "provenance.json").read_bytes() == before


def test_pickled_weights_in_several_files_and_with_tied_tensors(source, tmp_path):
    tensors = pickle_weights(source)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]  # one memory, two names
    tensors["model.norm.weight"] = torch.nn.Parameter(tensors["model.norm.weight"].half())
    names = sorted(tensors)
    parts = {f"pytorch_model-0000{n}-of-00002.bin": names[n - 1 :: 2] for n in (1, 2)}
    for file, inside in parts.items():
        torch.save({name: tensors[name] for name in inside}, source / file)
    index = {"weight_map": {name: file for file, inside in parts.items() for name in inside}}
    files.write_json(source / "pytorch_model.bin.index.json", index)
    (source / "pytorch_model.bin").unlink()
    out = fetch_folder(source, tmp_path)
    assert sorted(path.name for path in out.glob("model*")) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]
    assert not list(out.glob("pytorch_model*"))
    found = load_file(out / "model-00001-of-00002.safetensors") | load_file(out / "model-00002-of-00002.safetensors")
    assert all(torch.equal(found[name], tensors[name]) and found[name].dtype == tensors[name].dtype for name in names)
    from transformers import AutoModelForCausalLM

    assert torch.equal(AutoModelForCausalLM.from_pretrained(out).lm_head.weight, tensors["lm_head.weight"])
    (source / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(UserError, match=r"lacks pytorch_model-00002-of-00002\.bin, named in pytorch_model\.bin\.index"):
        fetch_folder(source, tmp_path)


def test_names_in_a_pickle_are_checked_as_all_others(source, tmp_path):
    tensors = pickle_weights(source)
    torch.save({f"_orig_mod.{name}": tensor for name, tensor in tensors.items()}, source / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"every tensor has `_orig_mod\.` before"):
        fetch_folder(source, tmp_path)


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "before torch 1.6"])
def test_code_in_a_pickle_is_not_run_but_refused(options, source, tmp_path):
    tensors = pickle_weights(source)
    torch.save(tensors | {"x": Malicious(tmp_path / "broken-in")}, source / "pytorch_model.bin", **options)
    with pytest.raises(UserError, match=r"pytorch_model\.bin in .* is a pickle that asks for `posix\.mkdir`") as error:
        fetch_folder(source, tmp_path)
    assert "weights_only" not in str(error.value), "torch's own words end in how to run the code"
    assert not (tmp_path / "broken-in").exists()
    assert os.listdir(tmp_path / "models") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "no file of pickled weights.*Git LFS"),
        (b"", "no file of pickled weights"),
        ({"model": {"a": torch.ones(2)}, "epoch": 3}, r"more than tensors by their names \(epoch, model\)"),
        ({"a": torch.ones(2).to_sparse()}, r"more than tensors by their names \(a\)"),
        ([torch.ones(2)], "more than tensors by their names"),
        (torch.nn.Linear(2, 2), r"asks for `torch\.nn\.modules\.linear\.Linear`"),
    ],
    ids=["lfs", "empty", "checkpoint", "sparse", "list", "module"],
)
def test_what_is_no_pickle_of_tensors_is_refused(content, words, source, tmp_path):
    pickle_weights(source)
    if isinstance(content, bytes):
        (source / "pytorch_model.bin").write_bytes(content)
    else:
        torch.save(content, source / "pytorch_model.bin")
    with pytest.raises(UserError, match=words):
        fetch_folder(source, tmp_path)
    assert os.listdir(tmp_path / "models") == []


def test_the_size_of_pickled_weights_is_known_before_they_are_read(source, tiny_models):
    folders = {"mine": str(source)}
    count = catalogue.parameters("mine", folders)
    pickle_weights(source)
    assert count < catalogue.parameters("mine", folders) < 1.2 * count


# config.yaml's own model


def save_opt(folder: Path) -> None:
    """A tiny OPT as facebook/opt-1.3b is published: float16 in a pickle, a tokenizer in two files."""
    from tiny import TEXT
    from tokenizers import ByteLevelBPETokenizer
    from transformers import OPTConfig, OPTForCausalLM

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator([TEXT], vocab_size=320, special_tokens=special, show_progress=False)
    sizes = {
        "hidden_size": 32,
        "ffn_dim": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "word_embed_proj_dim": 32,
    }
    config = OPTConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=256, **sizes)
    torch.manual_seed(0)
    model = OPTForCausalLM(config).half()
    config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    tokenizer.save_model(str(folder))
    names = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
    own = {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "add_prefix_space": False}
    files.write_json(folder / "tokenizer_config.json", own | names)
    files.write_json(folder / "special_tokens_map.json", names)


@pytest.fixture
def opt_hub(tmp_path):
    """A hub of facebook/opt-1.3b, in small, and a function that runs the model job of config.yaml's own entry."""
    folder = tmp_path / "published"
    folder.mkdir()
    save_opt(folder)

    def run():
        settings = {"name": "opt-1.3b", "entry": catalogue.model_entry("opt-1.3b", {}), "hub": server.address}
        command = [sys.executable, "-m", "softshot.models", "--settings", json.dumps(settings)]
        command += ["--out", tmp_path / "models" / "opt-1.3b"]
        environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    contents |= {"tf_model.h5": b"other", "flax_model.msgpack": b"other", "README.md": b"read me"}
    with serving(Hub, contents=contents, published={}, broken=set(), repository="facebook/opt-1.3b") as server:
        yield server, run


def test_the_published_studys_own_model_comes_as_a_pickle_and_works(opt_hub, tmp_path):
    from softshot.engine.base import load
    from softshot.engine.layout import Layout, RowSettings
    from softshot.settings import EngineSettings

    server, run = opt_hub
    result = run()
    assert result.returncode == 0, result.stderr
    out = tmp_path / "models" / "opt-1.3b"
    provenance = files.read_json(out / "provenance.json")
    assert provenance["conversions"]["model.safetensors"]["file"] == "pytorch_model.bin"
    fetched = {path.rsplit("/", 1)[1] for _, path in server.requests if "/resolve/" in path}
    assert "pytorch_model.bin" in fetched and not {"tf_model.h5", "flax_model.msgpack"} & fetched
    base = load(out)
    row = Layout(base, RowSettings(engine=EngineSettings(context=100))).generation_row(
        {"id": "1", "input": "the fox", "target": ""}, [], 10
    )
    assert base.tokenizer.decode(row.context) == "</s>the fox =>"
    assert os.listdir(tmp_path / "models") == ["opt-1.3b"]


def test_a_malicious_pickle_on_the_hub_is_refused_and_not_kept(opt_hub, tmp_path):
    server, run = opt_hub
    torch.save({"x": Malicious(tmp_path / "broken-in")}, tmp_path / "evil.bin")
    server.contents["pytorch_model.bin"] = (tmp_path / "evil.bin").read_bytes()
    result = run()
    assert result.returncode == 1
    assert "softshot: model opt-1.3b: pytorch_model.bin in" in result.stderr
    assert "asks for `posix.mkdir`" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "broken-in").exists()
    assert os.listdir(tmp_path / "models") == []


def test_what_config_json_says_is_refused_before_the_weights_are_downloaded(opt_hub, tmp_path):
    server, run = opt_hub
    server.contents["config.json"] = b'{"model_type": "mamba"}'
    result = run()
    assert "it is no model of attention alone (mamba)" in result.stderr
    assert not [path for _, path in server.requests if "pytorch_model.bin" in path.partition("/resolve/")[2]]
