"""Reads thousands of generated, damaged ledgers and holds every loaded value against the file itself.

Run: ``python tests/benchmarks/bench_generated_files.py [--files 20000] [--first 0] [--json FILE]``.
File number n is always the same file, so ``--first n --files 1`` shows one that failed again. Ends with
an error when a file crashes the reader, a number is wrong or a row is lost.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

FILES = 20_000
CHUNK = 250
WHOLE_SHARE = 0.005
"""Share of the deliveries that are also taken up to balances and checks."""


def check_chunk(first: int, last: int) -> tuple[Counter, list[tuple[int, str]]]:
    """Return counts of outcomes, and the number and the reason of each failure."""
    from tests.ledger.generated_files import check_delivery, draw_delivery

    counts: Counter = Counter()
    failures = []
    for number in range(first, last):
        rng = random.Random(number)
        delivery = draw_delivery(rng)
        counts["files"] += 1
        counts["whole"] += not delivery.is_damaged
        try:
            outcome = check_delivery(delivery, whole=rng.random() < WHOLE_SHARE)
        except AssertionError as error:
            counts["wrong"] += 1
            failures.append((number, str(error).splitlines()[0] if str(error) else "rows differ"))
        except Exception as error:  # noqa: BLE001  whatever it is, it is a crash
            counts["crashes"] += 1
            failures.append((number, f"{type(error).__name__}: {error}"))
        else:
            counts["refused"] += outcome.is_refused
            counts["rows_loaded"] += outcome.loaded
            counts["rows_quarantined"] += outcome.quarantined
    return counts, failures


def main() -> None:
    """Check the files, two processes at a time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments, _ = parser.parse_known_args()
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    last = arguments.first + arguments.files
    starts = range(arguments.first, last, CHUNK)
    counts: Counter = Counter()
    failures: list[tuple[int, str]] = []
    began = time.perf_counter()
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        ends = [min(start + CHUNK, last) for start in starts]
        for chunk_counts, chunk_failures in pool.map(check_chunk, starts, ends):
            counts += chunk_counts
            failures += chunk_failures
            for number, reason in chunk_failures:
                print(f"file {number}: {reason}", flush=True)
            print(f"{counts['files']} files, {len(failures)} failures", flush=True)
    names = ("files", "whole", "refused", "rows_loaded", "rows_quarantined", "crashes", "wrong")
    results = {name: counts[name] for name in names}
    results["seconds"] = round(time.perf_counter() - began, 1)
    print(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results), encoding="utf-8")
    if failures:
        sys.exit(1)


def render_markdown(results: dict[str, float]) -> str:
    """Return the section of the benchmark page."""
    return (
        "## Generated bad files\n\n"
        "Small ledgers written in a drawn dialect and then damaged; every loaded value is held against what "
        "Python's csv, Decimal and datetime find at its place in the damaged file, and every line with "
        "something in it must be loaded or in quarantine.\n\n"
        "| files | undamaged | refused | rows loaded | rows quarantined | crashes | wrong numbers or lost rows | seconds |\n"
        "|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        f"| {results['files']:,} | {results['whole']:,} | {results['refused']:,} | {results['rows_loaded']:,} "
        f"| {results['rows_quarantined']:,} | {results['crashes']} | {results['wrong']} | {results['seconds']} |\n"
    )


if __name__ == "__main__":
    main()
