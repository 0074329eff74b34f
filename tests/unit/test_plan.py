"""pytest tests/unit/test_plan.py"""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny import ROOT

from softshot import configuration, slices
from softshot.configfiles import merge
from softshot.errors import UserError
from softshot.files import write_json, write_jsonl
from softshot.grid import Run, runs, tuners
from softshot.methods.registry import METHODS
from softshot.plan import __main__ as program
from softshot.plan import devices, work
from softshot.plan.estimate import CHARACTERS, MEASURED, START, Estimates
from softshot.plan.work import Size, Texts
from softshot.settings import Study

SIZE = Size(parameters=1000, layers=2, width=10, vocabulary=40)  # 600 of them outside the embedding
A100 = "NVIDIA A100-SXM4-40GB"


def published(**changes):
    """The study of config.yaml."""
    return configuration.load(merge(yaml.safe_load((ROOT / "config.yaml").read_text()), changes))


def estimates(study, results: Path = Path("nowhere"), device: str = A100, tflops=None) -> Estimates:
    return Estimates(study, devices.device(device, tflops), results)


def run_of(method: str, size: int) -> Run:
    """A run of a method."""
    return Run("m", "dart", "arm", method, size, None, 0, 1)


def test_a_forward_pass_multiplies_every_weight_once_per_token():
    assert SIZE.forward(1, 0, 0) == 2 * 600
    assert SIZE.forward(3, 0, 2) == 3 * 2 * 600 + 2 * 2 * 400
    assert SIZE.forward(3, 5, 0) == 3 * (2 * 600 + 4 * 2 * 10 * 5)


def test_a_tuning_step_is_forward_and_backward_and_runs_the_prompt_once():
    settings = {"batch_size": 4, "accumulation": 3, "validate_every": 10}
    texts = Texts(context=20, output=5)
    rows, prompt = SIZE.forward(4 * 25, 8 + 12.5, 4 * 5), SIZE.forward(8, 4, 0)
    run = run_of("prompt-tuning", 8)
    without = work.tuning(SIZE, run, texts, settings, records=0, steps=10)
    assert without.operations == pytest.approx(10 * 3 * 2 * (prompt + rows))
    validated = work.tuning(SIZE, run, texts, settings, records=4, steps=10)
    assert validated.operations - without.operations == pytest.approx(2 * (prompt + rows)), "before and after"


def test_where_every_weight_has_a_gradient_the_backward_pass_takes_twice_as_much():
    settings, texts = {"batch_size": 4, "accumulation": 1, "validate_every": 10}, Texts(context=20, output=5)
    frozen, low_rank, whole = (
        work.tuning(SIZE, run_of(method, size), texts, settings, records=0, steps=1).operations
        for method, size in (("prompt-tuning", 0), ("lora", 8), ("full", 0))
    )
    assert frozen == low_rank and whole == pytest.approx(1.5 * frozen)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_planned(method):
    unit = METHODS[method].unit
    arms = {"mine": {"method": method} | ({unit: [8]} if unit else {})}
    study = Study(models={"use": ["gpt2-xl"]}, data={"tasks": ["dart"]}, arms=arms)
    row = program.per_arm(estimates(study))[0]["gpt2-xl", "dart", "mine"]
    assert row.planned > 0 and row.bytes > 0
    assert row.jobs["tune"] == (3 if METHODS[method].settings else 0)


def test_the_trials_of_a_learning_rate_are_planned():
    rates = {"prompt-tuning": {"learning_rate": [0.01, 0.03, 0.1]}}
    arms = {"pt": {"method": "prompt-tuning", "tokens": [5]}}
    study = Study(models={"use": ["gpt2-xl"]}, data={"tasks": ["dart"]}, arms=arms, methods=rates)
    assert program.jobs(study)["tune"] == 3 + 3 and program.jobs(study)["choose"] == 1
    assert program.per_arm(estimates(study))[0]["gpt2-xl", "dart", "pt"].jobs["tune"] == 6


def test_generation_reads_every_context_once_and_writes_token_by_token():
    done = work.generation(SIZE, run_of("none", 0), Texts(20, 5), {"beams": 2}, records=8, batch=4)
    assert done.operations == pytest.approx(SIZE.forward(8 * 20, 10, 8) + SIZE.forward(80, 25, 80))
    assert done.passes == 2 * 5


def test_a_device_computes_at_a_share_of_its_data_sheet_or_as_told():
    known = devices.device(A100)
    assert known.operations == pytest.approx(0.3 * 312e12)
    assert known.seconds(work.Work(known.operations * 60), 0) == START + 60
    told = devices.device(A100, tflops=2)
    assert (told.operations, told.origin) == (2e12, "--tflops")
    assert not devices.device("x86_64 CPU").is_gpu
    assert "unknown" in devices.device("NVIDIA Something").origin
    passes = known.seconds(work.Work(0, passes=10), parameters=10**11) - START
    assert passes == pytest.approx(10 * 2e11 / (0.3 * 1.55e12))
    small = known.seconds(work.Work(0, passes=10), parameters=10**6) - START
    assert small == pytest.approx(10 * devices.LAUNCH), "a GPU waits for the kernels of a small model"


def test_the_published_study_is_planned_before_anything_is_there():
    study = published()
    known = estimates(study)
    rows, how = program.per_arm(known)
    grid = list(runs(study))
    assert sum(row.jobs["generate"] for row in rows.values()) == len(grid)
    assert sum(row.jobs["tune"] for row in rows.values()) == len(tuners(study))
    assert set(how) == {"from operations"}
    assert {key[2] for key in rows} == {"icl", "pt", "ipt"}
    assert all(row.planned == row.left > 0 and row.spent == row.done == 0 for row in rows.values())
    small, large = rows["bloom-1b1", "dart", "pt"], rows["gpt2-xl", "dart", "pt"]
    assert small.planned < large.planned
    assert rows["gpt2-xl", "dart", "pt"].planned < rows["gpt2-xl", "dart", "ipt"].planned, "longer rows"
    page = program.text(known, Path("nowhere"))
    assert "totto, dart, logic2text, spider, mtop from the catalogue" in page and "GPU hours planned" in page


def test_fewer_records_and_steps_take_less():
    whole, part = published(), published(data={"limits": {"test": 100, "validation": 100}}, tuning={"steps": 200})
    run = next(run for run in tuners(whole) if run.task == "dart")
    for stage in ("tuning", "generation"):
        assert estimates(part).seconds(stage, run)[0] < estimates(whole).seconds(stage, run)[0] / 2


@pytest.fixture
def half_spent(tmp_path) -> Estimates:
    """Two of dart's runs are done: a prompt that took 1,000 s and predictions that took 200 s."""
    study = published(seeds=[1, 2], data={"tasks": ["dart"]}, models={"use": ["gpt2-xl"]})
    records = [{"id": str(n), "input": "x" * 330, "target": "y" * 66} for n in range(20)]
    for split in ("train", "validation", "test"):
        write_jsonl(tmp_path / f"published/data/dart/{split}.jsonl", records)
        write_json(tmp_path / f"published/data/dart/{split}.json", {"records": 20})
    run = next(run for run in runs(study) if run.arm == "pt")
    settings = slices.generation_slice(study, run) | slices.tuning_slice(study, run)
    tuning = {"seconds": 1000 - START, "steps": 2000, "validation_rows": 20}
    generation = {"seconds": 200 - START, "records": 20, "input_tokens": 2000, "output_tokens": 400, "batch_size": 32}
    place = tmp_path / "published/runs" / run.path
    write_json(place / "tuning.json", {"settings": settings, "device": A100, "tuning": tuning})
    write_json(place / "run.json", {"settings": settings, "device": A100, "generation": generation})
    return estimates(study, tmp_path)


def test_records_that_are_there_say_how_long_they_are(half_spent):
    assert half_spent.task("dart") == ({"train": 20, "validation": 20, "test": 20}, 330, 66, "its records")
    assert half_spent.task("dart").input / CHARACTERS == pytest.approx(100)


def test_what_was_measured_on_the_device_plans_the_rest(half_spent):
    study = half_spent.study
    _, second = [run for run in runs(study) if run.arm == "pt" and run.tokens == 1]
    assert half_spent.seconds("tuning", second) == (pytest.approx(1000), MEASURED)
    assert half_spent.seconds("generation", second)[0] == pytest.approx(200, rel=0.01), "its row is 2 tokens longer"
    longer = next(run for run in runs(study) if run.arm == "pt" and run.tokens == 150)
    assert half_spent.seconds("tuning", longer)[0] > 1000
    icl = next(run for run in runs(study) if run.arm == "icl")
    assert half_spent.seconds("generation", icl)[1] == "from operations", "of another method nothing was measured"
    elsewhere = Estimates(study, devices.device("NVIDIA H100 PCIe"), half_spent.results)
    assert elsewhere.seconds("tuning", second)[1] == "from operations"


def test_after_a_study_what_was_planned_stands_beside_what_was_spent(half_spent):
    row = program.per_arm(half_spent)[0]["gpt2-xl", "dart", "pt"]
    assert (row.done, row.spent) == (1, 1200)
    assert row.planned == pytest.approx(
        sum(
            half_spent.device.seconds(half_spent.work(stage, run), half_spent.size("gpt2-xl").parameters)
            for run in runs(half_spent.study)
            if run.arm == "pt"
            for stage in ("tuning", "generation")
        )
    ), "without the study's own jobs"
    other = Estimates(half_spent.study.model_copy(update={"study": "next"}), half_spent.device, half_spent.results)
    planned = program.per_arm(other)[0]["gpt2-xl", "dart", "pt"]
    assert planned.spent == 0 and planned.planned > 5 * row.planned, "jobs of another study are known before"


def test_a_study_of_models_without_a_size_says_what_to_do(monkeypatch):
    study = published(models={"use": ["gpt2-xl"]})
    monkeypatch.setattr("softshot.catalogue.parameters", lambda *_: None)
    with pytest.raises(UserError, match="gpt2-xl: nothing says how large it is"):
        program.per_arm(estimates(study))


def test_records_of_another_version_or_of_unknown_models_are_passed_over(tmp_path):
    old = {"settings": {"tuning": {}}, "tuning": {"seconds": 1.0}}
    write_json(tmp_path / "old/runs/gpt2-xl/dart/pt/tokens-1/seed-1/tuning.json", old)
    settings = {"method": {"name": "none"}, "shots": 0, "engine": {"context": 768}, "generation": {"beams": 1}}
    generation = {"seconds": 1.0, "records": 1, "input_tokens": 9, "output_tokens": 9, "batch_size": 32}
    unknown = {"settings": settings, "generation": generation}
    write_json(tmp_path / "other/runs/unknown-model/dart/icl/none/seed-0/run.json", unknown)
    assert estimates(published(), tmp_path).measured == []
    write_json(tmp_path / "other/runs/gpt2-xl/dart/icl/none/seed-0/run.json", unknown)
    assert len(estimates(published(), tmp_path).measured) == 1


def test_the_command_reads_configurations_as_snakemake_does(tmp_path):
    command = [sys.executable, "-m", "softshot.plan", "--configfile", "resources/demo/study.yaml", "--device", A100]
    done = subprocess.run([*command, "--results", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("demo: ") and "smollm2-135m  dart  ipt" in done.stdout
    assert "0.0 spent" in done.stdout


def test_it_imports_nothing_heavy():
    heavy = "import sys, softshot.plan.__main__; print({'torch', 'numpy', 'pandas', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout == "set()\n"
