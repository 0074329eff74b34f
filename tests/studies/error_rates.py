"""How often the test between two arms finds a difference: where there is none, and where there is one.

python tests/studies/error_rates.py [STUDIES]

Simulated studies of right and wrong answers (tests/simulated.py), p < 0.05.
"""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "workflow")]

from simulated import rejected  # noqa: E402

EFFECTS = (0.0, 0.25, 0.5, 1.0)


def main() -> None:
    """Print a Markdown table."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"| seeds | records | spread of seeds | {' | '.join(f'effect {effect:g}' for effect in EFFECTS)} |")
    print(f"| ---: | ---: | ---: | {' | '.join('---:' for _ in EFFECTS)} |")
    for seeds, records, spread in (
        (2, 100, 0.3),
        (3, 100, 0.0),
        (3, 100, 0.3),
        (3, 100, 1.0),
        (3, 400, 0.3),
        (5, 100, 0.3),
    ):
        shares = [rejected(seeds, spread, effect, records, studies) for effect in EFFECTS]
        print(
            f"| {seeds} | {records} | {spread:g} | {' | '.join(f'{100 * share:.1f}%' for share in shares)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
