"""Tasks whose outputs are chosen: records, settings and metrics."""

import json

import numpy as np
import pytest
from test_own_tasks import fault_of, records_of, write
from test_settings import CONFIG, OWN, changed

from softshot import configuration, flow, overrides, slices
from softshot.configfiles import merge
from softshot.errors import UserError
from softshot.grid import runs
from softshot.scoring import score
from softshot.scoring.registry import metric_class

ROWS = [
    {"text": "good", "label": "positive", "options": ["positive", "negative"], "a": "x", "b": "positive"},
    {"text": "bad", "label": "negative", "options": ["negative", "so  so"], "a": "negative", "b": "y"},
]
TABLE = {"input": "{text}", "target": "{label}"}


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (["positive", "negative"], [["positive", "negative"]] * 2),
        ("{options}", [["positive", "negative"], ["negative", "so so"]]),
        (["{a}", "{b}"], [["x", "positive"], ["negative", "y"]]),
    ],
)
def test_a_task_of_ones_own_names_its_choices(tmp_path, choices, expected):
    path = write(tmp_path / "a.jsonl", ROWS)
    assert [record["choices"] for record in records_of(path, **TABLE, choices=choices)] == expected
    assert all("choices" not in record for record in records_of(path, **TABLE))


@pytest.mark.parametrize(
    ("choices", "fault"),
    [
        (["positive", "neutral"], 'the target "negative" is none of the choices: ["positive", "neutral"]'),
        (["negative", "positive", "negative "], 'the choice "negative" is there twice'),
        ("{a}", 'there is one choice only, "x"'),
        ("{none}", "there are no choices"),
        ("{optoins}", "no column `optoins`; did you mean `options`?"),
    ],
)
def test_choices_that_cannot_be_are_faults_of_the_file(tmp_path, choices, fault):
    path = write(tmp_path / "a.jsonl", [row | {"none": []} for row in ROWS])
    assert fault_of(path, **TABLE, choices=choices).endswith(fault)


@pytest.mark.parametrize("further", [{"target": "{options}"}, {"references": ["{b}"]}])
def test_a_second_right_choice_is_a_fault_of_the_file(tmp_path, further):
    """Losses and metrics would count it as wrong."""
    path = write(tmp_path / "a.jsonl", ROWS)
    choices = {"choices": ["positive", "negative", "so so", "y"]}
    assert "one of the choices is right, not several" in fault_of(path, **TABLE | further | choices)


def study_of(tmp_path, table, metrics):
    """config.yaml on a task of one's own."""
    path = write(tmp_path / "reviews.jsonl", ROWS)
    own = OWN | {"files": {"train": str(path)}, "table": OWN["table"] | table, "metrics": metrics}
    return merge(changed("data.tasks", ["mine"]), {"data": {"own": {"mine": own}}})


def test_metrics_of_choices_are_refused_where_there_are_none(tmp_path):
    choices, named = {"choices": ["a", "b"]}, {"choices": "{options}"}
    configuration.load(study_of(tmp_path, choices, ["accuracy", "macro_f1"]))
    configuration.load(study_of(tmp_path, named, ["accuracy", "calibration_error"]))
    with pytest.raises(UserError, match="accuracy is a metric of tasks with choices, and mine has none"):
        configuration.load(study_of(tmp_path, {}, ["accuracy"]))
    with pytest.raises(UserError, match="macro_f1 compares classes, and in mine every record has choices of its own"):
        configuration.load(study_of(tmp_path, named, ["macro_f1"]))
    with pytest.raises(UserError, match=r"YAML reads yes, no, true and false as truth values: write them in quotes"):
        configuration.load(study_of(tmp_path, {"choices": [True, False]}, ["accuracy"]))


def test_nothing_of_decoding_decides_what_is_chosen(tmp_path):
    config = study_of(tmp_path, {"choices": ["a", "b"]}, ["accuracy"])
    of = [configuration.load(merge(config, {"generation": {"max_new_tokens": limit}})) for limit in (10, 1000)]
    for slice_of in (slices.generation_slice, slices.tuning_slice):
        one, other = ([slice_of(study, run) for run in runs(study) if run.tuner] for study in of)
        assert one == other


RECORDS = [
    {"id": str(n), "choices": ["a", "bb", "cccc"], "target": target, "references": [target], "meta": {}}
    for n, target in enumerate(["a", "bb", "bb", "cccc"])
]
FOUND = [[-1.0, -2.0, -3.0], [-1.0, -2.5, -3.0], [-9.0, -1.0, -5.0], [-2.0, -3.0, -6.0]]
TOKENS = [[1, 1, 2], [1, 2, 2], [1, 1, 1], [1, 1, 4]]


def scored(metrics, records, texts=None):
    return score.score_texts(metrics, records, texts or [""] * len(records))[0]["scores"]


def with_found():
    pairs = zip(RECORDS, FOUND, TOKENS, strict=True)
    return [record | {"log_likelihoods": sums, "choice_tokens": tokens} for record, sums, tokens in pairs]


def test_accuracies_by_hand():
    # Predicted: a, a, bb, a; per character: cccc (-.75 over -1), cccc (-.75), bb, cccc (tie of -1.5: bb comes first)
    scores = scored(["accuracy", "acc_norm", "acc_token"], with_found())
    assert scores == {"accuracy": 50.0, "acc_norm": 25.0, "acc_token": 75.0}


def test_macro_f1_and_calibration_error_are_those_of_their_definitions():
    scores = scored(["macro_f1", "calibration_error"], with_found())
    f1 = {"a": 2 * 1 / (3 + 1), "bb": 2 * 1 / (1 + 2), "cccc": 0.0}
    assert scores["macro_f1"] == pytest.approx(100 * np.mean(list(f1.values())))
    odds = np.exp(FOUND)
    confidence, right = odds.max(1) / odds.sum(1), np.array([1, 0, 1, 0])
    bins = np.minimum((confidence * 15).astype(int), 14)
    expected = sum(abs((confidence - right)[bins == one].sum()) for one in set(bins)) / 4
    assert scores["calibration_error"] == pytest.approx(100 * expected)


def test_a_class_that_nothing_is_counts_for_nothing():
    scores = scored(["macro_f1"], with_found()[:1])
    assert scores["macro_f1"] == 100.0, "as with sklearn's f1_score(average='macro')"


def test_the_f1_of_the_first_choice_by_hand_and_as_scikit_learn_has_it_where_nothing_is_of_it():
    # Right yes: 1, 2; no that is called yes: 3; yes that is called no: 4, 5. Precision 2 / 3, recall 2 / 4.
    texts, targets = ["yes", "yes", "yes", "no", "no", "no"], ["yes", "yes", "no", "yes", "yes", "no"]
    records = [
        {"id": str(n), "choices": ["yes", "no"], "target": target, "references": [target], "meta": {}}
        for n, target in enumerate(targets)
    ]
    scores = scored(["first_f1", "macro_f1"], records, texts)
    assert scores["first_f1"] == pytest.approx(100 * 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)) == pytest.approx(400 / 7)
    assert scores["macro_f1"] == pytest.approx((scores["first_f1"] + 100 * 2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2)) / 2)
    assert scored(["first_f1"], records[5:], ["no"]) == {"first_f1": 0.0}


def test_scores_of_many_samples_are_those_of_each():
    for name in ("macro_f1", "first_f1", "calibration_error", "accuracy"):
        metric = metric_class(name)()
        rows = np.array([metric.statistics("", record) for record in with_found()])
        samples = np.random.default_rng(0).integers(0, 3, size=(20, 4)) @ rows  # [20, K]
        together = metric.scores(samples.T)[name]
        np.testing.assert_allclose(together, [metric.scores(one)[name] for one in samples])


def test_of_a_text_the_answer_is_the_choice_that_it_is():
    scores = scored(["accuracy", "acc_norm", "macro_f1"], RECORDS, ["a", " bb ", "b", ""])
    assert scores["accuracy"] == scores["acc_norm"] == 50.0
    assert scores["macro_f1"] == pytest.approx(100 * (1 + 2 / 3 + 0) / 3)
    assert "calibration_error" not in scored(["accuracy", "calibration_error"], RECORDS)


def test_log_likelihoods_come_from_the_predictions(tmp_path):
    records, predictions = tmp_path / "r.jsonl", tmp_path / "p.jsonl"
    records.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    rows = [{"id": r["id"], "prediction": "a", "log_likelihoods": f, "choice_tokens": [1, 1, 1]}
            for r, f in zip(RECORDS, FOUND, strict=True)]  # fmt: skip
    predictions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs, outputs = score.read_pairs(records, predictions)
    assert scored(["accuracy"], pairs, outputs.texts) == {"accuracy": 50.0}


def test_a_metric_of_choices_names_records_without(tmp_path):
    with pytest.raises(UserError, match=r"accuracy is a metric of choices, which 1 record\(s\) x lack"):
        scored(["accuracy"], [{"id": "x", "target": "a", "references": ["a"], "meta": {}}], [""])
    with pytest.raises(UserError, match="record 1 has other choices than the records before it"):
        scored(["macro_f1"], [RECORDS[0], RECORDS[1] | {"choices": ["bb", "a"]}], ["", ""])


FEW = {
    "arms": {"t-few": {"demonstrations": ["none"]}, "context": {"tokens": [64]}, "lora": {"rank": [8]}},
    "data_size": {"train": [4, 8, 16, 32, 64], "arms": ["icl", "t-few", "context", "lora", "ipt"], "tokens": [25, 64]},
    "tuning": {"keep": "last"},
}


def test_few_shots_are_the_same_for_all_arms_and_chosen_by_nothing_else(tmp_path):
    study = configuration.load(merge(study_of(tmp_path, {"choices": ["a", "b"]}, ["accuracy"]), FEW))
    of = {arm: [run for run in runs(study) if run.arm == arm and run.train] for arm in FEW["data_size"]["arms"]}
    for arm, few in of.items():
        assert {run.train for run in few} == {4, 8, 16, 32, 64}, arm
        names = {(run.train, run.seed): flow.training_records(study, run) for run in few}
        assert names == {(run.train, run.seed): flow.training_records(study, run) for run in of["icl"]}
        assert all(overrides.tuning(study, run)["keep"] == "last" for run in few)
    with pytest.raises(UserError, match="patience: stops by validation losses, which `keep: last` does not go by"):
        configuration.load(merge(study_of(tmp_path, {}, ["bleu"]), {"tuning": {"keep": "last", "patience": 3}}))


def test_the_published_study_is_as_it_was():
    assert configuration.load(CONFIG)


def test_losses_that_compare_choices_are_refused_where_there_are_none(tmp_path):
    choices, loss = {"choices": ["a", "b"]}, {"tuning": {"loss": ["likelihood", "unlikelihood"]}}
    configuration.load(merge(study_of(tmp_path, choices, ["accuracy"]), loss))
    with pytest.raises(
        UserError, match=r"tuning\.loss: unlikelihood compares a record's choices, and mine, on which pt"
    ):
        configuration.load(merge(study_of(tmp_path, {}, ["bleu"]), loss))


ELSEWHERE = [{"arm": "pt", "set": {"steps": 3}}]  # a study's own list, which takes nothing from the arm


def test_the_recipe_of_t_few_is_an_arm_to_be_turned_on(tmp_path):
    on = {"arms": {"t-few": {"demonstrations": ["none"]}}}
    study = configuration.load(merge(study_of(tmp_path, {"choices": ["a", "b"]}, ["accuracy"]), on))
    recipe = next(slices.tuning_slice(study, run) for run in runs(study) if run.arm == "t-few")
    assert recipe["method"]["name"] == "ia3" and recipe["tuning"]["optimiser"] == "adafactor"
    assert len(recipe["tuning"]["loss"]) == 3
    overridden = configuration.load(
        merge(study_of(tmp_path, {"choices": ["a", "b"]}, ["accuracy"]), on | {"tuning": {"overrides": ELSEWHERE}})
    )
    assert recipe == next(slices.tuning_slice(overridden, run) for run in runs(overridden) if run.arm == "t-few")
    others = [slices.tuning_slice(study, run)["tuning"]["loss"] for run in runs(study) if run.arm in ("pt", "ipt")]
    assert others and all(loss == ["likelihood"] for loss in others)
    with pytest.raises(UserError, match="totto, on which t-few is tuned, has none"):
        configuration.load(merge(CONFIG, on))
