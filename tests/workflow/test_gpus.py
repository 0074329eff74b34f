"""The launcher as the rules use it: on pretended GPUs, with their number forgotten, no two jobs share one unasked."""

import copy
import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml

STUDY = yaml.safe_load((Path(__file__).parent / "study.yaml").read_text()) | {
    "seeds": [1, 2, 3],
    "arms": {"icl": {"demonstrations": []}, "pt": {"tokens": [3]}, "ipt": {"tokens": []}},
    "transfer": {"arms": []},
}


def start(checkout, name, devices, *arguments, share=1) -> subprocess.Popen:
    """Snakemake on a study of this name and pretended devices."""
    study = copy.deepcopy(STUDY) | {"study": name, "launch": {"jobs_per_gpu": share}}
    study["tuning"]["steps"] = 100
    (checkout.folder / f"{name}.yaml").write_text(yaml.safe_dump(study))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    environment |= {"PYTHONPATH": str(checkout.folder / "workflow")}
    environment |= {"CUDA_VISIBLE_DEVICES": devices, "SOFTSHOT_LOCKS": str(checkout.folder / "locks")}
    command = ["snakemake", "--configfile", f"{name}.yaml", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=checkout.folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def tuning_devices(folder: Path) -> list[str]:
    """The devices of the tuning jobs that run in the folder at this moment, as they see them."""
    devices = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                b"-m\0softshot.tuning" in (process / "cmdline").read_bytes()[:40]
                and (process / "cwd").readlink() == folder
            ):
                environment = (process / "environ").read_bytes().decode().split("\0")
                devices += [
                    value.partition("=")[2] for value in environment if value.startswith("CUDA_VISIBLE_DEVICES=")
                ]
        except OSError:
            continue  # it has ended
    return devices


def test_a_forgotten_number_of_gpus_is_a_warning_that_names_the_remedy(finished):
    target = "results/warned/data/mtop/test.jsonl"
    for arguments, share, warned in (
        ([], 1, "--resources gpu=2"),
        ([], 3, "--resources gpu=6 (3 jobs on each)"),
        (["--resources", "gpu=2"], 1, None),
    ):
        study = start(finished, "warned", "0,1", "--cores", "1", "--force", target, *arguments, share=share)
        _, error = study.communicate(timeout=120)
        assert study.returncode == 0, error
        assert (warned in error) if warned else ("This machine has" not in error)
    study = start(finished, "warned", "", "--cores", "1", "--force", target)
    assert "This machine has" not in study.communicate(timeout=120)[1], "a machine without GPUs"


@pytest.mark.long
@pytest.mark.parametrize(("devices", "share"), [("0,1", 1), ("0", 2)])
def test_without_the_number_jobs_wait_for_devices_and_never_pile_up(finished, devices, share):
    name = f"share{share}"
    targets = [f"results/{name}/runs/tiny/mtop/pt/tokens-3/seed-{seed}/tuning.json" for seed in (1, 2, 3)]
    study = start(finished, name, devices, "--cores", "3", *targets, share=share)
    samples = []
    while study.poll() is None:
        samples.append(tuning_devices(finished.folder))
        time.sleep(0.2)
    assert study.returncode == 0, study.stderr.read()
    assert max(map(len, samples)) == 2, "two ran at once, the third waited"
    assert all(sample.count(device) <= share for sample in samples for device in sample)
    logs = [path.read_text() for path in (finished.folder / f"results/{name}/logs").rglob("seed-*.log")]
    assert sum("waiting for 1 of the GPUs" in log for log in logs) == 1
