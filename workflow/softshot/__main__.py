"""`softshot plan | score | show | records`: the small commands beside Snakemake; `softshot plan --help` says more."""

import sys
from importlib import import_module

from softshot.errors import run_program

COMMANDS = {  # the program of each, what it does
    "plan": ("softshot.plan.__main__", "the jobs, hours and disk that a study takes, and has taken"),
    "score": ("softshot.scoring.__main__", "the scores of any system's output, by a task's official metrics"),
    "show": ("softshot.demonstrations.show", "a record, and the demonstrations found for it"),
    "records": ("softshot.records", "the results on disk that do not fit the study, and why"),
}


def main() -> None:
    """Run the command's program."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        lines = [f"  softshot {command:10}{about}" for command, (_, about) in COMMANDS.items()]
        print("usage:", *lines, sep="\n", file=sys.stdout if name in ("-h", "--help") else sys.stderr)
        sys.exit(0 if name in ("-h", "--help") else 2)
    sys.argv = [f"softshot {name}", *arguments]
    run_program(import_module(COMMANDS[name][0]).main)


if __name__ == "__main__":
    main()
