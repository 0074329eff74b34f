"""A study file in the form of before methods had sections of their own gets one message with its own keys as they are
written now, and what the message says can be loaded.

python -m pytest tests/unit/test_migration.py
"""

import pytest
import yaml
from tiny import ROOT

from softshot import configuration
from softshot.configfiles import merge
from softshot.errors import UserError

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
OLD = yaml.safe_load("""
arms:
  icl: {demonstrations: [bm25-1]}
  pt: {tokens: [5]}
  transfer: {tokens: [7], sources: [dart]}
  data_size: {train: [50], tokens: [5]}
tuning: {learning_rate: 0.5, initialisation: uniform, steps: 3}
""")


def loaded(*files: dict):
    """The study of config.yaml and these files over it, as Snakemake merges them."""
    config = CONFIG
    for file in files:
        config = merge(config, file)
    return configuration.load(config)


def test_an_old_study_file_is_told_its_keys_in_the_new_form():
    with pytest.raises(UserError) as caught:
        loaded(OLD)
    message, _, text = str(caught.value).partition("\n\n")
    assert "arms.transfer, arms.data_size, tuning.learning_rate, tuning.initialisation" in message
    new = yaml.safe_load(text)
    assert new == {
        "transfer": {"arms": ["pt"], "tokens": [7], "sources": ["dart"]},
        "data_size": {"arms": ["icl", "pt", "ipt"], "train": [50], "tokens": [5]},
        "methods": {"prompt-tuning": {"learning_rate": 0.5, "initialisation": "uniform"}},
    }
    kept = {"arms": {label: OLD["arms"][label] for label in ("icl", "pt")}, "tuning": {"steps": 3}}
    study = loaded(kept, new)
    assert (study.transfer.tokens, study.data_size.train) == ([7], [50])
    assert study.methods.model_dump()["prompt-tuning"]["learning_rate"] == 0.5


def test_the_arms_of_an_old_file_without_config_yaml_get_their_methods():
    with pytest.raises(UserError) as caught:
        configuration.load({"arms": {"pt": {"tokens": [5]}}})
    new = yaml.safe_load(str(caught.value).partition("\n\n")[2])
    assert new == {"arms": {"pt": {"method": "prompt-tuning", "tokens": [5]}}}


def test_an_old_file_that_leaves_transfer_out_still_does():
    with pytest.raises(UserError) as caught:
        loaded({"arms": {"transfer": {"tokens": []}}})
    assert yaml.safe_load(str(caught.value).partition("\n\n")[2]) == {"transfer": {"arms": [], "tokens": []}}


def test_an_arm_that_is_called_transfer_is_an_arm():
    arms = {"transfer": {"method": "prompt-tuning", "tokens": [5]}}
    assert loaded({"arms": arms}).arms["transfer"].tokens == [5]
