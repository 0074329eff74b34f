"""The launcher: a device is never held by two jobs, and any death of a job frees it."""

import itertools
import os
import subprocess
import sys
import textwrap
import time

import pytest


@pytest.fixture
def environment(tmp_path):
    """Two pretended devices, and lock files of this test's own."""
    inherited = {name: value for name, value in os.environ.items() if name != "SLURM_JOB_ID"}
    return inherited | {"CUDA_VISIBLE_DEVICES": "3,5", "TMPDIR": str(tmp_path)}


def start(environment, *command, gpus=1):
    return subprocess.Popen(
        [sys.executable, "-m", "softshot.launch", "--gpus", str(gpus), *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def report(seconds: float) -> list[str]:
    """A job that prints its device and the span of time in which it held it."""
    code = f"""
        import os, time
        began = time.monotonic()
        time.sleep({seconds})
        print(os.environ["CUDA_VISIBLE_DEVICES"], began, time.monotonic())
    """
    return [sys.executable, "-c", textwrap.dedent(code)]


def test_no_two_jobs_share_a_device(environment):
    jobs = [start(environment, *report(0.3)) for _ in range(6)]
    spans = {}
    for job in jobs:
        out, error = job.communicate(timeout=60)
        assert job.returncode == 0, error
        device, began, ended = out.split()
        spans.setdefault(device, []).append((float(began), float(ended)))
    assert sorted(spans) == ["3", "5"]
    for held in spans.values():
        held.sort()
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(held))


def test_a_killed_job_frees_its_device(environment):
    blocking = [start(environment, "sh", "-c", "echo held; exec sleep 60") for _ in range(2)]
    assert [job.stdout.readline() for job in blocking] == ["held\n", "held\n"]
    waiting = start(environment, *report(0.0))
    time.sleep(1.0)
    assert waiting.poll() is None, "both devices are held"
    blocking[0].kill()
    assert waiting.communicate(timeout=30)[0].split()[0] in ("3", "5")
    blocking[1].kill()


def test_a_job_may_have_both_devices_and_no_more(environment):
    both = start(environment, *report(0.0), gpus=2)
    assert both.communicate(timeout=30)[0].split()[0] == "3,5"
    three = start(environment, *report(0.0), gpus=3)
    assert "this machine has 2" in three.communicate(timeout=30)[1]
    assert three.returncode == 1


def test_without_devices_the_command_just_runs(environment):
    job = start(environment | {"CUDA_VISIBLE_DEVICES": ""}, "echo", "hello")
    assert job.communicate(timeout=30)[0] == "hello\n"


def test_within_slurm_an_assigned_device_is_not_claimed_again(environment):
    within = environment | {"SLURM_JOB_ID": "12"}
    alone = start(within | {"CUDA_VISIBLE_DEVICES": "3"}, *report(0.0))
    assert alone.communicate(timeout=30)[0].split()[0] == "3"
    whole_node = start(within, *report(0.0))  # an allocation of two devices, in which Snakemake runs locally
    assert whole_node.communicate(timeout=30)[0].split()[0] == "3"


def test_the_exit_status_is_the_jobs_own(environment):
    job = start(environment, "sh", "-c", "exit 7")
    job.communicate(timeout=30)
    assert job.returncode == 7
