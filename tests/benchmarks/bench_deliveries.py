"""Loads the same facts many times, in whatever files they are delivered, and counts the different ledgers.

Run: ``python tests/benchmarks/bench_deliveries.py [--reruns 50] [--permutations 200] [--json FILE]``.
Every permutation shuffles the rows, cuts them into files of other names and delivers some rows again.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

RERUNS, PERMUTATIONS = 50, 200


def measure(reruns: int, permutations: int) -> dict[str, Any]:
    """Return how many different contents the deliveries gave."""
    from tests.ledger.test_idempotence import count_contents

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        contents = count_contents(Path(folder), reruns, permutations)
    seconds = time.perf_counter() - start
    return {"reruns": reruns, "permutations": permutations, "contents": contents, "seconds": seconds}


def render_markdown(results: dict[str, Any]) -> str:
    """Return the section of docs/benchmarks.md about deliveries."""
    return (
        "## Deliveries of the same facts\n\n"
        f"{results['reruns']} loads of one delivery and {results['permutations']} of its permutations (rows shuffled,"
        f" files cut, renamed and overlapping) gave {results['contents']} different content"
        f"{'' if results['contents'] == 1 else 's'}, in {results['seconds']:.0f} s.\n"
    )


def main() -> None:
    """Run the benchmark and print its section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reruns", type=int, default=RERUNS)
    parser.add_argument("--permutations", type=int, default=PERMUTATIONS)
    parser.add_argument("--json", type=Path)
    arguments, _ = parser.parse_known_args()
    results = measure(arguments.reruns, arguments.permutations)
    if arguments.json:
        arguments.json.write_text(json.dumps(results), encoding="utf-8")
    sys.stdout.write(render_markdown(results))
    if results["contents"] != 1:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
