"""Segments a million customers with forty million instalments, beside one group-by over the same table.

Run: ``python tests/benchmarks/bench_segments.py [--customers 1000000] [--rounds 3] [--json FILE]``. The group-by is what a
plain past late rate costs: instalments, late ones and mean days beyond terms by customer. Instalments are drawn, a
fortnight or so apart, of customers of whom some change; nobody is contacted, so that causes cost what they cost
without contact history. Each contender reads the same Parquet file in a process of its own; reading is not
counted.
"""

import argparse
import json
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.benchmarks.rounds import compare, measure_once, run_in_turn  # noqa: E402

CUSTOMERS, INSTALMENTS_EACH, ROUNDS = 1_000_000, 40, 3
TARGET_RATIO = 5
AS_OF = date(2026, 1, 1)
FLOOR, ROOM = "group_by", "room"
_BLOCK = 100_000
COLUMNS = [
    *("invoice_id", "customer_id", "currency", "issue_date", "issued_known_date", "due_date", "covered_date"),
    *(
        "covered_known_date",
        "covered_by",
        "amount",
        "days_late",
        "is_open",
        "payment_count",
        "is_supplier_caused",
    ),
]
"""Columns of the table that segments read; the others would only fill memory."""


def write_book(customers: int, file: Path) -> None:
    """Write ``core_instalment_balance`` of so many customers, forty instalments each, in order of nothing."""
    from segmentation.domain.core_tables import INSTALMENT_BALANCE

    rng = np.random.default_rng(1)
    parts = []
    for first in range(0, customers, _BLOCK):
        count = min(_BLOCK, customers - first)
        who = np.repeat(np.arange(first, first + count), INSTALMENTS_EACH)
        rows = len(who)
        age = np.tile(np.arange(INSTALMENTS_EACH) * 15 + 5, count) + rng.integers(0, 10, rows)
        before, after = rng.beta(0.6, 1.2, (2, count))
        turned = np.where(rng.random(count) < 0.1, rng.integers(0, 600, count), 0)
        share = np.where(
            age < np.repeat(turned, INSTALMENTS_EACH),
            *(np.repeat(x, INSTALMENTS_EACH) for x in (after, before)),
        )
        is_late = rng.random(rows) < share
        days = np.where(is_late, 1 + rng.geometric(0.08, rows), -rng.integers(0, 8, rows))
        is_open = is_late & (days > age)
        days = np.where(is_open, age, days)
        due = np.datetime64(AS_OF, "D") - age
        frame = pl.DataFrame(
            {"customer": who, "due_date": due, "days_late": days, "is_open": is_open, "age": age}
        )
        parts.append(_as_balance(frame, first * INSTALMENTS_EACH, rng, INSTALMENT_BALANCE))
        if len(parts) == 1:
            INSTALMENT_BALANCE.conform(parts[0].head(10))
    pl.concat(parts).write_parquet(file)


def _as_balance(frame: pl.DataFrame, offset: int, rng: np.random.Generator, table: Any) -> pl.DataFrame:
    known = (pl.col("due_date") + pl.duration(days="days_late")).alias("covered_date")
    paid = pl.when(~pl.col("is_open"))
    money = pl.Series("amount", rng.integers(1_000, 900_000, frame.height)).cast(pl.Int64)
    made = frame.with_columns(
        pl.format("C{}", pl.col("customer")).alias("customer_id"),
        pl.format("I{}", pl.int_range(offset, offset + frame.height)).alias("invoice_id"),
        pl.lit(1).alias("instalment_number"),
        pl.lit("invoice").alias("document_type"),
        pl.lit("EUR").alias("currency"),
        (pl.col("due_date") - pl.duration(days=30)).alias("issue_date"),
        (pl.col("due_date") - pl.duration(days=30)).alias("issued_known_date"),
        (money / 100).alias("amount"),
        paid.then(known).alias("covered_date"),
        paid.then(known).alias("covered_known_date"),
        paid.then(known).alias("first_payment_date"),
        paid.then(pl.lit("payment")).alias("covered_by"),
        paid.then(1).otherwise(0).alias("payment_count"),
        pl.lit(value=False).alias("is_supplier_caused"),
    )
    paid_amount = paid.then("amount").otherwise(0).alias("paid_amount")
    open_amount = paid.then(0).otherwise("amount").alias("open_amount")
    nothing = (pl.lit(0).alias(name) for name in ("credited_amount", "written_off_amount"))
    return table.conform(made.with_columns(paid_amount, open_amount, *nothing))


def run_group_by(balance: pl.DataFrame) -> dict[str, Any]:
    """Count instalments and late ones by customer, with the mean of the days beyond terms."""
    late = (pl.col("days_late") > 0).sum().alias("late")
    found = balance.group_by("customer_id").agg(pl.len(), late, pl.col("days_late").mean().alias("mean_days"))
    return {"customers": found.height, "late": int(found["late"].sum())}


def run_room(balance: pl.DataFrame) -> dict[str, Any]:
    """Segment the book with the room: both models, their comparison, causes and evidence."""
    from segmentation.domain.core_tables import LEDGER_TABLES
    from segmentation.segments.segmentation import segment_book

    ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
    book = segment_book(ledger | {"core_instalment_balance": balance}, AS_OF)
    customers = book.customers
    counts = dict(customers.group_by("segment").len().sort("segment").iter_rows())
    return {"customers": customers.height, "late": int(customers["late_count"].sum()), "segments": counts}


def run_worker(name: str, file: Path) -> dict[str, Any]:
    """Return what one contender measured."""
    balance = pl.read_parquet(file, columns=COLUMNS)
    if name == ROOM:
        run_room(balance.head(4_000))  # libraries are loaded before the clock starts
        return measure_once(lambda: run_room(balance))
    run_group_by(balance.head(4_000))
    return measure_once(lambda: run_group_by(balance))


def measure(customers: int, rounds: int) -> dict[str, Any]:
    """Return medians of both, after checking that they counted the same."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "balance.parquet"
        write_book(customers, file)
        runs = run_in_turn(__file__, (FLOOR, ROOM), rounds, file)
    counted = {(record["customers"], record["late"]) for records in runs.values() for record in records}
    if len(counted) != 1:
        raise RuntimeError(f"the room and the group-by disagree: {counted}")
    return compare(runs, FLOOR, ROOM) | {
        "customers": customers,
        "instalments": customers * INSTALMENTS_EACH,
        "segments": runs[ROOM][0]["segments"],
    }


def render_markdown(results: dict[str, Any]) -> str:
    """Return the section of docs/benchmarks.md about segments."""
    rows = "".join(
        f"| {name.replace('_', '-')} | {r['seconds']:.1f} | {r['cpu_seconds']:.1f} | {r['times_floor']:.1f} | "
        f"{r['cpu_times_floor']:.1f} | {r['peak_gb']:.1f} |\n"
        for name, r in results["contenders"].items()
    )
    return (
        "## Segmenting customers\n\n"
        f"{results['customers']:,} customers with {results['instalments']:,} instalments (load average "
        f"{results['load']:.1f}; the slowest group-by took {results['noise']:.2f} times the fastest). The room fits and "
        "compares two models, assigns segments, weighs causes and writes evidence; the group-by counts instalments and "
        "late ones by customer, with the mean of the days beyond terms. Both counted the same. The table is in memory "
        "before the clock starts, and in the peak. The goal is five times the group-by.\n\n"
        "| contender | seconds | processor seconds | times group-by | times group-by, processor | peak GB |\n"
        "|---|---:|---:|---:|---:|---:|\n" + rows
    )


def main() -> None:
    """Run the benchmark and print its section; fail above the target ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", nargs=2)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path)
    arguments, _ = parser.parse_known_args()
    if arguments.worker:
        print(json.dumps(run_worker(arguments.worker[0], Path(arguments.worker[1]))))
        return
    results = measure(arguments.customers, arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps(results), encoding="utf-8")
    sys.stdout.write(render_markdown(results))
    if results["contenders"][ROOM]["times_floor"] > TARGET_RATIO:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
