"""`softshot records [--configfile study.yaml]`: the results on disk that do not fit the study, and why.

Snakemake runs again what its own notes in `.snakemake` say has changed. Where they are gone, or results came from
elsewhere, they may have been made by other settings or code than the study's. To make these again:

    snakemake --forcerun $(softshot records --paths) ...

Where only code has changed and you know that it makes the same results, `--accept` writes its checksum into their
records; `snakemake --touch ...` then tells Snakemake.
"""

import os
import sys
from pathlib import Path

from softshot import commands, recorded
from softshot.errors import run_program
from softshot.files import write_json
from softshot.settings import Study


def main() -> None:
    """Print the results that do not fit, or accept those that differ in code alone."""
    parser = commands.parser("softshot records", __doc__)
    parser.add_argument("--paths", action="store_true", help="print what to give to --forcerun, and nothing else")
    parser.add_argument(
        "--accept", action="store_true", help="of those that differ in code alone: take them as the same"
    )
    args = parser.parse_args()
    study = commands.study(args)
    if args.accept:
        accepted = accept(study, args.results)
        sys.stdout.writelines(f"{path}\n" for path in accepted)
        print(f"{len(accepted)} records accepted; now `snakemake --touch` with the same study.", file=sys.stderr)
        return
    misfits = recorded.misfits(study, args.results, args.models)
    if args.paths:
        sys.stdout.writelines(f"{path}\n" for path in misfits)
        return
    sys.stdout.writelines(f"{path}: {why}\n" for path, why in misfits.items())
    print(f"{len(misfits)} results do not fit the study {study.study}.", file=sys.stderr)


def accept(study: Study, results: Path) -> list[str]:
    """Write the code of now into the records of what differs in nothing else, and keep their dates; which these are."""
    accepted = []
    for expected in recorded.expectations(study, str(results / study.study)):
        if recorded.difference(expected) != recorded.CODE:
            continue
        values = recorded.with_code(expected.says(), recorded.read(expected.record) or {})
        if recorded.different(expected.says(), values) is None:
            path = Path(expected.record)
            times = path.stat()
            write_json(path, values)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            accepted.append(expected.record)
    return accepted


if __name__ == "__main__":
    run_program(main)
