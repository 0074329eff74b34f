"""A study through kills, a full disk, broken downloads, cut files and neighbours ends as an undisturbed one.

`python -m pytest tests/workflow/test_faults.py -s` prints the seed and every kill. About 5 minutes of CPU.
"""

import collections
import copy
import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from checkout import installed
from conftest import Checkout, copy_of_the_checkout
from loopback import serving_files

pytestmark = pytest.mark.long

SEED = int(os.environ.get("FAULTS_SEED", "7"))
KILLS = 30
STUDY = yaml.safe_load((Path(__file__).parent / "study.yaml").read_text()) | {
    "study": "faulty",
    "seeds": [1],
    "arms": {"icl": {"demonstrations": ["retrieved-1"]}, "pt": {"tokens": [3]}, "ipt": {"tokens": []}},
    "transfer": {"arms": []},
    "methods": {"prompt-tuning": {"learning_rate": 0.1}},
    "tuning": {"steps": 150, "batch_size": 4, "validate_every": 50, "overrides": []},
}
ICL, PT = "runs/tiny/mtop/icl/retrieved-1/seed-0", "runs/tiny/mtop/pt/tokens-3/seed-1"
EXACT = {".jsonl", ".gz", ".parquet", ".npy", ".safetensors", ".tsv"}  # the same bytes whenever they are made
TIMED = {"history.jsonl", "cost.tsv", "pareto.tsv", "run.json", "tuning.json"}  # they say how long something took
KEPT = (".state", ".snakemake_timestamp")
TIMES = re.compile("seconds|per_second|ms_|front_|memory|checksums|bytes|commit")


def start(checkout: Checkout, *arguments: str, study: dict = STUDY) -> subprocess.Popen:
    """Snakemake in the background, its output in `<study>.out`."""
    name = study["study"]
    (checkout.folder / f"{name}.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    with (checkout.folder / f"{name}.out").open("w") as out:
        command = ["snakemake", "--cores", "2", *arguments, "--configfile", f"{name}.yaml"]
        return subprocess.Popen(command, cwd=checkout.folder, env=installed(checkout.folder), stdout=out, stderr=out)


def run(checkout: Checkout, *arguments: str, study: dict = STUDY) -> tuple[int, str]:
    """Snakemake to its end: exit status and output."""
    status = start(checkout, *arguments, study=study).wait()
    return status, (checkout.folder / f"{study['study']}.out").read_text()


def reasons(output: str) -> str:
    """What the logs of failed jobs say, which Snakemake shows beside each failure."""
    return "\n".join(re.findall(r"^Logfile .*?:\n=+\n(.*?)\n=+$", output, re.M | re.S))


def artefacts(checkout: Checkout, study: str = "faulty") -> dict[str, object]:
    """Every file that is in its place, as far as it must be equal: bytes, or values without times."""
    results, found = checkout.folder / "results" / study, {}
    for path in sorted(results.rglob("*")):
        name = path.relative_to(results).as_posix()
        if not path.is_file() or "logs" in path.parts or any(part.startswith(".") for part in path.parts):
            continue
        if path.name in ("cost.tsv", "pareto.tsv"):
            rows = csv.DictReader(path.open(), delimiter="\t")
            found[name] = [{k: v for k, v in row.items() if not TIMES.search(k)} for row in rows]
        elif path.name == "history.jsonl":
            found[name] = [without_times(json.loads(line)) for line in path.read_text().splitlines()]
        elif path.suffix == ".json":
            known = json.loads(re.sub(r'"[^"]*/tiny-model"', '"tiny-model"', path.read_text()))  # it lies in a checkout
            found[name] = without_times(known) if path.name in TIMED else known
        elif path.suffix in EXACT:
            found[name] = path.read_bytes()
    return found


def without_times(value):
    """A JSON value without what differs from one undisturbed run to the next."""
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items() if not TIMES.search(key)}
    return value


def assert_equal(checkout: Checkout, undisturbed: Checkout) -> None:
    ours, theirs = artefacts(checkout), artefacts(undisturbed)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert (checkout.folder / "results/faulty/report.html").read_text().rstrip().endswith("</html>")
    assert not [path for path in (checkout.folder / "results").rglob(".*") if path.name not in KEPT], "litter"


def assert_nothing_half_written(checkout: Checkout, undisturbed: Checkout) -> None:
    """Whatever is in its place already has its final content."""
    theirs = artefacts(undisturbed)
    assert [name for name, content in artefacts(checkout).items() if theirs[name] != content] == []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Checkout:
    """The study, run to its end in one go."""
    checkout = copy_of_the_checkout(tmp_path_factory.mktemp("undisturbed"))
    began = time.monotonic()
    status, output = run(checkout)
    assert status == 0, output
    checkout.seconds = time.monotonic() - began
    return checkout


@pytest.fixture
def fresh(undisturbed, tmp_path) -> Checkout:
    """A checkout in which nothing has run."""
    without = shutil.ignore_patterns("results", ".snakemake")
    folder = shutil.copytree(undisturbed.folder, tmp_path / "copy", ignore=without, symlinks=True)
    shutil.rmtree(folder / "resources/models")
    return Checkout(folder)


@pytest.fixture
def done(undisturbed, tmp_path) -> Checkout:
    """A copy of the finished study."""
    return Checkout(shutil.copytree(undisturbed.folder, tmp_path / "copy", symlinks=True))


def jobs(folder: Path) -> list[int]:
    """The stage programs that run in this folder, orphans among them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            if Path(os.readlink(process / "cwd")) == folder and b"-m" in command[:3] and b"softshot." in command[2]:
                found.append(int(process.name))
        except OSError:  # it has ended
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds the jobs to kill in /proc")
def test_thirty_kills_at_random_moments_change_nothing(undisturbed, fresh):
    """Jobs and Snakemake itself get SIGKILL and SIGTERM; the same command is given again until it is done."""
    draw, kills = random.Random(SEED), collections.Counter()
    print(f"\nseed {SEED} (FAULTS_SEED=... sets another), {undisturbed.seconds:.0f} s undisturbed")
    snakemake, before = start(fresh), 0
    while True:
        status = snakemake.poll()
        if status is None and kills.total() < KILLS:
            time.sleep(draw.uniform(0, undisturbed.seconds / 8))
            kind = draw.choice([signal.SIGKILL, signal.SIGTERM])
            running = jobs(fresh.folder)
            itself = draw.random() < 0.25
            if not (itself or running):
                continue  # between two jobs
            victim = snakemake.pid if itself else draw.choice(running)
            what = "snakemake" if victim == snakemake.pid else name_of(victim)
            if snakemake.poll() is None and what:
                os.kill(victim, kind)
                kills[what, kind.name] += 1
                print(f"{kills.total():3} {kind.name} to {what}")
            if what == "snakemake" and kind == signal.SIGKILL:
                snakemake.wait()
                assert_nothing_half_written(fresh, undisturbed)
        elif status is None:
            snakemake.wait()
        elif status == 0:
            break
        else:
            assert_nothing_half_written(fresh, undisturbed)
            output = (fresh.folder / "faulty.out").read_text()
            assert kills.total() > before or "cannot be locked" in output, output
            before = kills.total()
            if status == -signal.SIGKILL or "cannot be locked" in output:
                assert run(fresh, "--unlock")[0] == 0
            elif "Error in rule" in output:
                assert "Logfile results/faulty/logs/" in output or "Logfile resources/" in output
            snakemake = start(fresh)
    print(dict(kills))
    assert kills.total() >= KILLS, "the study ended before it could be killed so often"
    assert_equal(fresh, undisturbed)
    assert "Nothing to be done" in run(fresh, "--dry-run")[1]


def test_what_a_killed_snakemake_kept_of_a_model_is_in_nobodys_way(undisturbed, done):
    """Killed while it fetches a model again, it leaves its copy of the model, whole or not."""
    backup = done.folder / ".snakemake/backups/resources/models/tiny"
    backup.mkdir(parents=True)
    (backup / "config.json").write_text("{")
    (done.folder / "resources/models/tiny/provenance.json").unlink()
    status, output = run(done, "--forcerun", "model")
    assert status == 0, output
    assert_equal(done, undisturbed)
    assert not backup.exists()


def name_of(process: int) -> str | None:
    """The stage of a job; None if it has ended."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return None
    return next((part for part in reversed(command) if re.fullmatch(r"softshot\.[a-z]+", part)), None)


def test_a_failing_run_stops_no_other_and_the_log_ends_with_what_failed_and_why(done):
    shutil.rmtree(done.folder / "results/faulty" / ICL)
    study = copy.deepcopy(STUDY)
    study["tuning"]["overrides"] = [{"arm": "pt", "set": {"learning_rate": 1e-12, "steps": 2}}]
    status, output = run(done, study=study)
    assert status != 0
    assert (done.folder / "results/faulty" / ICL / "scores.json").exists()
    assert "Logfile results/faulty/logs/tuning/tiny/mtop/pt/tokens-3/seed-1.log:" in output
    assert "softshot: after 2 steps" in reasons(output) and "raise the learning rate" in reasons(output)
    log = sorted((done.folder / ".snakemake/log").glob("*.log"))[-1]
    assert "raise the learning rate" in log.read_text(), "Snakemake's own log says it too"
    assert "tune " in run(done, "--dry-run", "--quiet", "rules", study=study)[1], "a failed job is not forgotten"


def cut(path: Path, lines: int | None = None) -> None:
    """Truncate a file to half its bytes, or to so many lines: then it looks whole."""
    content = path.read_bytes()
    kept = b"".join(content.splitlines(keepends=True)[:lines]) if lines else content[: len(content) // 2]
    path.write_bytes(kept)


@pytest.mark.parametrize(
    "cuts",
    [
        {"data/mtop/validation.jsonl": 2, "demonstrations/mtop/retrieved/test.parquet": None},
        {"demonstrations/mtop/embeddings/all-minilm-l6-v2/test.npy": None},
    ],
    ids=lambda cuts: " ".join(Path(place).name for place in cuts),
)
def test_a_cut_artefact_is_refused_by_name_and_made_again(cuts, undisturbed, done):
    """Its time is new, so that Snakemake takes it for done and runs what reads it."""
    for place, lines in cuts.items():
        cut(done.folder / "results/faulty" / place, lines)
    status, output = run(done)
    assert status != 0
    for place in cuts:
        assert f"results/faulty/{place}" in reasons(output) and "elete it and" in reasons(output)
        (done.folder / "results/faulty" / place).unlink()
    status, output = run(done)
    assert status == 0, output
    assert_equal(done, undisturbed)


def test_predictions_that_were_cut_are_refused_by_name(undisturbed, done):
    cut(done.folder / f"results/faulty/{ICL}/predictions.jsonl.gz")
    status, output = run(done)
    assert status != 0
    assert f"results/faulty/{ICL}/predictions.jsonl.gz is not the file that was written" in reasons(output)
    (done.folder / f"results/faulty/{ICL}/predictions.jsonl.gz").unlink()
    status, output = run(done)
    assert status == 0, output
    assert_equal(done, undisturbed)


def test_cut_files_of_runs_are_named_by_their_length_and_made_again(undisturbed, done):
    cuts = [f"{ICL}/predictions.jsonl.gz", f"{ICL}/scores.parquet", f"{PT}/history.jsonl"]
    cuts += [f"{PT}/adapter/adapter_model.safetensors"]
    for place in cuts:
        cut(done.folder / "results/faulty" / place)
    told = done.records(STUDY)
    for name in ("predictions.jsonl.gz", "scores.parquet", "adapter_model.safetensors"):  # and history.jsonl, likewise
        assert f"{name} was" in told
    status, output = run(done, "--forcerun", *done.records(STUDY, "--paths").split())
    assert status == 0, output
    assert_equal(done, undisturbed)
    assert done.records(STUDY) == ""


def test_a_cut_model_file_is_refused_by_name(done):
    tokenizer = done.folder / "resources/models/tiny/tokenizer_config.json"
    content = tokenizer.read_bytes()
    tokenizer.unlink()  # a link to the folder of the user's own
    tokenizer.write_bytes(content + b" ")
    shutil.rmtree(done.folder / "results/faulty" / ICL)
    status, output = run(done)
    assert status != 0
    assert "tokenizer_config.json is not the file that was fetched" in reasons(output)
    shutil.rmtree(done.folder / "resources/models/tiny")
    assert run(done, f"results/faulty/{ICL}/scores.json")[0] == 0


@pytest.fixture
def small_disk(fresh):
    """A function that mounts, and then enlarges, a disk of so many kilobytes at `results/`."""
    results, mounted = fresh.folder / "results", []
    results.mkdir()

    def size(kilobytes: int) -> None:
        options = f"size={kilobytes}k" + (",remount" if mounted else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(results)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(kilobytes)

    yield size
    if mounted:
        subprocess.run(["umount", str(results)], check=True)


def test_a_full_disk_ends_in_a_message_and_with_room_the_study_ends_as_ever(undisturbed, fresh, small_disk):
    for kilobytes in (24, 96):
        small_disk(kilobytes)
        status, output = run(fresh)
        assert status != 0
        # A disk so full that a log has no room for the message leaves it empty, which Snakemake says.
        assert "free some space" in reasons(output) or ".log: empty file" in output
        assert_nothing_half_written(fresh, undisturbed)
    small_disk(100_000)
    status, output = run(fresh)
    assert status == 0, output
    assert_equal(fresh, undisturbed)


def test_a_second_snakemake_in_the_same_folder_is_refused_and_the_first_ends_well(undisturbed, done):
    shutil.rmtree(done.folder / "results/faulty" / ICL)
    first = start(done)
    while not any((done.folder / ".snakemake/locks").glob("*")):
        time.sleep(0.05)
        assert first.poll() is None
    study = STUDY | {"seeds": [1]}
    (done.folder / "second.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    second = subprocess.run(
        ["snakemake", "--cores", "1", "--configfile", "second.yaml"],
        cwd=done.folder,
        env=installed(done.folder),
        capture_output=True,
        text=True,
    )
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout + second.stderr and "--unlock" in second.stdout + second.stderr
    assert first.wait() == 0
    assert_equal(done, undisturbed)


DART = ["dart-v1.1.1-full-train.json", "dart-v1.1.1-full-dev.json", "dart-v1.1.1-full-test.json"]


def without_checksums(checkout: Checkout) -> dict[str, bytes]:
    """The demo's files as a mirror holds them; they are not the official ones, so the catalogue's checksums go."""
    catalogue = checkout.folder / "resources/tasks.yaml"
    tasks = yaml.safe_load(catalogue.read_text())
    tasks["dart"].pop("sha256")
    catalogue.write_text(yaml.safe_dump(tasks))
    return {f"/dart/{name}": (checkout.folder / "resources/demo/data/dart" / name).read_bytes() for name in DART}


def mirrored(address: str, name: str) -> dict:
    study = copy.deepcopy(STUDY) | {"study": name}
    study["data"] = {"tasks": ["dart"], "source": address}
    return study


def test_a_broken_download_is_continued_or_named_and_ends_in_the_same_records(fresh):
    files = without_checksums(fresh)
    targets = [f"results/{{}}/data/dart/{split}.jsonl" for split in ("train", "validation", "test")]
    with serving_files(files) as server:
        study = mirrored(server.address, "mirrored")
        wanted = [target.format("mirrored") for target in targets]
        server.script = [{"cut": 100_000}, {"cut": 70_000}, {}, {"status": 404}]
        status, output = run(fresh, *wanted, study=study)
        assert status != 0
        assert "Error in rule download" in output and "404" in reasons(output)
        assert not list((fresh.folder / "results").rglob("*.jsonl"))
        server.script = [{"cut": 50_000}]
        status, output = run(fresh, *wanted, study=study)
        assert status == 0, output
        # Another study names another source: what lies in resources/downloads is not taken for its files.
        broken = fresh.folder / "resources/downloads/dart" / DART[2]
        other = mirrored(server.address.replace("127.0.0.1", "localhost"), "other")
        shutil.rmtree(fresh.folder / ".snakemake")  # which would know that the source has changed
        status, output = run(fresh, targets[0].format("other"), study=other)
        assert status != 0
        assert f"holds the files from {server.address}, but this study's are those from http://localhost" in output
        # A file that was cut after its download.
        cut(broken)
        (fresh.folder / "results/mirrored/data/dart/test.jsonl").unlink()
        status, output = run(fresh, *wanted, study=study)
        assert f"{DART[2]} is not the file that was downloaded" in reasons(output)
        shutil.rmtree(broken.parent)
        status, output = run(fresh, *wanted, study=study)
        assert status == 0, output
    local = mirrored("resources/demo/data", "local")
    assert run(fresh, *(target.format("local") for target in targets), study=local)[0] == 0
    for target in targets:
        assert (fresh.folder / target.format("mirrored")).read_bytes() == (
            fresh.folder / target.format("local")
        ).read_bytes()


def test_two_studies_at_once_share_what_is_fetched(undisturbed, fresh, tmp_path):
    """In two checkouts with one resources/, which both want to fill; then in one checkout, with it filled."""
    without_checksums(fresh)
    twin = Checkout(shutil.copytree(fresh.folder, tmp_path / "twin", symlinks=True))
    shutil.rmtree(twin.folder / "resources")
    (twin.folder / "resources").symlink_to(fresh.folder / "resources")
    tiny = str(fresh.folder / "tiny-model")

    def begin(place: Checkout, name: str) -> subprocess.Popen:
        study = mirrored(server.address, name) | {"models": {"use": ["tiny"], "folders": {"tiny": tiny}}}
        target = f"results/{name}/data/dart/train.jsonl"
        return start(place, "--cores", "1", target, "resources/models/tiny", study=study)

    def both(places: list[Checkout]) -> None:
        names = ("one", "two")
        started = [begin(place, name) for place, name in zip(places, names, strict=True)]
        for process, place, name in zip(started, places, names, strict=True):
            if (
                process.wait()
            ):  # Snakemake stumbles over its own locks where two end in the same instant, all being done
                output = (place.folder / f"{name}.out").read_text()
                assert "(100%) done" in output and "/.snakemake/locks'" in output, output
                assert begin(place, name).wait() == 0
        one, two = (
            place.folder / f"results/{name}/data/dart/train.jsonl"
            for place, name in zip(places, ("one", "two"), strict=True)
        )
        assert one.read_bytes() == two.read_bytes()

    with serving_files(without_checksums_of(fresh)) as server:
        both([fresh, twin])
        provenance = json.loads((fresh.folder / "resources/models/tiny/provenance.json").read_text())
        assert all((fresh.folder / "resources/models/tiny" / name).is_file() for name in provenance["files"])
        for name in ("one", "two"):
            shutil.rmtree(fresh.folder / "results" / name, ignore_errors=True)
        both([fresh, fresh])


def without_checksums_of(checkout: Checkout) -> dict[str, bytes]:
    return {f"/dart/{name}": (checkout.folder / "resources/demo/data/dart" / name).read_bytes() for name in DART}
