"""Adapters from elsewhere: which runs they are, what decides these, and what is refused before any job."""

import json

import pytest
import yaml
from tiny import ROOT

from softshot import configuration, given, slices
from softshot.analysis.cells import Cell, with_and_without
from softshot.configfiles import merge
from softshot.errors import UserError
from softshot.grid import runs, tuners
from softshot.rates import all_trials

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
HUB = "HuggingFaceTB/SmolLM2-135M"


def adapter(folder, kind="LORA", base="gpt2", **config):
    """The two files of an adapter, as far as is looked at before any job."""
    folder.mkdir()
    config = {"peft_type": kind, "base_model_name_or_path": base} | config
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return str(folder)


def study_of(arm, models=("smollm2-135m",), **sections):
    """A study of an arm `theirs`, and of nothing else."""
    arms = {label: {"demonstrations": []} for label in CONFIG["arms"]} | {"theirs": arm}
    study = {"arms": arms, "models": {"use": list(models)}, "data": {"tasks": ["mtop"]}, "transfer": {"arms": []}}
    return configuration.load(merge(CONFIG, study | sections))


def test_it_is_a_run_of_its_own_with_nothing_tuned(tmp_path):
    folder = adapter(tmp_path / "a")
    study = study_of({"method": "lora", "adapter": folder, "demonstrations": ["none", "retrieved-1"]})
    variants = {run.variant: run for run in runs(study)}
    assert variants.keys() == {"given", "given_retrieved-1"}
    for run in variants.values():
        assert (run.method, run.size, run.unit, run.seed, run.tuner, run.adapter) == ("lora", 0, None, 0, None, folder)
    assert tuners(study) == all_trials(study) == []
    pairs = with_and_without(map(Cell.of, variants.values()))
    assert [(plain.variant, shown.variant) for plain, shown in pairs] == [("given", "given_retrieved-1")]
    assert all(Cell.of(run).tuned and not Cell.of(run).units for run in variants.values()), "no seed draws it anew"


def test_an_adapter_a_model_runs_with_its_own_only(tmp_path):
    folder = adapter(tmp_path / "a")
    study = study_of({"method": "lora", "adapter": {"gpt2-xl": folder}}, models=["smollm2-135m", "gpt2-xl"])
    assert [(run.model, run.adapter) for run in runs(study)] == [("gpt2-xl", folder)]


def test_its_place_and_the_checksums_of_its_files_decide_its_predictions(tmp_path):
    folder = adapter(tmp_path / "a")
    study = study_of({"method": "lora", "adapter": folder})
    (run,) = runs(study)
    before = slices.generation_slice(study, run)
    assert before["method"]["adapter"].keys() == {"folder", "adapter_config.json", "adapter_model.safetensors"}
    assert before["method"]["adapter"]["folder"] == folder and before["neutral_tokens"] > 0
    weights = tmp_path / "a/adapter_model.safetensors"
    weights.touch()
    assert slices.generation_slice(study, run) == before
    weights.write_bytes(b"Weights")
    after = slices.generation_slice(study, run)
    assert after["method"]["adapter"].pop("adapter_model.safetensors") != before["method"]["adapter"].pop(
        "adapter_model.safetensors"
    )
    assert after == before


def test_what_cannot_be_is_refused_with_its_key(tmp_path):
    lora, prefix = adapter(tmp_path / "lora"), adapter(tmp_path / "p", "PREFIX_TUNING", num_virtual_tokens=8000)
    strange = adapter(tmp_path / "strange", "VERA")
    for arm, message in (
        ({"method": "lora", "adapter": str(tmp_path)}, r"arms\.theirs\.adapter: .*adapter_config\.json is not there"),
        ({"method": "ia3", "adapter": lora}, r"of the kind LORA, which ia3 is not: its method is lora or adalora"),
        ({"method": "lora", "adapter": strange}, r"of the kind VERA, which lora is not: softshot reads none"),
        ({"method": "none", "adapter": lora}, r"the method none has none"),
        ({"method": "lora", "rank": [8], "adapter": lora}, r"arms\.theirs\.rank: the size is that of the `adapter`"),
        ({"method": "lora", "tokens": [8], "adapter": lora}, r"arms\.theirs\.tokens: lora has none"),
        ({"method": "lora", "adapter": {"gpt2-xl": lora}}, r"arms\.theirs\.adapter\.gpt2-xl: no such model"),
        ({"method": "prefix-tuning", "adapter": prefix}, r"arms\.theirs\.adapter: 8000 tokens and engine\.context"),
    ):
        with pytest.raises(UserError, match=message):
            study_of(arm)
    arm = {"method": "lora", "adapter": lora}
    with pytest.raises(UserError, match=r"transfer\.arms: theirs's adapter was tuned on no task here"):
        study_of(arm, data={"tasks": ["mtop", "dart"]}, transfer={"arms": ["theirs"]})
    with pytest.raises(UserError, match=r"nothing is tuned for theirs"):
        study_of(arm, tuning={"overrides": [{"arm": "theirs", "set": {"steps": 3}}]})


def test_a_model_of_another_name_is_remarked_on(tmp_path):
    named = {
        base: adapter(tmp_path / str(number), base=base)
        for number, base in enumerate([HUB, "/models/smollm2-135m/", "gpt2", None])
    }
    remarks = {base: given.remarks(study_of({"method": "lora", "adapter": named[base]})) for base in named}
    assert remarks[HUB] == remarks["/models/smollm2-135m/"] == []
    assert "was trained on gpt2, and is put into smollm2-135m" in remarks["gpt2"][0]
    assert "a model that it does not name" in remarks[None][0]
