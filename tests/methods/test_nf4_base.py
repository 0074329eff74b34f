"""Methods over a base in NF4: the same training packed and dequantised, and predictions that round nothing again."""

import functools

import pytest
import torch
from cases import adapter_of, base_for, trainer_of
from peft import PeftModel
from plain import load_plain, plain_greedy
from tiny import save_tiny_model

from softshot.engine.base import load
from softshot.engine.changes import linear_layers
from softshot.engine.decoding import continuations
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.nf4 import NF4Linear, matrix, rounded
from softshot.engine.stops import Stops
from softshot.methods.registry import METHODS
from softshot.settings import GenerationSettings

CASES = [("lora", name) for name in ("gpt2", "opt", "bloom", "llama")]
CASES += [("adalora", "llama"), ("ia3", "bloom"), ("ia3", "opt"), ("prompt-tuning", "llama"), ("prefix-tuning", "gpt2")]
ROWS = [Row(str(n), [7 + n, 20, 31, 4][: 2 + n % 3], [30 + n, 9, 50]) for n in range(5)]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """A function that gives the folder of a tiny model whose layers all have a multiple of 64 inputs."""
    root = tmp_path_factory.mktemp("wider")

    @functools.cache
    def folder(name):
        save_tiny_model(name, root / name, projected=False, wider=2)
        return root / name

    return folder


def trained(method, folder, weights):
    """A trainer after ten steps."""
    run = trainer_of(method, base_for(method, folder, weights=weights), loop={"steps": 10})
    run.run(lambda: False, lambda: None, 1e9)
    return run


def ready(method, folder, weights, adapter):
    """The model as it predicts, and its prefix."""
    base = base_for(method, folder, weights=weights)
    prefix = METHODS[method].load().load(base, adapter)
    return base.freeze() if METHODS[method].trains_weights else base, prefix


def texts(base, prefix):
    settings = GenerationSettings.model_construct(max_new_tokens=10, beams=1)
    rows = [Row(row.id, row.context) for row in ROWS]
    stops = Stops.of(base, "\n\n")
    return {row.id: ids for row, ids in continuations(base, prefix, rows, settings, stops, 2)}


@pytest.mark.parametrize(("method", "name"), CASES)
def test_training_and_predictions_are_the_same_packed_and_dequantised(folder_of, method, name, tmp_path):
    runs = [trained(method, folder_of(name), weights) for weights in ("nf4", "nf4-dequantised")]
    losses = [[line["loss"] for line in run.progress.history if "loss" in line] for run in runs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert abs(losses[0][-1] - losses[0][0]) > 0.01

    runs[0].finish()
    runs[0].adapter.save(tmp_path)
    packed, dequantised = (ready(method, folder_of(name), kind, tmp_path) for kind in ("nf4", "nf4-dequantised"))
    both = [target_losses(base, prefix, ROWS) for base, prefix in (packed, dequantised)]
    torch.testing.assert_close(both[0], both[1], rtol=1e-5, atol=1e-5)
    assert texts(*packed) == texts(*dequantised)
    bare = target_losses(load(folder_of(name), weights="nf4"), None, ROWS)
    assert (both[0] - bare).abs().max() > 0.01


@pytest.mark.parametrize(("method", "name"), [case for case in CASES if METHODS[case[0]].trains_weights])
def test_predictions_are_those_of_pefts_unmerged_adapter(folder_of, method, name, tmp_path):
    """Over transformers' model with its layers rounded: the change is not rounded with the weight."""
    run = trained(method, folder_of(name), "nf4")
    run.finish()
    run.adapter.save(tmp_path)
    plain = load_plain(folder_of(name))
    for layer in linear_layers(plain).values():
        matrix(layer).copy_(rounded(matrix(layer).contiguous()))
    peft = PeftModel.from_pretrained(plain, tmp_path).eval()
    base, prefix = ready(method, folder_of(name), "nf4", tmp_path)
    none = torch.zeros(0, base.embedding_size)
    ends = {base.tokenizer.eos_token_id}
    found = texts(base, prefix)
    with torch.no_grad():
        for row in ROWS:
            expected = plain_greedy(peft, none, Row(row.id, row.context), 10, ends)
            assert found[row.id] == expected[: len(found[row.id])]
            assert len(found[row.id]) == len(expected) or "\n" in base.tokenizer.decode(found[row.id])


@pytest.mark.parametrize("method", ["lora", "ia3"])
def test_weights_stay_packed_at_prediction(folder_of, method, tmp_path):
    base = base_for(method, folder_of("llama"), weights="nf4")
    before = {name: layer.weight.clone() for name, layer in linear_layers(base.model).items()}
    adapter_of(method, base).save(tmp_path)
    later, _ = ready(method, folder_of("llama"), "nf4", tmp_path)
    layers = {
        name.removesuffix(".layer"): layer
        for name, layer in later.model.named_modules()
        if isinstance(layer, NF4Linear)
    }
    assert layers.keys() == before.keys()
    assert all(torch.equal(layer.weight, before[name]) for name, layer in layers.items())
