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
from softshot.plan import devices, jobs, processor, work
from softshot.plan.devices import Device
from softshot.plan.estimate import CHARACTERS, COPIED, OPERATIONS, Estimates
from softshot.plan.work import Size, Texts, Work
from softshot.settings import Study

SIZE = Size(parameters=1000, layers=2, width=10, vocabulary=40)  # 600 of them outside the embedding
A100 = "NVIDIA A100-SXM4-40GB"


def published(**changes):
    """The study of config.yaml."""
    return configuration.load(merge(yaml.safe_load((ROOT / "config.yaml").read_text()), changes))


def estimates(study, results: Path = Path("nowhere"), device: str = A100, tflops=None) -> Estimates:
    return Estimates(study, devices.device(device, tflops), results)


def per_arm(plan: Estimates):
    """Sums of the study's jobs by model, task and arm."""
    return jobs.per_arm(plan.study, jobs.planned(plan))


def run_of(method: str, size: int) -> Run:
    """A run of a method."""
    return Run("m", "dart", "arm", method, size, None, 0, 1)


def test_a_forward_pass_multiplies_every_weight_once_per_token():
    assert SIZE.forward(1, 0, 0) == 2 * 600
    assert SIZE.forward(3, 0, 2) == 3 * 2 * 600 + 2 * 2 * 400
    assert SIZE.forward(3, 5, 0) == 3 * (2 * 600 + 4 * 2 * 10 * 5)


TUNING = {"batch_size": 4, "accumulation": 3, "validate_every": 10, "loss": ["likelihood"]}


def test_a_tuning_step_is_forward_and_backward_and_runs_the_prompt_once():
    rows, prompt = SIZE.forward(4 * 25, 8 + 12.5, 4 * 5), SIZE.forward(8, 4, 0)
    steps, validations = work.tuning(SIZE, run_of("prompt-tuning", 8), Texts(20, 5), TUNING, records=4, steps=10)
    assert steps.operations == pytest.approx(10 * 3 * 2 * (prompt + rows)) and steps.passes == 10 * 3 * 2
    assert validations.operations == pytest.approx(2 * (prompt + rows)) and validations.passes == 2, "before and after"


def test_weights_that_are_changed_or_trained_are_gone_through_beside_the_passes():
    frozen, low_rank, whole = (
        work.tuning(SIZE, run_of(method, size), Texts(20, 5), TUNING, records=0, steps=10)[0]
        for method, size in (("prompt-tuning", 0), ("lora", 8), ("full", 0))
    )
    assert frozen.operations == low_rank.operations
    assert whole.operations == pytest.approx(1.5 * frozen.operations), "a gradient for every weight"
    assert frozen.moved == 0 < low_rank.moved < whole.moved
    assert low_rank.moved == 10 * work.CHANGED * SIZE.parameters, "once a step, however its batch is accumulated"


def test_keys_and_values_run_through_no_pass():
    vectors, states = (
        work.tuning(SIZE, run_of(method, 8), Texts(20, 5), TUNING, records=0, steps=1)[0].operations
        for method in ("prompt-tuning", "prefix-tuning")
    )
    assert vectors - states == pytest.approx(2 * 3 * SIZE.forward(8, 4, 0))


def test_a_loss_over_all_choices_reads_all_of_them():
    texts, run = Texts(20, 5, choices=40), run_of("ia3", 0)
    one, every = (
        work.tuning(SIZE, run, texts, TUNING | {"loss": loss}, records=0, steps=1)[0].operations
        for loss in (["likelihood"], ["likelihood", "unlikelihood"])
    )
    assert every > 2 * one


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_planned(method):
    unit = METHODS[method].unit
    arms = {"mine": {"method": method} | ({unit: [8]} if unit else {})}
    study = Study(models={"use": ["gpt2-xl"]}, data={"tasks": ["dart"]}, arms=arms)
    row = per_arm(estimates(study))["gpt2-xl", "dart", "mine"]
    assert row.planned > 0 and row.bytes > 0
    assert row.jobs["tune"] == (3 if METHODS[method].settings else 0)


def test_the_trials_of_a_learning_rate_are_planned_and_the_first_seed_takes_one_over():
    rates = {"prompt-tuning": {"learning_rate": [0.01, 0.03, 0.1]}}
    arms = {"pt": {"method": "prompt-tuning", "tokens": [5]}}
    study = Study(models={"use": ["gpt2-xl"]}, data={"tasks": ["dart"]}, arms=arms, methods=rates, seeds=[4, 2, 3])
    assert program.jobs(study)["tune"] == 3 + 3 and program.jobs(study)["choose"] == 1
    plan = estimates(study)
    tunings = [job for job in jobs.planned(plan) if job.stage == "tuning"]
    assert len(tunings) == 6
    [copied] = [job for job in tunings if job.origin == COPIED]
    assert (copied.run.seed, copied.run.rate, copied.planned) == (4, None, plan.device.start)
    assert len({job.planned for job in tunings if job != copied}) == 1 and tunings[-1].planned > 10 * copied.planned


def test_generation_reads_every_context_once_and_writes_token_by_token():
    settings = {"beams": 2, "max_new_tokens": 9}
    reading, writing = work.generation(SIZE, run_of("none", 0), Texts(20, 5), settings, records=8, batch=4)
    assert (reading.operations, reading.passes) == (pytest.approx(SIZE.forward(8 * 20, 10, 8)), 2)
    assert writing.operations == pytest.approx(SIZE.forward(80, 25, 80))
    assert writing.passes == 2 * 5 + 4, "the last rows go on to the longest output"
    assert writing.moved == writing.passes * 4 * 2 * 2 * SIZE.layers * SIZE.width * (20 + 9), "keys and values"


def test_choices_are_read_with_their_context_and_nothing_is_written():
    [reading] = work.generation(SIZE, run_of("none", 0), Texts(20, 5, choices=15), None, records=8, batch=4)
    assert (reading.operations, reading.passes) == (pytest.approx(SIZE.forward(8 * 35, 17.5, 8 * 15)), 2)


def test_the_answers_of_a_task_of_ones_own_are_counted_before_its_records_are_there(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,label\n")
    own = {
        "files": {"train": str(tmp_path / "reviews.csv")},
        "carve": {"validation": 0.1, "test": 0.1},
        "table": {"input": "{text}", "target": "{label}", "choices": ["yes", "no", "perhaps"]},
        "metrics": ["accuracy"],
    }
    plan = estimates(published(data={"tasks": ["mine", "clinc"], "own": {"mine": own}}))
    assert (plan.task("mine").output, plan.task("mine").choices) == (4, 12)
    assert plan.task("clinc").choices > 100 * plan.task("clinc").output, "150 intents"


def test_predictions_of_what_was_tuned_also_read_the_neutral_text():
    with_text, without = (published(generation={"neutral_tokens": tokens}) for tokens in (1024, 0))
    icl, pt = (next(run for run in runs(with_text) if run.arm == arm) for arm in ("icl", "pt"))
    assert estimates(with_text).work("generation", icl) == estimates(without).work("generation", icl)
    *others, neutral = estimates(with_text).work("generation", pt)
    assert others == estimates(without).work("generation", pt)[:-1] and neutral.operations > 0


def test_a_device_computes_at_a_share_of_its_data_sheet_or_as_told():
    plain = devices.device(A100)
    assert plain.operations == pytest.approx(0.3 * 312e12)
    assert plain.computing([Work(plain.operations * 60)], SIZE) == 60
    told = devices.device(A100, tflops=2)
    assert (told.operations, told.origin) == (2e12, "--tflops")
    assert not devices.device("x86_64 CPU").is_gpu
    assert "unknown" in devices.device("NVIDIA Something").origin
    assert "which is for bfloat16" in devices.device(A100, dtype="float32").origin
    assert devices.device("NVIDIA H100 PCIe").operations < devices.device("NVIDIA H100 80GB HBM3").operations


def test_a_pass_takes_its_arithmetic_and_its_weights_or_its_kernels():
    device = Device("a GPU", operations=1e12, bytes=1e9, dtype="bfloat16", origin="", launch=0.5)
    few, many = (Size(parameters, 2, 10, 40) for parameters in (10**6, 10**10))
    assert device.computing([Work(8e12)], few) == 8
    assert device.computing([Work(8e12, passes=4)], few) == 8 + 4 * 2 * 0.5, "of 2 layers"
    assert device.computing([Work(0, passes=4)], many) == 4 * 20
    assert device.computing([Work(8e12), Work(0, moved=10**9)], few) == 8 + 2
    loading = device.seconds([Work(8e12)], many) - device.seconds([Work(8e12)], few)
    assert loading == pytest.approx(4 * (10**10 - 10**6) / devices.LOADING), "weights are loaded"


def test_a_core_of_this_machine_is_measured_where_nothing_is_named(monkeypatch):
    monkeypatch.setattr(devices, "here", lambda: "x86_64 CPU")
    monkeypatch.setattr(processor, "measured", {"float32": (200e9, 20e9), "bfloat16": (800e9, 20e9)}.get)
    single, half = devices.device(), devices.device(dtype="bfloat16")
    assert single.operations == pytest.approx(devices.CORE_SHARE["float32"] * 200e9)
    assert "measured now in float32" in single.origin
    assert half.operations == pytest.approx(devices.CORE_SHARE["bfloat16"] * 800e9)
    assert (single.width, half.width) == (4, 2)
    assert devices.device("x86_64 CPU").origin.endswith("its data sheet"), "another machine's"


def test_what_is_measured_are_operations_and_bytes_a_second():
    operations, read = processor.measured("float32")
    assert 1e9 < read < operations < 1e13, "a core multiplies faster than it reads"
    assert all(rate > 0 for rate in processor.measured("bfloat16"))


def test_the_published_study_is_planned_before_anything_is_there():
    study = published()
    plan, grid = estimates(study), list(runs(study))
    rows = per_arm(plan)
    assert sum(row.jobs["generate"] for row in rows.values()) == len(grid)
    assert sum(row.jobs["tune"] for row in rows.values()) == len(tuners(study))
    assert {job.origin for job in jobs.planned(plan)} == {OPERATIONS}
    assert {key[2] for key in rows} == {"icl", "pt", "ipt"}
    assert all(row.planned == row.left > 0 and row.spent == 0 and not row.done for row in rows.values())
    small, large = rows["bloom-1b1", "dart", "pt"], rows["gpt2-xl", "dart", "pt"]
    assert small.planned < large.planned
    assert rows["gpt2-xl", "dart", "pt"].planned < rows["gpt2-xl", "dart", "ipt"].planned, "longer rows"
    page = program.text(plan, Path("nowhere"))
    assert "totto, dart, logic2text, spider, mtop from the catalogue" in page and "GPU hours planned" in page


def test_what_full_tuning_has_on_disk_while_it_runs_is_named_apart():
    study = published(arms={"full": {"demonstrations": ["none"]}})
    plan = estimates(study)
    largest = 20 * plan.size("gpt2-xl").parameters
    assert jobs.passing(plan, 1) == largest and jobs.passing(plan, 2) == 2 * largest
    assert jobs.passing(plan, 1000) == jobs.passing(plan, len(tuners(study))), "no more than there are"
    assert jobs.passing(estimates(published()), 1) == 0
    assert "MB that come and go with full tuning" in program.text(plan, Path("nowhere"))
    assert sum(row.bytes for row in per_arm(plan).values()) < jobs.passing(plan, 1)


def test_fewer_records_and_steps_take_less():
    whole, part = published(), published(data={"limits": {"test": 100, "validation": 100}}, tuning={"steps": 200})
    run = next(run for run in tuners(whole) if run.task == "dart")
    for stage in ("tuning", "generation"):
        assert estimates(part).seconds(stage, run)[0] < estimates(whole).seconds(stage, run)[0] / 2


@pytest.fixture
def half_spent(tmp_path) -> Estimates:
    """Two of dart's jobs are done: a prompt that took 1,000 s and predictions that took 200 s, and 50 for the text."""
    study = published(seeds=[1, 2], data={"tasks": ["dart"]}, models={"use": ["gpt2-xl"]})
    records = [{"id": str(n), "input": "x" * 330, "target": "y" * 66} for n in range(20)]
    for split in ("train", "validation", "test"):
        write_jsonl(tmp_path / f"published/data/dart/{split}.jsonl", records)
        write_json(tmp_path / f"published/data/dart/{split}.json", {"records": 20})
    run = next(run for run in runs(study) if run.arm == "pt")
    settings = slices.generation_slice(study, run) | slices.tuning_slice(study, run)
    tuning = {"seconds": 1000, "steps": 2000, "validation_rows": 20, "dtype": "torch.bfloat16"}
    generation = {"seconds": 200, "records": 20, "batch_size": 32, "dtype": "torch.bfloat16"}
    drift = {"seconds": 50, "tokens": 1024}
    place = tmp_path / "published/runs" / run.path
    write_json(place / "tuning.json", {"settings": settings, "device": A100, "tuning": tuning})
    note = {"settings": settings, "device": A100, "generation": generation, "drift": drift}
    write_json(place / "run.json", note)
    return estimates(study, tmp_path)


def test_records_that_are_there_say_how_long_they_are(half_spent):
    assert half_spent.task("dart") == ({"train": 20, "validation": 20, "test": 20}, 330, 66, 0, "its records")
    assert half_spent.task("dart").input / CHARACTERS == pytest.approx(100)


def test_what_was_measured_on_the_device_plans_the_rest(half_spent):
    study, before = half_spent.study, half_spent.device.before(half_spent.size("gpt2-xl"))
    _, second = [run for run in runs(study) if run.arm == "pt" and run.tokens == 1]
    likest = "measured, this model, method and task"
    assert half_spent.seconds("tuning", second) == (pytest.approx(1000 + before), likest)
    assert half_spent.seconds("generation", second) == (pytest.approx(250 + before), likest)
    longer = next(run for run in runs(study) if run.arm == "pt" and run.tokens == 150)
    assert half_spent.seconds("tuning", longer)[0] > 1000 + before
    icl = next(run for run in runs(study) if run.arm == "icl")
    assert half_spent.seconds("generation", icl)[1] == "measured, this model"
    elsewhere = Estimates(study, devices.device("NVIDIA H100 PCIe"), half_spent.results)
    assert elsewhere.seconds("tuning", second)[1] == OPERATIONS
    otherwise = Estimates(study, devices.device(A100, dtype="float32"), half_spent.results)
    assert otherwise.seconds("tuning", second)[1] == OPERATIONS, "measured in another format"


def test_after_a_study_what_was_planned_stands_beside_what_was_spent(half_spent):
    before = half_spent.device.before(half_spent.size("gpt2-xl"))
    row = per_arm(half_spent)["gpt2-xl", "dart", "pt"]
    assert row.done == {"tuning": 1, "generation": 1} and row.spent == pytest.approx(1250 + 2 * before)
    from_operations = {
        (stage, run): half_spent.device.seconds(half_spent.work(stage, run), half_spent.size("gpt2-xl"))
        for run in runs(half_spent.study)
        if run.arm == "pt"
        for stage in ("tuning", "generation")
    }
    assert row.planned == pytest.approx(sum(from_operations.values())), "without the study's own jobs"
    first = next(run for run in runs(half_spent.study) if run.arm == "pt")
    assert row.expected == pytest.approx(from_operations["tuning", first] + from_operations["generation", first])
    lines = program.of_stages(jobs.planned(half_spent))
    assert any("1 done, of" in line and f"and {(1000 + before) / 3600:.2f} spent" in line for line in lines)
    other = Estimates(half_spent.study.model_copy(update={"study": "next"}), half_spent.device, half_spent.results)
    planned = per_arm(other)["gpt2-xl", "dart", "pt"]
    assert planned.spent == 0 and planned.planned > 2 * row.planned, "jobs of another study are known before"


def test_jobs_at_once_take_between_their_longest_chain_and_that_and_an_even_share(half_spent):
    study, plan = half_spent.study, jobs.planned(half_spent)
    total = sum(job.left for job in plan)
    assert jobs.elapsed(study, plan, 1) == (pytest.approx(total), pytest.approx(total))
    least, most = jobs.elapsed(study, plan, 10**6)
    tunings = {job.run: job.left for job in plan if job.stage == "tuning"}
    chain = max(job.left + tunings.get(job.run, 0) for job in plan if job.stage == "generation")
    assert least == pytest.approx(chain) and most == pytest.approx(chain, rel=1e-3)
    assert "with 4 jobs at once" in program.text(half_spent, Path("nowhere"), at_once=4)


def test_a_study_of_models_without_a_size_says_what_to_do(monkeypatch):
    study = published(models={"use": ["gpt2-xl"]})
    monkeypatch.setattr("softshot.catalogue.parameters", lambda *_: None)
    with pytest.raises(UserError, match="gpt2-xl: nothing says how large it is"):
        jobs.planned(estimates(study))


def test_records_of_another_version_or_of_unknown_models_are_passed_over(tmp_path):
    old = {"settings": {"tuning": {}}, "tuning": {"seconds": 1.0}}
    write_json(tmp_path / "old/runs/gpt2-xl/dart/pt/tokens-1/seed-1/tuning.json", old)
    decoding = {"beams": 1, "max_new_tokens": 64}
    settings = {"method": {"name": "none"}, "shots": 0, "engine": {"context": 768}, "generation": decoding}
    generation = {"seconds": 1.0, "records": 1, "batch_size": 32}
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
    given = [*command, "--config", "study=mine", "data={tasks: [mtop]}"]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("mine: ") and "dart" not in done.stdout, done.stderr


def test_it_imports_nothing_heavy():
    heavy = "import sys, softshot.plan.__main__; print({'torch', 'numpy', 'pandas', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout == "set()\n"
