"""Programs end in one sentence, whatever the file system, the terminal or the reader of their output does to them.

python -m pytest tests/unit/test_programs.py
"""

import os
import shlex
import subprocess
import sys

import pytest

from softshot import files
from softshot.errors import run_program


def program(body: str, shell: str = "{}", **environment: str) -> subprocess.CompletedProcess:
    """Run a stage program with this body, as the shell's `{}`, and take what it prints as bytes."""
    text = f"import sys\nfrom softshot.errors import run_program\ndef main():\n    {body}\nrun_program(main)"
    command = shell.format(shlex.join([sys.executable, "-c", text]))
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], env=os.environ | environment, capture_output=True)


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {}],
)
def test_what_a_terminal_cannot_show_is_an_escape(environment):
    done = program("print(sys.stdout.encoding); print('na\\u00efve \\u65e5 \\ud83d')", **environment)
    encoding, words = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert words == "naïve 日 \ud83d".encode(encoding.decode(), "backslashreplace")
    assert not environment or words.isascii()


def test_a_reader_that_has_seen_enough_ends_a_program_without_a_word():
    done = program("for _ in range(10000): print('x' * 100)", shell="{} | head -n 1")
    assert (done.stdout, done.stderr, done.returncode) == (b"x" * 100 + b"\n", b"", 1)


def test_a_broken_connection_is_no_reader_that_has_seen_enough():
    done = program("raise BrokenPipeError(32, 'Broken pipe')")
    assert done.returncode == 1 and b"BrokenPipeError" in done.stderr


def test_a_program_without_a_standard_output_ends_well():
    assert program("pass", shell="{} >&-").stderr == b""


@pytest.mark.parametrize("action", ["write", "read"])
def test_a_path_that_cannot_be_used_is_named(tmp_path, action):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "below"

    def main() -> None:
        files.write_json(place, {}) if action == "write" else place.read_text()

    with pytest.raises(SystemExit) as ended:
        run_program(main)
    assert str(ended.value).startswith(f"softshot: {tmp_path / 'file'}") and "\n" not in str(ended.value)


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_files_have_the_permissions_that_the_umask_leaves(tmp_path, mask):
    text = "import pathlib, sys; from softshot import files; files.write_json(pathlib.Path(sys.argv[1]), {})"
    subprocess.run([sys.executable, "-c", text, tmp_path / "a.json"], umask=mask, check=True)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o666 & ~mask
    assert (tmp_path / "a.json").read_text() == "{}\n"
