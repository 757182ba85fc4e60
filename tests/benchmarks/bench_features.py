"""Times the features room against reading and sorting, and against other ways of looking back in time.

Run: ``python tests/benchmarks/bench_features.py [--sizes 100000 1000000] [--rounds 3] [--json FILE]``.
Compiling and importing are not timed, nor is the start of Spark. The peers compute 18 features (counts,
late counts and delays with 90- and 365-day windows, the open and the overdue book); the room computes all
of its features, on one machine and on Spark. What all have in common is folded into one checksum of whole
rows, within the time that is measured: all must find the same, bit for bit.
"""

import argparse
import json
import math
import os
import sys
import tempfile
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
DAY_BITS = 20
MEASURES = {
    "paid": ("paid", "late", "delay"),
    "issued": ("issued",),
    "open": ("owed", "owed_amount"),
    "covered": ("gone", "gone_amount"),
    "due": ("fallen", "fallen_amount"),
    "due_covered": ("fallen_gone", "fallen_gone_amount"),
}
LOOKS = {
    "paid": (0, 90, 365),
    "issued": (0, 90, 365),
    "open": (0,),
    "covered": (0,),
    "due": (0,),
    "due_covered": (0,),
}
SHARED = {
    "issued": "issued_count",
    "issued_90": "issued_90_count",
    "issued_365": "issued_365_count",
    "open": "open_count",
    "overdue": "overdue_count",
    "mean_delay": "mean_delay_days",
    "late_rate": "late_share",
}
"""Features that peers and room have in common, by the names of each."""

PEER_FEATURES = (
    *(f"{m}{w}" for m in ("paid", "late", "delay", "issued") for w in ("", "_90", "_365")),
    *("open", "open_amount", "overdue", "overdue_amount", "mean_delay", "late_rate"),
)


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


def stream_spark(path: Path) -> Iterator[pl.DataFrame]:
    """All features of the room on Spark with two threads; only what is compared comes back."""
    from segmentation.features.spark import compute_features_on_spark

    session = start_spark()
    frame = compute_features_on_spark(
        {"core_instalment_balance": session.read.parquet(str(path))}, "feat_instalment_at_issue"
    )
    yield pl.DataFrame(frame.select("invoice_id", *SHARED.values()).toArrow())


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


def prepare_logs(path: Path) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Moments and running totals, keyed by customer and day in one whole number; for the peers."""
    frame = pl.read_parquet(path).with_columns(
        (pl.col("customer_id").rank("dense").cast(pl.Int64) * (1 << DAY_BITS)).alias("customer"),
        (pl.col("amount") * 1000).cast(pl.Int64),
        *(
            pl.col(name).to_physical().cast(pl.Int64)
            for name in ("issue_date", "due_date", "covered_date", "covered_known_date")
        ),
    )
    delay = pl.col("covered_date") - pl.col("due_date")
    one = pl.lit(1, pl.Int64)
    covered = frame.filter(pl.col("covered_date").is_not_null())
    became_due = pl.col("covered_known_date").is_null() | (pl.col("covered_known_date") > pl.col("due_date"))
    logs = {
        "paid": covered.select(
            "customer", day="covered_known_date", paid=one, late=(delay > 0).cast(pl.Int64), delay=delay
        ),
        "issued": frame.select("customer", day="issue_date", issued=one),
        "open": frame.select("customer", day="issue_date", owed=one, owed_amount="amount"),
        "covered": covered.select("customer", day="covered_known_date", gone=one, gone_amount="amount"),
        "due": frame.filter(became_due).select(
            "customer", day="due_date", fallen=one, fallen_amount="amount"
        ),
        "due_covered": covered.filter(became_due).select(
            "customer", day="covered_known_date", fallen_gone=one, fallen_gone_amount="amount"
        ),
    }
    totals = {
        name: log.with_columns(key=pl.col("customer") + pl.col("day"))
        .sort("key")
        .with_columns(pl.col(measure).cum_sum() for measure in MEASURES[name])
        .select("key", *MEASURES[name])
        for name, log in logs.items()
    }
    moments = frame.select("invoice_id", "customer", day="issue_date").sort("customer", "day")
    return moments, totals


def finish(looked: pl.DataFrame) -> pl.DataFrame:
    """Differences of running totals: at the moment, less at the start of the window or of the customer."""

    def at(measure: str, window: int | str) -> pl.Expr:
        return pl.col(f"{measure}@{window}").fill_null(0)

    columns = [
        (at(m, 0) - at(m, w)).alias(f"{m}{'' if w == 'start' else f'_{w}'}")
        for m in ("paid", "late", "delay", "issued")
        for w in ("start", 90, 365)
    ]
    columns += [
        (at(a, 0) - at(a, "start") - at(b, 0) + at(b, "start")).alias(name)
        for name, a, b in (
            ("open", "owed", "gone"),
            ("open_amount", "owed_amount", "gone_amount"),
            ("overdue", "fallen", "fallen_gone"),
            ("overdue_amount", "fallen_amount", "fallen_gone_amount"),
        )
    ]
    return looked.select("invoice_id", *columns).with_columns(
        mean_delay=pl.when(pl.col("paid") > 0).then(pl.col("delay") / pl.col("paid")),
        late_rate=(pl.col("late") + pl.col("overdue") + 0.6) / (pl.col("paid") + pl.col("overdue") + 2),
    )


def _windows(name: str) -> tuple[int | str, ...]:
    return (*LOOKS[name], "start")


def _key(window: int | str) -> pl.Expr:
    return pl.col("customer") + (0 if window == "start" else pl.col("day") - window)


def look_with_polars(path: Path) -> pl.DataFrame:
    """Strict as-of joins of Polars on the packed key."""
    moments, totals = prepare_logs(path)
    for name, log in totals.items():
        for window in _windows(name):
            renamed = log.rename({m: f"{m}@{window}" for m in MEASURES[name]})
            moments = (
                moments.with_columns(_key(window).alias("key"))
                .sort("key")
                .join_asof(renamed, on="key", allow_exact_matches=False, check_sortedness=False)
                .drop("key")
            )
    return finish(moments)


def look_with_pandas(path: Path) -> pl.DataFrame:
    """Strict merge_asof of pandas on the packed key."""
    import pandas as pd

    moments, totals = prepare_logs(path)
    looked = pd.DataFrame({name: moments[name].to_numpy() for name in ("customer", "day")})
    looked["row"] = np.arange(len(looked))
    frames = {n: pd.DataFrame({c: f[c].to_numpy() for c in f.columns}) for n, f in totals.items()}
    for name, log in frames.items():
        for window in _windows(name):
            shift = 0 if window == "start" else looked["day"] - window
            looked["key"] = looked["customer"] + shift
            looked = pd.merge_asof(
                looked.sort_values("key", kind="stable"),
                log.rename(columns={m: f"{m}@{window}" for m in MEASURES[name]}),
                on="key",
                allow_exact_matches=False,
            )
    looked = looked.sort_values("row")
    columns = {c: looked[c].fillna(0).to_numpy().astype(np.int64) for c in looked.columns if "@" in c}
    return finish(moments.select("invoice_id").hstack(pl.DataFrame(columns)))


def look_with_duckdb(path: Path) -> pl.DataFrame:
    """ASOF joins of DuckDB on the packed key."""
    import duckdb

    moments, totals = prepare_logs(path)
    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    connection.register("moments", moments.to_arrow())
    columns, joins = [], []
    for name, log in totals.items():
        # of rows that share a key DuckDB takes any one, and only the last has the whole total
        connection.register(f"log_{name}", log.unique("key", keep="last").to_arrow())
        for window in _windows(name):
            alias = f"{name}_{window}"
            shift = "0" if window == "start" else f"m.day - {window}"
            joins.append(f"ASOF LEFT JOIN log_{name} AS {alias} ON m.customer + {shift} > {alias}.key")
            columns += [f'{alias}.{m} AS "{m}@{window}"' for m in MEASURES[name]]
    query = f"SELECT m.invoice_id, {', '.join(columns)} FROM moments AS m {' '.join(joins)}"
    return finish(connection.sql(query).pl())


def one_frame(compute: Callable[[Path], pl.DataFrame]) -> Callable[[Path], Iterator[pl.DataFrame]]:
    """Return a contender that yields its only frame."""

    def stream(path: Path) -> Iterator[pl.DataFrame]:
        yield compute(path)

    return stream


CONTENDERS: dict[str, Callable[[Path], Iterator[pl.DataFrame]]] = {
    "read and sort (floor)": one_frame(read_and_sort),
    "features room": stream_room,
    "features room on Spark": stream_spark,
    "Polars as-of joins": one_frame(look_with_polars),
    "pandas merge_asof": one_frame(look_with_pandas),
    "DuckDB ASOF joins": one_frame(look_with_duckdb),
}
FLOOR, ROOM, SPARK = list(CONTENDERS)[:3]
SMALL = "features room, cold"
"""The room in a fresh process on 2,500 invoices, with its imports and the loading of compiled code."""

SMALL_ONLY = ("DuckDB ASOF joins",)
"""Takes more than nine gigabytes at ten million."""


def sum_rows(frames: Iterable[pl.DataFrame]) -> dict[str, int]:
    """Return how many rows there are and the sum of their hashes, whatever their order."""
    rows, checksum = 0, 0
    for frame in frames:
        shared = frame.rename({old: new for old, new in SHARED.items() if old in frame.columns})
        if "late_share" in shared.columns:
            plain = shared.select(
                "invoice_id",
                *(
                    pl.col(name).cast(pl.Float64 if name in {"mean_delay_days", "late_share"} else pl.Int64)
                    for name in SHARED.values()
                ),
            )
            checksum = (checksum + int(plain.hash_rows(seed=1).sum())) % (1 << 64)
        rows += frame.height
    return {"rows": rows, "checksum": checksum}


def run_worker(name: str, path: Path, warm_path: Path) -> None:
    """Run one contender once and print what it took and found."""
    if name == SMALL:
        print(json.dumps(measure_once(lambda: sum_rows(stream_room(path)))))
        return
    sum_rows(CONTENDERS[name](warm_path))
    print(json.dumps(measure_once(lambda: sum_rows(CONTENDERS[name](path)))))


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


def measure(sizes: list[int], rounds: int, oracle_invoices: int) -> dict[str, Any]:
    """Return seconds (median), peak memory and ratios by size and contender."""
    from segmentation.features.definitions import features_about
    from segmentation.features.feature import Scope

    results: dict[str, Any] = {
        "features": len(features_about(Scope.CUSTOMER, Scope.INSTALMENT)),
        "peer_features": len(PEER_FEATURES),
        "cpu_count": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "oracle_instalments": check_oracle(oracle_invoices) if oracle_invoices else 0,
        "sizes": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        warm = Path(folder) / "warm.parquet"
        write_ledger(warm, 2_500)
        sum_rows(stream_room(warm))  # the first run compiles, and numba keeps what it compiled
        results["small_seconds"] = run_in_turn(__file__, [SMALL], rounds, warm, warm)[SMALL][-1]["seconds"]
        for size in sizes:
            path = Path(folder) / f"{size}.parquet"
            write_ledger(path, size)
            names = [name for name in CONTENDERS if size < LARGE or name not in SMALL_ONLY]
            runs = run_in_turn(__file__, names, 1 if size >= LARGE else rounds, path, warm)
            found = {name: {run["checksum"] for run in runs[name]} for name in names if name != FLOOR}
            if len(set.union(*found.values())) != 1:
                raise AssertionError(f"at {size:,} invoices they disagree: {found}")
            results["sizes"][str(size)] = compare(runs, FLOOR, ROOM) | {"rounds": len(runs[FLOOR])}
            path.unlink()
    if len(sizes) > 1:
        first, last = str(sizes[0]), str(sizes[-1])
        growth = [results["sizes"][s]["contenders"][ROOM]["seconds"] for s in (first, last)]
        results["exponent"] = math.log(growth[1] / growth[0]) / math.log(sizes[-1] / sizes[0])
    results["load_after"] = os.getloadavg()[0]
    return results


def render_markdown(results: dict[str, Any]) -> str:
    """Return the section of docs/benchmarks.md about features."""
    lines = [
        "## Features at the moment of issue",
        "",
        (
            f"Parquet to memory, {results['features']} features by the room, {results['peer_features']} by the"
            f" peers; medians of interleaved runs, each in its own process, on"
            f" {results['cpu_count']} cores (load average {results['load_before']:.1f} before,"
            f" {results['load_after']:.1f} after). Ratios are of seconds, of processor seconds in brackets;"
            " Spark's processor seconds and memory are spent in other processes and not counted."
            " What they have in common was the same in all of them, bit for bit."
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
        f"A ledger of 2,500 invoices takes {results['small_seconds']:.2f} s in a fresh process, imports and the loading of compiled code included.",
    ]
    if results["oracle_instalments"]:
        lines.append(
            f"Before that, every feature of {results['oracle_instalments']:,} random instalments equalled what a"
            " slow, obvious computation finds (ties, events on the same day, reversals, late corrections)."
        )
    if "exponent" in results:
        lines.append(
            f"The room's time grows with the number of invoices to the power {results['exponent']:.2f}."
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmark and print its section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--oracle", type=int, default=20_000, help="random invoices to check; 0 for none")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", nargs=3, metavar=("NAME", "FILE", "WARM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, path, warm = arguments.worker
        run_worker(name, Path(path), Path(warm))
        return
    results = measure(arguments.sizes, arguments.rounds, arguments.oracle)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    sys.stdout.write(render_markdown(results))


if __name__ == "__main__":
    main()
