"""pytest tests/unit/test_catalogue.py"""

import json
import subprocess
import sys

import pytest

from softshot import catalogue
from softshot.analysis.names import task_label
from softshot.data.registry import CONVERTERS
from softshot.errors import UserError
from softshot.models.fetch import SOURCES
from softshot.settings import DataSettings, DemonstrationsSettings, ModelsSettings

SIZE = {"parameters", "layers", "width", "vocabulary"}
NEEDED = {
    "hub": {"hub", "revision", "positions", *SIZE, "licence"},
    "package": {"package", "module", "folder", *SIZE, "licence"},
    "gguf": {"package", "module", "file", "positions", *SIZE, "licence"},
}


def test_every_model_has_a_known_kind_and_its_fields():
    for name, entry in catalogue.models().items():
        assert entry["kind"] in SOURCES, name
        assert NEEDED[entry["kind"]] <= entry.keys(), name


def test_every_official_task_has_a_converter_its_files_and_where_it_is_described():
    assert catalogue.tasks().keys() == CONVERTERS.keys()
    for name in catalogue.tasks():
        entry = catalogue.task_entry(name, {})
        assert {*entry.sha256} <= {*entry.files.values(), *entry.shared}, name
        assert entry.title and entry.licence and entry.citation, name


def test_the_defaults_of_the_settings_are_in_the_catalogues():
    for name in [*ModelsSettings().use, DemonstrationsSettings().encoder]:
        assert name in catalogue.models()
    for name in DataSettings().tasks:
        assert name in catalogue.tasks()


def test_evaluation_splits_and_main_metrics_are_those_of_the_published_study():
    published = {
        "totto": ("validation", "totto_bleu"),
        "dart": ("test", "dart_bleu"),
        "spider": ("validation", "exact_set_match"),
        "mtop": ("validation", "exact_match"),
        "logic2text": ("test", "blec"),
    }
    entries = {name: catalogue.task_entry(name, {}) for name in published}
    assert {name: (entry.evaluation, entry.metrics[0]) for name, entry in entries.items()} == published


def test_an_unknown_model_is_an_error_with_the_known_names_and_the_closest():
    with pytest.raises(UserError) as error:
        catalogue.model_entry("gpt2-x1", {"mine": "/models/mine"})
    assert "Did you mean gpt2-xl?" in str(error.value)
    for name in ["mine", *catalogue.models()]:
        assert name in str(error.value)


def test_an_unknown_task_is_an_error_with_the_known_names():
    with pytest.raises(UserError, match=r"Did you mean dart\?.*mine, totto, dart"):
        catalogue.task_entry("darts", {"mine": None})


def test_a_studys_own_folder_comes_before_the_catalogue():
    assert catalogue.model_entry("opt-1.3b", {"opt-1.3b": "/x"}) == {"kind": "folder", "path": "/x"}


def test_the_room_of_catalogue_models():
    found = {name: catalogue.room(name, {}).positions for name in ("bloom-1b1", "opt-1.3b", "gpt2-xl", "smollm2-135m")}
    assert found == {"bloom-1b1": 2048, "opt-1.3b": 2048, "gpt2-xl": 1024, "smollm2-135m": 8192}


@pytest.mark.parametrize(("architecture", "expected"), [("gpt2", 256), ("opt", 256), ("llama", 256), ("bloom", None)])
def test_the_room_of_a_folder_is_that_of_its_config(architecture, expected, tiny_models):
    # BLOOM has no position table: its config need not name a limit.
    room = catalogue.room("mine", {"mine": str(tiny_models[architecture])})
    assert room == (expected and (expected, "that it has"))


def test_the_room_of_a_bloom_folder_that_names_its_training_length(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bloom", "seq_length": 2048}))
    assert catalogue.room("mine", {"mine": str(tmp_path)}).positions == 2048


@pytest.mark.parametrize(
    "config",
    [  # as Phi-3 was published, as transformers writes it today, and by kinds of layers
        {"original_max_position_embeddings": 4096, "rope_scaling": {"type": "longrope", "long_factor": [2.0]}},
        {"rope_parameters": {"rope_type": "longrope", "long_factor": [2.0], "original_max_position_embeddings": 4096}},
        {"rope_parameters": {"full": {"long_factor": [2.0], "original_max_position_embeddings": 4096}, "sliding": {}}},
    ],
)
def test_the_room_of_a_model_whose_rotation_changes_with_the_longest_row_ends_before_that(tmp_path, config):
    values = {"model_type": "phi3", "max_position_embeddings": 131072}
    (tmp_path / "config.json").write_text(json.dumps(values | config))
    assert catalogue.room("mine", {"mine": str(tmp_path)}).positions == 4096
    fixed = {"rope_scaling": {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 4096}}
    (tmp_path / "config.json").write_text(json.dumps(values | fixed))
    assert catalogue.room("mine", {"mine": str(tmp_path)}).positions == 131072


def test_the_room_of_a_missing_folder_is_an_error_that_names_the_setting(tmp_path):
    with pytest.raises(UserError, match=r"models\.folders\.mine.*nowhere"):
        catalogue.room("mine", {"mine": str(tmp_path / "nowhere")})


def test_importing_the_catalogue_imports_nothing_heavy():
    code = "import sys, softshot.catalogue; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "softshot.catalogue" in modules
    assert not {"torch", "transformers", "requests", "pandas"} & {*modules}


def test_every_task_is_called_in_tables_as_its_authors_do():
    assert [task for task in catalogue.tasks() if task_label(task) == task] == []
