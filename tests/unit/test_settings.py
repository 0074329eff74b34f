"""Settings: config.yaml and the documentation agree with the one source; faults are named with a remedy."""

import copy
import re
import subprocess
import sys

import pytest
import yaml
from tiny import ROOT

from softshot import configuration, overrides, slices
from softshot import study as studies
from softshot.configfiles import merge, merged
from softshot.errors import UserError
from softshot.grid import tuners
from softshot.sections import Section
from softshot.settings import Study

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
STUDY_FILES = [ROOT / "resources/demo/study.yaml", *sorted((ROOT / "tests/studies").glob("*.yaml"))]
OWN = {
    "files": {"train": "reviews.csv"},
    "table": {"input": "{text}", "target": "{summary}"},
    "carve": {"validation": 0.1, "test": 0.1},
    "metrics": ["rouge_l"],
}


def changed(path: str, value) -> dict:
    """config.yaml with one value changed; `path` is dotted."""
    config = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    section = config
    for name in parents:
        section = section[name]
    section[last] = value
    return config


def keys(section: type[Section]) -> dict:
    """The tree of keys of a section, leaves as None."""
    nested = {n: f.annotation for n, f in section.model_fields.items()}
    return {n: keys(a) if isinstance(a, type) and issubclass(a, Section) else None for n, a in nested.items()}


def test_config_yaml_names_every_key_and_no_other():
    def cut(values, tree):
        return {k: cut(values[k], sub) if (sub := tree.get(k)) else None for k in values}

    assert cut(CONFIG, keys(Study)) == keys(Study)


def test_config_yaml_is_a_possible_study():
    assert configuration.load(CONFIG).study == "published"


@pytest.mark.parametrize("path", STUDY_FILES, ids=lambda path: path.name)
def test_every_study_file_is_possible(path, tmp_path):
    values = merged([ROOT / "config.yaml", path])
    for entry in values["data"]["own"].values():  # files that the reader brings
        for split, file in entry["files"].items():
            entry["files"][split] = str(tmp_path / file)
            (tmp_path / file).touch()
    configuration.load(values)


def test_the_settings_page_is_up_to_date():
    page = subprocess.run([sys.executable, "-m", "softshot.settings_table"], capture_output=True, text=True, check=True)
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == page.stdout, "run `make docs`"


@pytest.mark.parametrize(
    ("path", "value", "key", "remedy"),
    [
        ("tuning.patiense", 1, "tuning.patiense", "did you mean `patience`"),
        ("stdy", "x", "stdy", "did you mean `study`"),
        ("methods.prompt-tuning.learning_rate", "1e-3", "methods.prompt-tuning.learning_rate", "write 1.0e-5"),
        ("methods.prompt-tuning.learning_rate", -1.0, "methods.prompt-tuning.learning_rate", "greater than 0"),
        ("methods.prompt-tunning", {}, "methods.prompt-tunning", "did you mean `prompt-tuning`"),
        ("tuning.steps", "many", "tuning.steps", "valid integer"),
        ("tuning.schedule", "cosin", "tuning.schedule", "'cosine'"),
        ("seeds", [], "seeds", "at least 1"),
        ("seeds", [1, 1], "seeds", "name each value once"),
        ("arms.icl.demonstrations", ["retrieved-0"], "arms.icl.demonstrations.0", "at least one shot"),
        ("arms.ipt.demonstrations", ["nearest"], "arms.ipt.demonstrations.0", "retrieved-1 or random-3"),
        ("arms.ipt.method", "prompt-tunning", "arms.ipt.method", "'prompt-tuning'"),
        ("arms.ipt.tokens", None, "arms.ipt.tokens", "such as `tokens: [8]`"),
        ("arms.ipt.rank", [8], "arms.ipt.rank", "its size is `tokens`"),
        ("arms.icl.tokens", [8], "arms.icl.tokens", "it has no size"),
        ("arms.ipt.demonstrations", ["nearest-1"], "arms.ipt.demonstrations: nearest-1", "random, retrieved, bm25"),
        ("arms.icl.demonstrations", ["retrieved-9"], "demonstrations.neighbours", "raise it to 9"),
        ("transfer.sources", ["dart", "dar"], "transfer.sources: dar", "add it there"),
        ("transfer.sources", [], "transfer.sources", "null for all"),
        ("transfer.sources", ["dart", "dart"], "transfer.sources", "name each value once"),
        ("transfer.demonstrations", ["nearest-1"], "transfer.demonstrations: nearest-1", "known: random"),
        ("transfer.tokens", [300], "transfer.tokens: 300", "1024 positions of gpt2-xl"),
        ("transfer.arms", ["icl"], "transfer.arms: icl", "tunes nothing"),
        ("transfer.arms", ["ipt"], "transfer.arms: ipt", "add `none` to its demonstrations"),
        ("transfer.arms", ["dora"], "transfer.arms: there is no arm dora", "known: icl, pt, ipt"),
        ("data_size", {"train": [50], "arms": []}, "data_size.arms", "with `train: []`"),
        ("data_size", {"train": [50, 50], "arms": ["pt"]}, "data_size.train", "name each value once"),
        ("data_size", {"train": [50], "arms": ["pt"], "tokens": [300]}, "data_size.tokens: 300", "1024 positions"),
        ("data_size", {"train": [50], "arms": ["ipt"], "demonstrations": ["retrieved-9"]}, "neighbours", "it to 9"),
        ("arms.pt.tokens", [300], "arms.pt.tokens", "1024 positions of gpt2-xl"),
        ("arms", {"icl": {"method": "none", "demonstrations": []}}, "transfer.arms: there is no arm pt", "icl"),
        ("generation.max_new_tokens", 768, "generation.max_new_tokens", "no room for the input"),
        ("models.use", ["gpt2-x"], "gpt2-x", "gpt2-xl"),
        ("models.use", ["all-minilm-l6-v2"], "models.use", "causal language model"),
        ("data.tasks", ["dartt"], "dartt", "dart"),
        ("methods.prompt-tuning.initialisation", "text", "methods.prompt-tuning: initial_text", "give the text"),
        ("methods.prompt-tuning.initial_text", "x", "methods.prompt-tuning: initial_text", "none for the others"),
        ("tuning.overrides", [{"task": "mtop", "set": {"step": 3}}], "tuning.overrides: step", "learning_rate"),
        ("generation.overrides", [{"set": {"steps": 3}}], "generation.overrides: steps", "max_new_tokens"),
        ("scoring.metrics", {"dart": ["bleuu"]}, "bleuu", "bleu"),
        ("scoring.metrics", {"dar": ["bleu"]}, "dar", "dart"),
        ("data.evaluation", {"mtopp": "test"}, "mtopp", "mtop"),
        ("data.evaluation", {"mtop": "train"}, "data.evaluation.mtop", "'validation' or 'test'"),
        ("tuning.overrides", [{"task": "mtopp", "set": {"steps": 3}}], "mtopp", "mtop"),
        ("tuning.overrides", [{"model": "gpt2", "set": {"steps": 3}}], "gpt2", "gpt2-xl"),
        ("tuning.overrides", [{"method": "dora", "set": {"steps": 3}}], "tuning.overrides.0.method", "prompt-tuning"),
        ("tuning.overrides", [{"arm": "icl", "set": {"steps": 3}}], "tuning.overrides", "nothing is tuned for icl"),
        ("arms.pt.set", {"step": 3}, "arms.pt.set: step", "learning_rate"),
        ("arms.pt.set", {"alpha": 3.0}, "arms.pt.set: alpha", "initialisation"),
        ("arms.pt.set", {"steps": 0}, "arms.pt.set has 1", "greater than or equal to 1"),
        ("arms.icl.set", {"steps": 3}, "arms.icl.set", "nothing is tuned for icl"),
        (
            "tuning.overrides",
            [{"arm": "dora", "set": {"steps": 3}}],
            "tuning.overrides: there is no arm dora",
            "icl, pt",
        ),
        ("demonstrations.encoder", "minilm", "no model 'minilm'", "all-minilm-l6-v2"),
        (
            "demonstrations.retrievers.bm25",
            {"kind": "bm", "k": 1},
            "demonstrations.retrievers.bm25.k",
            "known keys here",
        ),
        ("demonstrations.retrievers.bm25", {"kind": "random"}, "demonstrations.retrievers.bm25", "is called random"),
        ("demonstrations.retrievers.bm25", {"kind": "bm25", "encoder": "gpt2-xl"}, "bm25.encoder", "bm25 uses none"),
        ("demonstrations.retrievers.mine", {"kind": "dense", "encoder": "gpt2-x"}, "'gpt2-x'", "Did you mean gpt2-xl"),
        ("demonstrations.retrievers.mmr", {"kind": "mmr", "pool": 4}, "retrievers.mmr.pool", "raise the pool"),
        ("scoring.metrics", {"dart": ["blec"]}, "scoring.metrics.dart", "a metric of another task"),
        ("scoring.metrics", {"dart": ["bert_score"]}, "scoring.metrics.dart", "`scoring.encoder`"),
        ("scoring.encoder", "nowhere", "scoring.encoder: nowhere has no config.json", "no model is there"),
        ("data.evaluation", {"spider": "test"}, "data.evaluation.spider", "train, validation, held_out"),
        ("data.sources", {"spidr": "/x"}, "spidr", "spider"),
        ("data.templates", {"mtop": {"input": "{inputs}"}}, "data.templates.mtop: input", "write {input} in it, once"),
        ("data.own", {"mine": OWN | {"target": "x"}}, "data.own.mine.target: no such setting", "known keys here"),
        ("data.own", {"mine": OWN | {"files": {"train": "a.xlsx"}}}, "data.own.mine: a.xlsx", "end in .jsonl"),
        ("data.own", {"mine": OWN | {"base": "https://x"}}, "data.own.mine: base", "leave this out"),
        ("data.own", {"mine": OWN | {"metrics": ["blec"]}}, "scoring.metrics.mine", "a metric of another task"),
        ("data.source", "hub", "data.source: spider", "data.sources: {spider: official}"),
        ("data.source", "offical", "data.source: offical", "nor a folder"),
        ("demonstrations.retrievers.tokens", {"kind": "bm25"}, "retrievers.tokens", "choose another name"),
        ("demonstrations.retrievers.train", {"kind": "bm25"}, "retrievers.train", "choose another name"),
        ("demonstrations.retrievers.from", {"kind": "bm25"}, "retrievers.from", "choose another name"),
        ("demonstrations.retrievers.best", {"kind": "oracle"}, "retrievers.best", "upper bound"),
        ("demonstrations.retrievers.random", {"kind": "random", "threshold": 0.1}, "random.threshold", "uses none"),
        ("data.own", {"mine": OWN | {"table": {"input": "{a", "target": "{b}"}}}, "input of the task's table", "alone"),
        ("data.own", {"mine": OWN | {"table": None}}, "data.own.mine", "give `base` or `archive`"),
        ("data.own", {"mine": OWN | {"table": None, "base": "https://x"}}, "data.own.mine", "give `table`"),
        ("data.own", {"mine": OWN | {"carve": {}}}, "data.own.mine", "no split test; name its file, carve it"),
        ("data.own", {"mine": OWN | {"carve": {"test": 0.1}}}, "data.own.mine", "carve: {held_out: 0.05}"),
        ("data.own", {"mine": OWN | {"files": {"test": "a.csv"}}}, "data.own.mine", "name the file of `train`"),
        ("models.folders", {"mine": "~no-such-user/m"}, "models.folders.mine", "is neither a folder nor a GGUF file"),
        ("models.hub", "hub.example", "models.hub", "'^https?://"),
        ("seeds", [2**32], "seeds.0", "less than 4294967296"),
        ("study", 2024, "study", "Numbers and dates that are names stand in quotes"),
        ("study", "x" * 101, "study", "at most 100 characters"),
        ("tuning", None, "tuning", "Nothing stands below this key"),
        ("arms.pt", None, "arms.pt", "To leave an arm out, empty what it has"),
        ("models.folders", {"mine": "/no/such/folder"}, "models.folders.mine", "is neither a folder nor a GGUF file"),
        ("models.base", "nf5", "models.base", "'nf4-dequantised'"),
    ],
)
def test_a_fault_names_its_key_and_the_remedy(path, value, key, remedy):
    with pytest.raises(UserError) as caught:
        configuration.load(changed(path, value))
    assert key in str(caught.value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize("base", ["nf4", "nf4-dequantised"])
def test_an_arm_that_trains_all_weights_has_no_base_of_rounded_ones(base):
    config = changed("models.base", base)
    assert configuration.load(config).models.base == base
    config["arms"]["full"] = {"method": "full", "demonstrations": ["none"]}
    with pytest.raises(UserError, match=rf"models\.base: {base} .* full \(arms\.full\) .* or write `base: full`"):
        configuration.load(config)


def test_packed_weights_without_their_package_are_refused_before_any_job(monkeypatch):
    monkeypatch.setattr(configuration, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"models\.base: nf4 needs the package bitsandbytes.* nf4-dequantised"):
        configuration.load(changed("models.base", "nf4"))
    assert configuration.load(changed("models.base", "nf4-dequantised"))


def test_a_task_may_have_any_metric_that_reads_what_its_own_metrics_read():
    study = configuration.load(changed("scoring.metrics", {"spider": ["exact_set_match", "partial_match"]}))
    assert studies.metrics(study, "spider") == ["exact_set_match", "partial_match"]


def test_only_runs_with_a_learned_metric_depend_on_the_encoder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    scoring = {"encoder": str(tmp_path), "metrics": {"dart": ["dart_bleu", "bert_score"]}}
    study = configuration.load(CONFIG | {"scoring": scoring})
    assert slices.scoring_slice(study, "dart") == {"metrics": scoring["metrics"]["dart"], "encoder": str(tmp_path)}
    assert slices.scoring_slice(study, "mtop") == {"metrics": studies.metrics(study, "mtop")}


def test_a_study_without_a_run_says_so():
    nothing = {label: arm | {"demonstrations": []} for label, arm in CONFIG["arms"].items()}
    with pytest.raises(UserError, match="no run is left; give an arm something to do"):
        configuration.load(CONFIG | {"arms": nothing})


def test_data_sizes_are_held_against_the_limit_of_training_records():
    config = changed("data_size.train", [50, 300]) | {"data": CONFIG["data"] | {"limits": {"train": 200}}}
    with pytest.raises(UserError, match=r"data_size\.train: 300 .* the 200 that data\.limits\.train keeps"):
        configuration.load(config)


def test_an_override_that_sets_an_impossible_value_is_a_fault_wherever_it_applies():
    text = {"initialisation": "text"}
    config = changed("tuning.overrides", [{"task": "spider", "arm": "pt", "set": text}])
    with pytest.raises(UserError, match=r"tuning\.overrides has 1 fault(?s:.*)initial_text: give the text"):
        configuration.load(config)


def test_prompts_are_never_chosen_on_the_split_that_is_scored():
    study = configuration.load(changed("data.evaluation", {"dart": "test", "mtop": "validation"}))
    assert [studies.selection(study, task) for task in ("dart", "mtop")] == ["validation", "test"]


def test_a_task_with_two_labelled_splits_chooses_prompts_on_records_held_out_of_training():
    study = configuration.load(CONFIG)
    assert [(studies.evaluation(study, task), studies.selection(study, task)) for task in study.data.tasks] == [
        ("validation", "held_out"),
        ("test", "validation"),
        ("test", "validation"),
        ("validation", "held_out"),
        ("validation", "test"),
    ]


def test_a_template_keeps_what_the_study_does_not_give():
    study = configuration.load(changed("data.templates", {"mtop": {"instruction": "Parse."}}))
    assert studies.template(study, "mtop").instruction == "Parse."
    assert studies.template(study, "mtop").input == studies.template(study, "dart").input == "{input} =>"


def test_the_conda_environment_has_the_pins_of_requirements_txt():
    pins = [line for line in (ROOT / "envs/requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    environment = yaml.safe_load((ROOT / "envs/softshot.yaml").read_text())
    assert environment["dependencies"][-1]["pip"] == pins


def test_all_faults_are_listed_at_once():
    config = changed("tuning.steps", 0) | {"seeds": [0]}
    with pytest.raises(UserError, match=r"2 fault\(s\)(?s:.*)seeds(?s:.*)tuning\.steps"):
        configuration.load(config)


def test_of_two_learning_rates_each_run_has_that_of_what_it_shows_and_one_number_is_for_both():
    def rates(config: dict) -> dict[str, float]:
        study = configuration.load(config)
        return {run.arm: overrides.method(study, run)["learning_rate"] for run in tuners(study)}

    assert rates(CONFIG) == {"pt": 0.03, "ipt": 0.01}
    assert rates(merge(CONFIG, {"methods": {"prompt-tuning": {"learning_rate": 0.1}}})) == {"pt": 0.1, "ipt": 0.1}
    with pytest.raises(UserError, match=r"learning_rate\.mapping.* at least 2"):
        rates(changed("methods.prompt-tuning.learning_rate", {"alone": 0.1}))


def test_later_overrides_win_and_only_matching_runs_are_touched():
    later = [
        {"task": "mtop", "set": {"learning_rate": 0.2, "steps": 7}},
        {"task": "mtop", "arm": "ipt", "set": {"learning_rate": 0.3}},
        {"method": "prompt-tuning", "task": "totto", "set": {"clip": 2.0}},
    ]
    study = configuration.load(changed("tuning.overrides", later))
    grid = {(run.task, run.arm): run for run in tuners(study)}

    def values(task: str, arm: str) -> dict:
        return overrides.tuning(study, grid[task, arm]) | overrides.method(study, grid[task, arm])

    assert (values("mtop", "pt")["learning_rate"], values("mtop", "pt")["steps"]) == (0.2, 7)
    assert (values("mtop", "ipt")["learning_rate"], values("mtop", "ipt")["steps"]) == (0.3, 7)
    assert (values("dart", "pt")["learning_rate"], values("dart", "pt")["clip"]) == (0.03, 1.0)
    assert values("totto", "ipt")["clip"] == 2.0


def test_what_an_arm_sets_wins_over_the_sections_and_overrides_over_it():
    def slices_of(arm: dict, listed: list) -> dict[str, dict]:
        values = {"tuning": {"overrides": listed, "steps": 50}}
        config = merge(changed("arms.pt", CONFIG["arms"]["pt"] | arm), values)
        study = configuration.load(config)
        return {run.path: slices.tuning_slice(study, run) for run in tuners(study)}

    own = {"set": {"steps": 7, "clip": 2.0, "learning_rate": 0.2, "initialisation": "uniform"}}
    lists = [[], [{"arm": "ipt", "set": {"clip": 3.0}}], [{"set": {"steps": 9}}]]
    plain, alone, beside, beaten = slices_of({}, []), *(slices_of(own, listed) for listed in lists)
    ipt = [path for path in plain if "/ipt/" in path]
    assert all(plain[path] == alone[path] for path in ipt), "what one arm sets is not another's"
    (path, *_) = (path for path in plain if "/pt/" in path)
    assert alone[path] == beside[path], "an override of another arm takes nothing from it"
    assert (plain[path]["tuning"]["steps"], alone[path]["tuning"]["steps"]) == (50, 7)
    assert beaten[path]["tuning"]["steps"] == 9 and beaten[path]["tuning"]["clip"] == 2.0
    assert alone[path]["method"]["settings"]["learning_rate"] == 0.2
    assert alone[path]["method"]["settings"]["initialisation"] == "uniform"
    overridden = slices_of({}, [{"arm": "pt", "set": own["set"]}])
    assert alone == overridden, "the same values are the same slice, wherever they stand"


def test_every_setting_has_a_description_that_ends_like_a_sentence():
    def fields(section):
        for name, field in section.model_fields.items():
            yield name, field
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                yield from fields(field.annotation)

    for name, field in fields(Study):
        assert field.description and re.search(r"[.>)\]]$", field.description), name
