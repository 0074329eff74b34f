"""A study without a file system that its jobs share ends in the same results: every file between jobs is declared.

python -m pytest tests/workflow/test_storage.py    # two minutes
"""

import copy
import importlib.util
import shutil
import subprocess

import pytest
import yaml
from changes import STUDY
from checkout import installed

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("rsync") is None, reason="Snakemake's fs storage needs rsync"),
    pytest.mark.skipif(importlib.util.find_spec("snakemake_storage_plugin_fs") is None, reason="no fs storage plugin"),
]
SAME = ("*.jsonl", "predictions.jsonl.gz", "adapter_model.safetensors", "*.parquet", "*.npy", "summary.tsv")
TIMED = ("history.jsonl",)


def test_a_study_in_a_storage_ends_in_the_same_results(finished, tmp_path):
    study, store = copy.deepcopy(STUDY), tmp_path / "store"
    study["models"]["folders"] = {"tiny": str(finished.folder / "tiny-model")}
    study["data"]["source"] = str(finished.folder / "resources/demo/data")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    command = ["snakemake", "--snakefile", str(finished.folder / "Snakefile"), "--configfile", "study.yaml"]
    command += ["--cores", "2", "--shared-fs-usage", "none", "--default-storage-provider", "fs"]
    command += ["--default-storage-prefix", str(store), "--local-storage-prefix", str(tmp_path / "local")]
    runs = [
        subprocess.run(
            [*command, *more], cwd=tmp_path / "here", env=installed(finished.folder), capture_output=True, text=True
        )
        for more in ([], ["--dry-run"])
    ]
    assert runs[0].returncode == 0, runs[0].stderr[-3000:]
    assert "Nothing to be done" in runs[1].stdout, runs[1].stdout + runs[1].stderr
    assert not (tmp_path / "here/results").exists(), "nothing is left where the jobs ran"
    ours, theirs = store / "results/tiny", finished.folder / "results/tiny"
    names = [path.relative_to(theirs) for pattern in SAME for path in theirs.rglob(pattern) if path.name not in TIMED]
    assert len(names) == 30
    assert [name for name in names if (ours / name).read_bytes() != (theirs / name).read_bytes()] == []
    assert "7 of 7 runs done" in (ours / "summary.txt").read_text()
    for log in ("tuning/tiny/mtop/pt/tokens-3/seed-1", "generation/tiny/mtop/pt/tokens-3/seed-1", "analysis"):
        assert (ours / f"logs/{log}.log").exists()
