"""An adapter that PEFT has trained and saved is scored beside what a study tunes itself."""

import copy
import json

import peft
import pytest
import torch
from conftest import STUDY
from transformers import AutoModelForCausalLM

from softshot.files import read_jsonl


def lora(finished, name, spread):
    """A LoRA of PEFT's, saved."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(finished.folder / "tiny-model")
    model = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear"))
    for parameter in filter(lambda parameter: parameter.requires_grad, model.parameters()):
        parameter.data += spread * torch.randn_like(parameter)
    model.save_pretrained(finished.folder / name)


@pytest.mark.long
def test_it_is_scored_in_the_same_table_and_again_where_it_changes(finished):
    tuned = finished.folder / "results/tiny/runs/tiny/mtop/ipt/tokens-3_retrieved-1/seed-1"
    lora(finished, "theirs", 0.0)
    study = copy.deepcopy(STUDY) | {"study": "given", "seeds": [1]}
    study["arms"] = {
        **{"icl": {"demonstrations": ["retrieved-1"]}, "pt": {"tokens": []}, "ipt": {"tokens": []}},
        "lora-of-peft": {"method": "lora", "adapter": "theirs", "demonstrations": ["retrieved-1"]},
        "ipt-again": {"method": "prompt-tuning", "adapter": str(tuned / "adapter"), "demonstrations": ["retrieved-1"]},
    }
    finished.run(study)
    results = finished.folder / "results/given"
    runs = results / "runs/tiny/mtop"

    def texts(folder):
        return [row["prediction"] for row in read_jsonl(folder / "predictions.jsonl.gz")]

    theirs, again = (runs / arm / "given_retrieved-1/seed-0" for arm in ("lora-of-peft", "ipt-again"))
    assert texts(theirs) == texts(runs / "icl/retrieved-1/seed-0"), "a LoRA that changes nothing yet"
    assert texts(again) == texts(tuned)
    note = json.loads((again / "run.json").read_text())
    assert note["settings"]["method"]["adapter"]["folder"] == str(tuned / "adapter") and note["tuning"] is None
    assert note["generation"]["positions_added"] == 3 and note["drift"]
    for name in ("summary.tsv", "cost.tsv"):
        assert {"lora-of-peft", "ipt-again"} <= set((results / name).read_text().split("\t")) | set(
            line.split("\t")[2] for line in (results / name).read_text().splitlines()
        )
    assert finished.planned(study) == {}

    (finished.folder / "theirs/adapter_config.json").touch()
    assert finished.planned(study) == {}
    lora(finished, "theirs", 0.5)
    assert finished.planned(study).keys() == {"generate", "score", "analyse"}
    assert len(finished.planned(study)["generate"]) == 1
    finished.run(study)
    assert texts(theirs) != texts(runs / "icl/retrieved-1/seed-0")
