"""The launcher, on pretended devices: none is ever held by more jobs than may share it, and any death frees it.

The jobs check that themselves, by locks of their own: see `WITNESS`.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from softshot import launch

# Run by a job: takes one of a device's places in the folder `witness`, which the kernel frees if the job is killed.
# Writes a line to `seen`: the devices, or COLLISION where more jobs than `share` have the device.
WITNESS = """
import fcntl, os, sys, time
folder, share, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
held = []
def place(device):
    for number in range(share):
        file = open(f"{folder}/witness/{device.replace('/', '_')}.{number}", "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        held.append(file)
        return device
    return "COLLISION"
devices = os.environ["CUDA_VISIBLE_DEVICES"]
line = " ".join(map(place, filter(None, devices.split(","))))
with open(f"{folder}/seen", "a") as seen:
    seen.write(line + "\\n")
time.sleep(seconds)
print(devices)
"""


@pytest.fixture
def environment(tmp_path):
    """Two pretended devices, and lock files of this test's own."""
    (tmp_path / "witness").mkdir()
    (tmp_path / "witness.py").write_text(WITNESS)
    inherited = {name: value for name, value in os.environ.items() if name not in ("SLURM_JOB_ID", "SOFTSHOT_ASSIGNED")}
    return inherited | {"CUDA_VISIBLE_DEVICES": "3,5", "SOFTSHOT_LOCKS": str(tmp_path / "locks")}


def start(environment, *command, gpus=1, share=1):
    return subprocess.Popen(
        [sys.executable, "-m", "softshot.launch", "--gpus", str(gpus), "--jobs-per-gpu", str(share), *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def witness(folder, seconds, share=1):
    """A job that checks that it has company of fewer than `share` on its device, holds it and prints it."""
    return [sys.executable, str(folder / "witness.py"), str(folder), str(share), str(seconds)]


def seen(folder) -> list[str]:
    """The devices of the jobs that have begun, in order."""
    path = folder / "seen"
    return path.read_text().splitlines() if path.exists() else []


def until(condition, seconds=30):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def finish(jobs) -> list[str]:
    """What the jobs printed, those that were not killed; any other failure is one."""
    outputs = [job.communicate(timeout=120) for job in jobs]
    for job, (_, error) in zip(jobs, outputs, strict=True):
        assert job.returncode in (0, -9), error
    return [out.strip() for job, (out, _) in zip(jobs, outputs, strict=True) if job.returncode == 0]


@pytest.mark.parametrize("share", [1, 3])
def test_fifty_jobs_on_four_devices_with_kills_among_them(environment, tmp_path, share):
    environment["CUDA_VISIBLE_DEVICES"] = "0,1,2,3"
    jobs = [start(environment, *witness(tmp_path, 0.1, share), share=share) for _ in range(50)]
    draw = random.Random(0)
    for victim in draw.sample(jobs, 12):  # waiting, starting, running or done
        time.sleep(draw.uniform(0.0, 0.15))
        victim.kill()
    printed = finish(jobs)
    assert len(printed) >= 38
    assert set(printed) == {"0", "1", "2", "3"}
    assert "COLLISION" not in seen(tmp_path)
    assert len(seen(tmp_path)) >= len(printed)


def test_the_witness_finds_a_collision(environment, tmp_path):
    jobs = [subprocess.Popen(witness(tmp_path, 3), env=environment | {"CUDA_VISIBLE_DEVICES": "3"}) for _ in range(2)]
    assert [job.wait(30) for job in jobs] == [0, 0]
    assert sorted(seen(tmp_path)) == ["3", "COLLISION"]


def test_a_killed_job_frees_its_device(environment, tmp_path):
    blocking = [start(environment, *witness(tmp_path, 60)) for _ in range(2)]
    until(lambda: len(seen(tmp_path)) == 2)
    waiting = start(environment, *witness(tmp_path, 0))
    assert waiting.stderr.readline() == "waiting for 1 of the GPUs 3,5\n"
    blocking[0].kill()
    freed = seen(tmp_path)
    assert waiting.communicate(timeout=30)[0].strip() in freed
    blocking[1].kill()


def test_a_job_killed_while_it_waits_holds_nothing(environment, tmp_path):
    one = environment | {"CUDA_VISIBLE_DEVICES": "3"}
    running = start(one, *witness(tmp_path, 60))
    until(lambda: seen(tmp_path))
    waiting = start(environment, *witness(tmp_path, 0), gpus=2)  # 5 is free, 3 is not
    waiting.stderr.readline()
    assert finish([start(environment, *witness(tmp_path, 0))]) == ["5"], "a job that waits for two holds none of them"
    waiting.kill()
    running.kill()
    assert finish([start(environment, *witness(tmp_path, 0), gpus=2)]) == ["3,5"]


def test_two_studies_with_other_masks_and_other_temporary_folders_do_not_collide(environment, tmp_path):
    first = environment | {"CUDA_VISIBLE_DEVICES": "0,1", "TMPDIR": str(tmp_path / "one")}
    second = environment | {"CUDA_VISIBLE_DEVICES": "1,2", "TMPDIR": str(tmp_path / "two")}
    jobs = [start(study, *witness(tmp_path, 0.2)) for study in (first, second) * 5]
    printed = finish(jobs)
    assert set(printed[::2]) <= {"0", "1"} and set(printed[1::2]) <= {"1", "2"}
    assert "COLLISION" not in seen(tmp_path)


def test_jobs_that_share_fill_the_devices_evenly(environment, tmp_path):
    jobs = []
    for number in range(4):
        jobs.append(start(environment, *witness(tmp_path, 60, share=2), share=2))
        until(lambda begun=number + 1: len(seen(tmp_path)) == begun)
    assert seen(tmp_path) == ["3", "5", "3", "5"]
    fifth = start(environment, *witness(tmp_path, 0, share=2), share=2)
    assert fifth.stderr.readline().startswith("waiting")
    jobs[1].kill()
    assert fifth.communicate(timeout=30)[0] == "5\n"
    for job in jobs:
        job.kill()


def test_a_job_that_shares_keeps_off_one_that_does_not_and_the_other_way_round(environment, tmp_path):
    one = environment | {"CUDA_VISIBLE_DEVICES": "3"}
    for held, asked in ((1, 4), (4, 1)):
        begun = len(seen(tmp_path))
        holder = start(one, *witness(tmp_path, 60), share=held)
        until(lambda begun=begun: len(seen(tmp_path)) == begun + 1)
        other = start(one, *witness(tmp_path, 0), share=asked)
        assert other.stderr.readline().startswith("waiting")
        holder.kill()
        assert other.communicate(timeout=30)[0] == "3\n"
    assert "COLLISION" not in seen(tmp_path)


NAMES = [
    "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6",
    "MIG-3eb1a0a5-7b1a-5b0c-8d6e-1f0f0a1b2c3d",
    "MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/7/0",
]


def test_devices_called_by_uuid_and_parts_of_devices_are_held_by_their_names(environment, tmp_path):
    environment["CUDA_VISIBLE_DEVICES"] = ",".join(NAMES)
    assert set(finish([start(environment, *witness(tmp_path, 0.2)) for _ in range(9)])) == set(NAMES)
    assert "COLLISION" not in seen(tmp_path)


def test_a_device_called_by_its_uuid_is_the_device_of_that_number(environment, tmp_path):
    fake = tmp_path / "bin/nvidia-smi"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho '0, GPU-11111111-d72c-4106-c12f-20bd9faed9f6'\necho '1, {NAMES[0]}'\n")
    fake.chmod(0o755)
    environment["PATH"] = f"{fake.parent}:{environment['PATH']}"
    holder = start(environment | {"CUDA_VISIBLE_DEVICES": "1"}, *witness(tmp_path, 60))
    until(lambda: seen(tmp_path))
    for name in (NAMES[0], "GPU-8932"):  # CUDA takes a beginning that is unmistakable
        study = environment | {"CUDA_VISIBLE_DEVICES": f"{name},7"}
        assert finish([start(study, *witness(tmp_path, 0))]) == ["7"], "1 is held, and this is its other name"
    holder.kill()


def test_a_job_may_have_both_devices_and_no_more(environment, tmp_path):
    assert finish([start(environment, *witness(tmp_path, 0), gpus=2)]) == ["3,5"]
    three = start(environment, "true", gpus=3)
    assert "this machine has 2" in three.communicate(timeout=30)[1]
    assert three.returncode == 1


def test_a_job_that_asks_for_no_device_sees_none(environment, tmp_path):
    assert finish([start(environment, *witness(tmp_path, 0), gpus=0)]) == [""]


@pytest.mark.parametrize(("mask", "devices"), [("", ""), ("-1", "-1"), ("3,-1,5", "3"), ("3,3", "3")])
def test_the_inherited_mask_is_read_as_cuda_reads_it(environment, tmp_path, mask, devices):
    assert finish([start(environment | {"CUDA_VISIBLE_DEVICES": mask}, "printenv", "CUDA_VISIBLE_DEVICES")]) == [
        devices
    ]


def test_a_job_that_the_scheduler_placed_keeps_its_devices_and_claims_none(environment, tmp_path):
    placed = environment | {"SLURM_JOB_ID": "12", "SOFTSHOT_ASSIGNED": "1", "CUDA_VISIBLE_DEVICES": "0"}
    jobs = [start(placed, *witness(tmp_path, 1, share=2)) for _ in range(2)]  # each on a node of its own, say
    assert finish(jobs) == ["0", "0"]
    assert not Path(environment["SOFTSHOT_LOCKS"]).exists()


def test_jobs_of_a_study_that_runs_within_one_allocation_share_its_devices_out(environment, tmp_path):
    within = environment | {"SLURM_JOB_ID": "12"}
    assert Counter(finish([start(within, *witness(tmp_path, 1)) for _ in range(2)])) == {"3": 1, "5": 1}
    elsewhere = environment | {"SLURM_JOB_ID": "13", "CUDA_VISIBLE_DEVICES": "3"}
    holder = start(within, *witness(tmp_path, 60), gpus=2)
    until(lambda: len(seen(tmp_path)) == 3)
    assert start(elsewhere, "true").wait(30) == 0, "another allocation's device 3 is another device"
    holder.kill()


@pytest.fixture
def machine_with_four(monkeypatch):
    """This process's launcher, on a machine that seems to have four devices."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(launch, "ALLOCATION", None)
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(f"{folder}/nvidia{n}" for n in (0, 1, 2, 3)))


def test_an_allocation_without_devices_has_none_whatever_the_machine_has(machine_with_four, monkeypatch):
    assert launch.devices() == ["0", "1", "2", "3"]
    monkeypatch.setattr(launch, "ALLOCATION", "12")
    assert launch.devices() == []


def test_a_forgotten_number_of_devices_is_told(machine_with_four, monkeypatch):
    assert "This machine has 4 GPUs" in launch.forgotten(1) and "--resources gpu=4" in launch.forgotten(1)
    assert "--resources gpu=12 (3 jobs on each)" in launch.forgotten(3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert launch.forgotten(1) is None


def test_another_users_locks_can_be_locked_and_the_folder_is_everyones(environment, tmp_path):
    umask = ["sh", "-c", 'umask 077; exec "$@"', "sh"]
    command = [sys.executable, "-m", "softshot.launch", "--gpus", "1", "true"]
    assert subprocess.run([*umask, *command], env=environment).returncode == 0
    locks = Path(environment["SOFTSHOT_LOCKS"])
    assert oct(locks.stat().st_mode)[-4:] == "1777"
    assert {oct(path.stat().st_mode)[-3:] for path in locks.iterdir()} == {"644"}


def test_the_exit_status_is_the_jobs_own(environment):
    assert start(environment, "sh", "-c", "exit 7").wait(30) == 7


def test_the_environment_of_jobs_says_where_they_run_and_how_much_they_may_hold():
    settings = SimpleNamespace(
        launch=SimpleNamespace(jobs_per_gpu=2),
        tuning=SimpleNamespace(max_tokens=None),
        generation=SimpleNamespace(batch_size=32),
    )
    shown = 'echo "$JOBS_PER_GPU,$MAX_TOKENS,$BATCH_SIZE,$SOFTSHOT_ASSIGNED,$((SNAKEMAKE_PID == PPID))"'
    for assigned, expected in ((False, "2,,32,,1"), (True, "2,,32,1,1")):
        environment = {name: value for name, value in os.environ.items() if name != "SOFTSHOT_ASSIGNED"}
        command = ["bash", "-c", launch.exports(settings, assigned) + shown]
        assert subprocess.run(command, env=environment, capture_output=True, text=True).stdout == expected + "\n"
