"""What a cluster is asked for: it follows the model's size and the settings, and grows with each attempt."""

import math

import pytest
import yaml
from safetensors import safe_open
from tiny import ROOT

from softshot import allocation, catalogue, configuration
from softshot.grid import Run

PUBLISHED = yaml.safe_load((ROOT / "config.yaml").read_text())


def study(**sections):
    """The published study with some settings of its sections changed."""
    return configuration.load({**PUBLISHED, **{name: PUBLISHED[name] | values for name, values in sections.items()}})


def tuning(settings, model="gpt2-xl", tokens=25, attempt=1):
    return allocation.tuning_minutes(settings, Run(model, "dart", "pt", "prompt-tuning", tokens, None, 0, 1), attempt)


def generation(settings, model="gpt2-xl", tokens=25, attempt=1):
    run = Run(model, "dart", "ipt", "prompt-tuning", tokens, "retrieved", 1, 1)
    return allocation.generation_minutes(settings, run, attempt)


def test_a_folders_parameters_are_those_of_its_weights(tiny_models):
    for folder in tiny_models.values():
        with safe_open(folder / "model.safetensors", "pt") as weights:
            count = sum(weights.get_tensor(name).numel() for name in weights.keys())  # noqa: SIM118
        assert catalogue.parameters("mine", {"mine": str(folder)}) == count
    assert catalogue.parameters("gpt2-xl", {}) == 1557611200


@pytest.mark.parametrize("weights", [None, b"", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"])
def test_a_folder_whose_weights_say_nothing_is_taken_for_a_large_model(tmp_path, weights):
    (tmp_path / "config.json").write_text("{}")
    if weights is not None:
        (tmp_path / "model.safetensors").write_bytes(weights)
    assert catalogue.parameters("mine", {"mine": str(tmp_path)}) is None
    unknown = study(models={"use": ["mine"], "folders": {"mine": str(tmp_path)}})
    assert allocation.memory_mb(unknown, "mine", 1) > allocation.memory_mb(study(), "gpt2-xl", 1)


def test_memory_holds_the_weights_in_float32_and_the_libraries_and_doubles():
    for name, entry in catalogue.models().items():
        once = allocation.memory_mb(study(), name, 1)
        assert once > 3000 + 4 * entry["parameters"] / 2**20
        assert [allocation.memory_mb(study(), name, attempt) for attempt in (2, 3)] == [2 * once, 4 * once]


def test_time_follows_size_steps_tokens_context_and_attempt():
    once = tuning(study())
    assert tuning(study(), attempt=3) == pytest.approx(3 * once, abs=3)
    assert tuning(study(), model="smollm2-135m") < once < tuning(study(), tokens=150)
    twice = tuning(study(tuning={"steps": 4000}))
    assert twice == pytest.approx(2 * once - allocation.OVERHEAD, rel=0.02)
    for changed in ({"tuning": {"batch_size": 32}}, {"tuning": {"accumulation": 2}}, {"engine": {"context": 800}}):
        assert once < tuning(study(**changed))
    once = generation(study())
    assert generation(study(), attempt=2) == pytest.approx(2 * once, abs=2)
    assert generation(study(data={"limits": {"test": 100}})) < once
    assert generation(study(generation={"beams": 4})) > once


def test_training_every_weight_takes_more_time_and_memory():
    whole = Run("gpt2-xl", "dart", "full", "full", 0, None, 0, 1)
    assert allocation.tuning_minutes(study(), whole, 1) > 1.3 * tuning(study(), tokens=1)
    assert allocation.memory_mb(study(), "gpt2-xl", 1, "full") > 2 * allocation.memory_mb(study(), "gpt2-xl", 1, "lora")


def test_an_override_of_the_settings_counts():
    longer = study(tuning={"overrides": [{"task": "dart", "set": {"steps": 20000}}]})
    assert tuning(longer) > 5 * tuning(study())


def test_no_job_of_the_published_study_asks_for_more_than_a_day_or_a_common_node():
    published = study()
    for model in published.models.use:
        assert allocation.memory_mb(published, model, 3) <= 64_000
        assert tuning(published, model, 150, attempt=4) <= 24 * 60
        assert math.ceil(generation(published, model, 150)) <= 4 * 60
