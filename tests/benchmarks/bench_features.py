"""Times the features room against reading and sorting, and against other ways of looking back in time.

Run: ``python tests/benchmarks/bench_features.py [--sizes 100000 1000000] [--rounds 3] [--json FILE]``.
Compiling and importing are not timed, nor is the start of Spark. Room and peers compute the same features,
all that the risk room uses. After it was timed, each contender runs once more and its rows are folded into
one checksum: all must find the same in every column, bit for bit.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.benchmarks.rounds import compare, measure_once, run_in_turn  # noqa: E402  the path comes first

SIZES = (100_000, 1_000_000, 10_000_000)
ROUNDS = 3
LARGE = 2_000_000
"""From this many invoices on, one round and no contender that takes minutes or more memory than there is."""
SEED = 20_260_101
MODULUS = 1 << 64

Totals = dict[str, int]
"""How many rows, and their checksum where it was asked for."""

Fold = Callable[[Iterable[pl.DataFrame]], Totals]
"""What is done with the frames of a contender as they come."""

Contender = Callable[[Path, Fold], Totals]


def count_rows(frames: Iterable[pl.DataFrame]) -> Totals:
    """Return how many rows there are."""
    return {"rows": sum(frame.height for frame in frames)}


def sum_rows(frames: Iterable[pl.DataFrame]) -> Totals:
    """Return how many rows there are and the sum of their hashes, whatever their order."""
    rows, checksum = 0, 0
    for frame in frames:
        checksum = (checksum + int(frame.hash_rows(seed=SEED).sum())) % MODULUS
        rows += frame.height
    return {"rows": rows, "checksum": checksum}


def write_ledger(path: Path, invoices: int) -> None:
    """Write balances of ``invoices`` invoices: heavy-tailed customers, five years, a tenth still open."""
    rng = np.random.default_rng(SEED)
    customers = max(invoices // 25, 1)
    customer = np.minimum((rng.pareto(1.1, invoices) * customers / 20).astype(np.int64), customers - 1)
    customer = rng.permutation(customers)[customer]
    issue = rng.integers(0, 1800, invoices)
    due = issue + rng.choice([14, 30, 30, 30, 60], invoices)
    habit = rng.normal(2, 12, customers)[customer]
    covered = np.maximum(due + np.rint(habit + rng.exponential(9, invoices) - 6).astype(np.int64), issue)
    known = covered + rng.choice([0, 0, 1, 3], invoices)
    is_open = known >= 1830
    amount = np.rint(np.exp(rng.normal(6, 1.3, invoices)) * 100).astype(np.int64)
    days = pl.lit(16_801)  # 1 January 2016

    def date(name: str) -> pl.Expr:
        return (pl.col(name).cast(pl.Int32) + days).cast(pl.Date)

    pl.DataFrame(
        {
            "number": rng.permutation(invoices),
            "customer": customer,
            "issue_date": issue,
            "due_date": due,
            "covered_date": covered,
            "known": known,
            "is_open": is_open,
            "cents": amount,
        }
    ).select(
        ("I" + pl.col("number").cast(pl.String).str.zfill(9)).alias("invoice_id"),
        pl.lit(1, pl.Int64).alias("instalment_number"),
        ("C" + pl.col("customer").cast(pl.String).str.zfill(7)).alias("customer_id"),
        pl.lit("EUR").alias("currency"),
        date("issue_date"),
        date("due_date"),
        (pl.col("cents").cast(pl.Decimal(18, 3)) / 100).cast(pl.Decimal(18, 3)).alias("amount"),
        pl.when(~pl.col("is_open")).then(date("covered_date")).alias("covered_date"),
        pl.when(~pl.col("is_open")).then(date("known")).alias("covered_known_date"),
        pl.when(~pl.col("is_open")).then(pl.lit("payment")).alias("covered_by"),
        date("issue_date").alias("issued_known_date"),
        "is_open",
    ).write_parquet(path)


def read_and_sort(path: Path) -> pl.DataFrame:
    """The floor: read the rows and sort them by customer and time."""
    return pl.read_parquet(path).sort("customer_id", "issue_date")


def stream_room(path: Path) -> Iterator[pl.DataFrame]:
    """All features of the room, batch by batch."""
    from segmentation.domain.core_tables import LEDGER_TABLES
    from segmentation.features.computation import stream_issue_features

    ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
    ledger["core_instalment_balance"] = pl.read_parquet(path)
    stream = stream_issue_features(ledger)
    del ledger
    yield from stream


def fold_on_spark(path: Path, fold: Fold) -> Totals:
    """All features of the room on Spark with two threads, folded where they are computed."""
    import pyarrow as pa

    from segmentation.features.spark import compute_features_on_spark

    session = start_spark()
    frame = compute_features_on_spark(
        {"core_instalment_balance": session.read.parquet(str(path))}, "feat_instalment_at_issue"
    )

    def fold_partition(batches: Iterable[Any]) -> Iterator[Any]:
        totals = fold(pl.DataFrame(pa.table(batch)) for batch in batches)
        # Spark has no unsigned numbers: a checksum travels as text
        yield pa.RecordBatch.from_pydict({name: [str(total)] for name, total in totals.items()})

    schema = ", ".join(f"{name} string" for name in fold(()))
    parts = pl.DataFrame(frame.mapInArrow(fold_partition, schema).toArrow())
    return {name: sum(map(int, parts[name])) % MODULUS for name in parts.columns}


def start_spark() -> Any:
    """Start Spark on this machine, or return the one that runs."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["PYTHONPATH"] = str(ROOT / "src")
    return (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "6g")
        .config("spark.driver.maxResultSize", "4g")
        .config("spark.sql.shuffle.partitions", "16")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def fold_peer(engine: str) -> Contender:
    """Return the contender that looks back by as-of joins of an engine."""

    def compute(path: Path, fold: Fold) -> Totals:
        from tests.benchmarks.as_of_peers import ENGINES, compute_features

        return fold([compute_features(ENGINES[engine], path)])

    return compute


CONTENDERS: dict[str, Contender] = {
    "read and sort (floor)": lambda path, fold: fold([read_and_sort(path)]),
    "features room": lambda path, fold: fold(stream_room(path)),
    "features room on Spark": fold_on_spark,
    "Polars as-of joins": fold_peer("polars"),
    "pandas merge_asof": fold_peer("pandas"),
    "DuckDB ASOF joins": fold_peer("duckdb"),
}
FLOOR, ROOM, SPARK = list(CONTENDERS)[:3]
SMALL = "features room, cold"
"""The room in a fresh process on 2,500 invoices."""

SMALL_ONLY = ("DuckDB ASOF joins",)
"""Takes more than nine gigabytes at ten million."""


def run_worker(name: str, path: Path, warm_path: Path) -> None:
    """Run one contender once and print what it took and found."""
    if name == SMALL:
        import segmentation.features.computation  # noqa: F401  what every user of the room has imported

        print(json.dumps(measure_once(lambda: count_rows(stream_room(path)))))
        return
    contender = CONTENDERS[name]
    contender(warm_path, sum_rows)
    measured = measure_once(lambda: contender(path, count_rows))
    print(json.dumps(measured if name == FLOOR else measured | contender(path, sum_rows)))


def check_oracle(invoices: int) -> int:
    """Compare every feature of random invoices with the slow oracle; return how many were compared."""
    from segmentation.features.computation import compute_issue_features
    from segmentation.features.definitions import features_about
    from segmentation.features.feature import Scope
    from tests.features.ledgers import random_ledger
    from tests.features.oracle import Oracle

    ledger = random_ledger(SEED, invoices, customers=max(invoices // 12, 1))
    oracle = Oracle(ledger)
    frame = compute_issue_features(ledger)
    names = [feature.name for feature in features_about(Scope.CUSTOMER, Scope.INSTALMENT)]
    for row in frame.iter_rows(named=True):
        expected = oracle.instalment(row["invoice_id"], row["instalment_number"], row["as_of_date"])
        for name in names:
            found, wanted = row[name], expected[name]
            if (found is None) != (wanted is None) or not (
                found is None or math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
            ):
                raise AssertionError(f"{name} of {row['invoice_id']} is {found}, the oracle says {wanted}")
    return frame.height


def time_small(path: Path, rounds: int) -> dict[str, float]:
    """Return the median seconds in which the room answers in a fresh process, and those of the whole process.

    The room's own include the import of numba and the loading of what it compiled. Python keeps its bytecode, as it
    does wherever it is not told otherwise.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, __file__, "--worker", SMALL, path, path]
    answers, processes = [], []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=kept)
        processes.append(time.perf_counter() - start)
        answers.append(json.loads(done.stdout)["seconds"])
    return {
        "answer": statistics.median(answers[1:]),
        "process": statistics.median(processes[1:]),
    }


def measure(sizes: list[int], rounds: int, oracle_invoices: int, without: list[str]) -> dict[str, Any]:
    """Return seconds (median), peak memory and ratios by size and contender."""
    from segmentation.features.definitions import features_about
    from segmentation.features.feature import Scope
    from segmentation.features.tallies import TALLIES

    features = features_about(Scope.CUSTOMER, Scope.INSTALMENT)
    tallied = {name for tally in TALLIES for name in tally.columns}
    results: dict[str, Any] = {
        "features": len(features),
        "not_recorded": sum(not tallied.isdisjoint(f.formula.meta.root_names()) for f in features),
        "cpu_count": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "oracle_instalments": check_oracle(oracle_invoices) if oracle_invoices else 0,
        "sizes": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        warm = Path(folder) / "warm.parquet"
        write_ledger(warm, 2_500)
        count_rows(stream_room(warm))  # the first run compiles, and numba keeps what it compiled
        results["small_seconds"] = time_small(warm, rounds)
        for size in sizes:
            path = Path(folder) / f"{size}.parquet"
            write_ledger(path, size)
            left_out = {*without, *(SMALL_ONLY if size >= LARGE else ())}
            names = [name for name in CONTENDERS if name not in left_out]
            runs = run_in_turn(__file__, names, 1 if size >= LARGE else rounds, path, warm)
            found = {name: {run["checksum"] for run in runs[name]} for name in names if name != FLOOR}
            if len(set.union(*found.values())) != 1:
                raise AssertionError(f"at {size:,} invoices they disagree: {found}")
            results["sizes"][str(size)] = compare(runs, FLOOR, ROOM) | {"rounds": len(runs[FLOOR])}
            path.unlink()
    if len(sizes) > 1:
        first, last = str(sizes[0]), str(sizes[-1])
        growth = [results["sizes"][s]["contenders"][ROOM]["cpu_seconds"] for s in (first, last)]
        results["exponent"] = math.log(growth[1] / growth[0]) / math.log(sizes[-1] / sizes[0])
    results["load_after"] = os.getloadavg()[0]
    return results


def render_markdown(results: dict[str, Any]) -> str:
    """Return the section of docs/benchmarks.md about features."""
    lines = [
        "## Features at the moment of issue",
        "",
        (
            f"Parquet to memory, the same {results['features']} features by the room and by the peers (of these"
            f" {results['not_recorded']} are null in this ledger, which has no contacts, disputes, promises, plans or"
            " payments beside its balances; the peers are written for just such a ledger, the room also tells parts,"
            " reversals, write-offs and several currencies); medians of interleaved runs, each in its own process, on"
            f" {results['cpu_count']} cores (load average {results['load_before']:.1f} before,"
            f" {results['load_after']:.1f} after). Ratios are of seconds, of processor seconds in brackets;"
            " Spark's processor seconds and memory are spent in other processes and not counted."
            " All contenders of a size found the same features, bit for bit. Text codes, running totals and the latest"
            " settlements of the peers are made by Polars and NumPy, whatever engine joins them."
        ),
    ]
    for size, result in results["sizes"].items():
        lines += [
            "",
            f"### {int(size):,} invoices",
            "",
            f"{result['rounds']} rounds; slowest over fastest run of the floor, the machine's noise: {result['noise']:.2f}.",
            "",
            "| contender | seconds | processor seconds | times the floor | times the room | peak memory, GB |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {name} | {r['seconds']:.2f} | {r['cpu_seconds']:.2f} | {r['times_floor']:.1f} ({r['cpu_times_floor']:.1f}) | {r['times_room']:.1f} ({r['cpu_times_room']:.1f}) | {r['peak_gb']:.2f} |"
            for name, r in result["contenders"].items()
        ]
    lines += [
        "",
        (
            f"On a ledger of 2,500 invoices the room answers in {results['small_seconds']['answer']:.2f} s in a fresh"
            " process that has imported it, the import of numba and the loading of compiled code included; from the"
            f" start of the process to its end it is {results['small_seconds']['process']:.2f} s."
        ),
    ]
    if results["oracle_instalments"]:
        lines.append(
            f"Before that, every feature of {results['oracle_instalments']:,} random instalments equalled what a"
            " slow, obvious computation finds (ties, events on the same day, reversals, late corrections)."
        )
    if results["load_before"] > results["cpu_count"]:
        lines.append(
            "This run was made on a machine busy with other work: processor seconds say more than seconds."
        )
    if "exponent" in results:
        lines.append(
            "The room's processor seconds grow with the number of invoices to the power"
            f" {results['exponent']:.2f}."
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmark and print its section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--oracle", type=int, default=20_000, help="random invoices to check; 0 for none")
    parser.add_argument("--without", nargs="+", choices=list(CONTENDERS)[2:], default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", nargs=3, metavar=("NAME", "FILE", "WARM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, path, warm = arguments.worker
        run_worker(name, Path(path), Path(warm))
        return
    results = measure(arguments.sizes, arguments.rounds, arguments.oracle, arguments.without)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    sys.stdout.write(render_markdown(results))


if __name__ == "__main__":
    main()
