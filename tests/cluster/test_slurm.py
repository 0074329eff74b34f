"""A study on a real SLURM with the profile as it is: distinct devices, and cancelled, slow and large jobs that recover.

python -m pytest tests/cluster    # about five minutes on two cores
"""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from checkout import copy_checkout, softshot_of

pytestmark = pytest.mark.long

RUNS = "results/cluster/runs/tiny/mtop/pt/tokens-3"
LOGS = "results/cluster/logs/tuning/tiny/mtop/pt/tokens-3"
# No accounting here, and no patience. The first attempt of `tune` gets 4 minutes, of which the profile's signal
# leaves 2; the first of `generate` gets less memory than torch alone takes.
TRIAL = [
    *("--configfile", "study.yaml", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"),
]
TIGHT = ["tune:runtime=4 if attempt == 1 else 20", "generate:mem_mb=200 if attempt == 1 else 4000"]


@dataclass
class Observed:
    """What was seen while a study ran."""

    folder: Path
    printed: str = ""  # by Snakemake
    samples: list[dict[str, str]] = field(default_factory=list)  # at one moment: SLURM job to the devices it sees
    logs: dict[int, list[str]] = field(default_factory=dict)  # of a seed's tuning: what its log said, one after another


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the checkout with the study file of these tests."""
    folder = tmp_path_factory.mktemp("cluster")
    copy_checkout(folder)
    shutil.copy(Path(__file__).parent / "study.yaml", folder)
    return folder


def programs(folder: Path, name: str) -> dict[int, dict[str, str]]:
    """The stage programs of this name that run in the folder: process number to environment."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            if command[1:3] == [b"-m", name.encode()] and (process / "cwd").readlink() == folder:
                values = (process / "environ").read_bytes().decode().split("\0")
                found[int(process.name)] = dict(value.split("=", 1) for value in values if "=" in value)
        except OSError:
            continue  # it has ended
    return found


def watch(observed: Observed, ended: threading.Event) -> None:
    """Note twice a second which jobs see which devices, as the jobs themselves see it."""
    while not ended.wait(0.5):
        stages = [*programs(observed.folder, "softshot.tuning").values()]
        stages += programs(observed.folder, "softshot.generation").values()
        observed.samples.append({stage["SLURM_JOB_ID"]: stage["CUDA_VISIBLE_DEVICES"] for stage in stages})


class Study:
    """Snakemake on the cluster, and what is done to its jobs meanwhile."""

    def __init__(self, slurm, folder: Path, *arguments: str):
        self.slurm, self.observed, self.ended = slurm, Observed(folder), threading.Event()
        with (folder / "snakemake.log").open("w") as log:
            command, environment = ["snakemake", *TRIAL, *arguments], slurm.environment | softshot_of(folder)
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        self.watcher = threading.Thread(target=watch, args=(self.observed, self.ended))
        self.watcher.start()

    def until(self, condition, seconds: float = 240):
        """Wait for a condition; an end of Snakemake before that is an error."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None and time.monotonic() < end, self.printed()[-5000:]
            time.sleep(0.2)

    def tuning(self, seed: int, pattern: str) -> tuple[int, dict[str, str]]:
        """Wait until the seed's tuning runs and its log has a line with the pattern: its process and environment."""
        self.tuning_log(seed, pattern)
        return next(
            (number, stage)
            for number, stage in programs(self.observed.folder, "softshot.tuning").items()
            if f"/seed-{seed}" in Path(f"/proc/{number}/cmdline").read_text()
        )

    def tuning_log(self, seed: int, pattern: str) -> None:
        """Wait until the log of the seed's tuning has a line with the pattern, and keep what it says by then."""
        log = self.observed.folder / LOGS / f"seed-{seed}.log"
        self.until(lambda: log.exists() and re.search(pattern, log.read_text()))
        self.observed.logs.setdefault(seed, []).append(log.read_text())

    def printed(self) -> str:
        return (self.observed.folder / "snakemake.log").read_text()

    def finish(self, seconds: float = 600) -> Observed:
        """Wait for the end."""
        try:
            self.process.wait(seconds)
        finally:
            self.close()
        self.observed.printed = self.printed()
        assert self.process.returncode == 0, self.observed.printed[-5000:]
        return self.observed

    def close(self) -> None:
        """End Snakemake, which cancels its jobs, where it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        self.ended.set()
        self.watcher.join()


@pytest.fixture(scope="module")
def disturbed(slurm, checkout) -> Observed:
    """The study to its end. Seed 1 is cancelled in the middle; seed 2 reaches its limit, and is then requeued."""
    study = Study(slurm, checkout, "--workflow-profile", "workflow/profiles/slurm", "--set-resources", *TIGHT)
    try:
        slow, _ = study.tuning(2, r"step 100/")
        os.kill(slow, signal.SIGSTOP)  # so slow that it reaches its time limit on any machine
        _, cancelled = study.tuning(1, r"step 100/")
        slurm.ask("scancel", cancelled["SLURM_JOB_ID"])
        study.tuning_log(2, r"stopped at step")  # SLURM's SIGTERM comes with a SIGCONT
        _, requeued = study.tuning(2, r"continuing from step")
        slurm.ask("scontrol", "requeue", requeued["SLURM_JOB_ID"])
        study.until(lambda: slurm.jobs()[requeued["SLURM_JOB_ID"]]["JobState"] == "PENDING")
        study.tuning_log(2, r"stopped at step")
        slurm.ask("scontrol", "update", f"JobId={requeued['SLURM_JOB_ID']}", "StartTime=now")  # not in two minutes
        return study.finish()
    finally:
        study.close()


def jobs_of(observed: Observed, rule: str, seed: int) -> list[str]:
    """The SLURM jobs of a rule's job, in order, as Snakemake's log names them."""
    return re.findall(rf"SLURM jobid (\d+) \(log: \S*/rule_{rule}/\S*_seed-{seed}/", observed.printed)


def test_the_study_ends_in_its_report(disturbed):
    assert "<html" in (disturbed.folder / "results/cluster/report.html").read_text()


def test_jobs_that_run_at_once_see_devices_of_their_own(disturbed):
    assert all(len(set(sample.values())) == len(sample) for sample in disturbed.samples)
    assert any(len(sample) == 2 for sample in disturbed.samples), "two of them ran at once"
    assert {device for sample in disturbed.samples for device in sample.values()} <= {"0", "1", "2", "3"}


def test_a_cancelled_job_comes_back_with_more_memory_and_time_and_continues(slurm, disturbed):
    first, second = (slurm.jobs()[number] for number in jobs_of(disturbed, "tune", 1))
    assert (first["JobState"], second["JobState"]) == ("CANCELLED", "COMPLETED")
    assert int(second["MinMemoryNode"].rstrip("M")) == 2 * int(first["MinMemoryNode"].rstrip("M"))
    assert (first["TimeLimit"], second["TimeLimit"]) == ("00:04:00", "00:20:00")
    assert first["TresPerJob"] == "gres:gpu:1"
    log = (disturbed.folder / LOGS / "seed-1.log").read_text()
    assert int(re.search(r"continuing from step (\d+)", log)[1]) >= 100


def test_a_job_at_its_time_limit_saves_its_state_and_continues_with_more_time(slurm, disturbed):
    first, second = (slurm.jobs()[number] for number in jobs_of(disturbed, "tune", 2))
    assert first["JobState"] == "FAILED" and first["TimeLimit"] == "00:04:00"
    hours, minutes, seconds = map(int, first["RunTime"].split(":"))
    assert hours * 3600 + minutes * 60 + seconds < 4 * 60, "it ended by the signal, before the limit"
    assert second["TimeLimit"] == "00:20:00"
    _, stopped, again, _ = disturbed.logs[2]
    at = re.search(r"stopped at step (\d+)", stopped)[1]
    assert int(at) >= 100 and f"continuing from step {at}\n" in again


def test_a_job_that_slurm_requeues_continues_as_the_same_job(slurm, disturbed):
    second = slurm.jobs()[jobs_of(disturbed, "tune", 2)[1]]
    assert (second["JobState"], second["Restarts"]) == ("COMPLETED", "1")
    at = re.search(r"stopped at step (\d+)", disturbed.logs[2][-1])[1]
    assert f"continuing from step {at}\n" in (disturbed.folder / LOGS / "seed-2.log").read_text()


def test_a_job_over_its_memory_comes_back_with_more(slurm, disturbed):
    for seed in (1, 2):
        first, second = (slurm.jobs()[number] for number in jobs_of(disturbed, "generate", seed))
        assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("200M", "4000M")
        assert (first["JobState"] != "COMPLETED", second["JobState"]) == (True, "COMPLETED")


def test_the_disturbed_prompts_are_those_of_an_undisturbed_run_bit_for_bit(disturbed):
    runs = [f"{RUNS}/seed-{seed}" for seed in (1, 2)]
    weights = [f"{run}/adapter/adapter_model.safetensors" for run in runs]
    there = [(disturbed.folder / path).read_bytes() for path in weights]
    shutil.rmtree(disturbed.folder / RUNS)
    command = ["snakemake", "--cores", "2", *(f"{run}/tuning.json" for run in runs), "--configfile", "study.yaml"]
    environment = os.environ | softshot_of(disturbed.folder)
    done = subprocess.run(command, cwd=disturbed.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for seed in (1, 2):
        assert "continuing" not in (disturbed.folder / LOGS / f"seed-{seed}.log").read_text()
    assert [(disturbed.folder / path).read_bytes() for path in weights] == there


def test_what_slurm_said_about_failed_jobs_stays_where_the_results_are(disturbed):
    logs = disturbed.folder / "results/slurm_logs"
    assert "CANCELLED" in next((logs / "rule_tune/tiny_mtop_pt_tokens-3_seed-1").glob("*.log")).read_text()
    assert "emory" in next((logs / "rule_generate/tiny_mtop_pt_tokens-3_seed-1").glob("*.log")).read_text()
    assert not list((logs / "rule_analyse").rglob("*.log")), "of jobs that did well nothing is kept"


def test_a_cluster_that_wants_gres_is_covered_by_the_profiles_comments(slurm, checkout, disturbed):
    profile = (checkout / "workflow/profiles/slurm/config.yaml").read_text()
    block = re.search(r"^# set-resources:\n(?:#   .*\n)+", profile, re.M)[0]
    (checkout / "gres").mkdir()
    (checkout / "gres/config.yaml").write_text(profile.replace(block, re.sub(r"^# ", "", block, flags=re.M)))
    short = yaml.safe_load((checkout / "study.yaml").read_text()) | {"seeds": [3, 4]}
    short["tuning"]["steps"] = 300
    (checkout / "study.yaml").write_text(yaml.safe_dump(short))
    targets = [f"{RUNS}/seed-{seed}/tuning.json" for seed in (3, 4)]
    study = Study(slurm, checkout, "--workflow-profile", "gres", *targets)
    observed = study.finish()
    assert {device for sample in observed.samples for device in sample.values()} == {"0", "1"}
    for seed in (3, 4):
        job = slurm.jobs()[jobs_of(observed, "tune", seed)[0]]
        assert job["TresPerNode"] == "gres:gpu:1" and "TresPerJob" not in job
