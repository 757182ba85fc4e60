"""Times loading a ledger, from files to reconciled balances, against DuckDB's typed reader and pandas.

Run: ``python tests/benchmarks/bench_load.py [--sizes 1000000 10000000] [--rounds 3] [--json FILE]``.
A size is a number of invoices; each comes with 1.2 payments and allocations per invoice, and one row in a
thousand is broken (unreadable amounts and days, a currency that is none). Every contender runs in a
process of its own, in turn; compiling and importing are not timed. The floor reads the same CSV files
into typed columns with rejected rows kept and does nothing else. pandas does what the room does
(``pandas_ledger``): every value read as text, typed by rule, bad rows in quarantine with line, rule and
value, rows that contradict each other, the latest version, references, balances, days late, money on
account and the statements that must hold between them. That room and pandas agree to the cent, on the
quarantine and on what was checked is made sure before anything is timed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.benchmarks.rounds import compare, measure_once, run_in_turn  # noqa: E402  the path comes first

SIZES = (1_000_000, 10_000_000)
ROUNDS = 2
SEED = 20_260_101
DAYS = 1_500
AS_OF = date(2023, 2, 10)
"""Day after the last of ``DAYS`` days from 1 January 2019."""

_BASE = date(2019, 1, 1)
CHECKED = (
    "rows_in_equal_loaded_plus_quarantined",
    "core_allocations_are_in_the_currency_of_the_payment",
    "core_allocations_do_not_exceed_payments",
    "core_allocations_refer_to_known_payments",
    "core_balances_equal_documents_less_allocations",
    "core_instalments_are_not_over_covered",
    "core_payments_have_a_customer",
)
"""What pandas checks too; on files like these the room looks at a dozen statements more, mostly in vain."""

_COLUMNS = {
    "customer": {
        "customer_id": "VARCHAR",
        "party_type": "VARCHAR",
        "country": "VARCHAR",
        "observed_at": "DATE",
    },
    "invoice": {
        "invoice_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "document_type": "VARCHAR",
        "issue_date": "DATE",
        "due_date": "DATE",
        "amount": "DECIMAL(18,3)",
        "currency": "VARCHAR",
        "observed_at": "DATE",
    },
    "payment": {
        "payment_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "value_date": "DATE",
        "amount": "DECIMAL(18,3)",
        "currency": "VARCHAR",
        "observed_at": "DATE",
    },
    "allocation": {
        "allocation_id": "VARCHAR",
        "payment_id": "VARCHAR",
        "invoice_id": "VARCHAR",
        "amount": "DECIMAL(18,3)",
        "allocated_at": "DATE",
        "observed_at": "DATE",
    },
}


def write_ledger(folder: Path, invoices: int) -> None:
    """Write a ledger twice, as CSV and as Parquet files, each with one broken row in a thousand."""
    rng = np.random.default_rng(SEED)
    customers = max(invoices // 50, 1)
    customer = rng.integers(0, customers, invoices)
    day = np.sort(rng.integers(0, DAYS, invoices))
    terms = rng.choice([14, 30, 60], invoices)
    cents = rng.integers(1_000, 5_000_000, invoices)
    payments = int(invoices * 1.2)
    paid = np.sort(np.concatenate([np.arange(invoices), rng.integers(0, invoices, payments - invoices)]))
    is_second = np.append(False, paid[1:] == paid[:-1])
    is_first = np.append(is_second[1:], False)
    parts = np.where(is_second, cents[paid] // 3, cents[paid] - np.where(is_first, cents[paid] // 3, 0))
    paid_day = day[paid] + terms[paid] + rng.integers(-5, 40, payments)
    is_past = paid_day < DAYS
    paid, parts, paid_day = paid[is_past], parts[is_past], paid_day[is_past]
    number = np.arange(len(paid))
    texts = {
        "customer": {
            "customer_id": _name("C", np.arange(customers)),
            "party_type": pl.lit("legal_person"),
            "country": pl.lit("BE"),
            "observed_at": _day(np.zeros(customers, dtype=np.int64)),
        },
        "invoice": {
            "invoice_id": _name("I", np.arange(invoices)),
            "customer_id": _name("C", customer),
            "document_type": pl.lit("invoice"),
            "issue_date": _day(day),
            "due_date": _day(day + terms),
            "amount": _money(cents),
            "currency": pl.lit("EUR"),
            "observed_at": _day(day),
        },
        "payment": {
            "payment_id": _name("P", number),
            "customer_id": _name("C", customer[paid]),
            "value_date": _day(paid_day),
            "amount": _money(parts),
            "currency": pl.lit("EUR"),
            "observed_at": _day(paid_day),
        },
        "allocation": {
            "allocation_id": _name("A", number),
            "payment_id": _name("P", number),
            "invoice_id": _name("I", paid),
            "amount": _money(parts),
            "allocated_at": _day(paid_day),
            "observed_at": _day(paid_day),
        },
    }
    for form in ("csv", "parquet"):
        (folder / form).mkdir(parents=True, exist_ok=True)
    for table, columns in texts.items():
        frame = pl.select(**columns)
        if table == "invoice":
            frame = _break_rows(frame, rng)
        frame.write_csv(folder / "csv" / f"{table}.csv")
        typed = [_typed(pl.col(name), kind).alias(name) for name, kind in _COLUMNS[table].items()]
        frame.with_columns(typed).write_parquet(folder / "parquet" / f"{table}.parquet")
        del frame


def _name(letter: str, numbers: np.ndarray) -> pl.Series:
    return pl.Series(numbers).cast(pl.String).str.zfill(9).str.replace("^", letter)


def _day(days: np.ndarray) -> pl.Series:
    epoch = (_BASE - date(1970, 1, 1)).days
    return pl.Series(days + epoch, dtype=pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d")


def _money(cents: np.ndarray) -> pl.Series:
    amounts = pl.Series("cents", cents)
    return pl.select(
        pl.format("{}.{}", amounts // 100, (amounts % 100).cast(pl.String).str.zfill(2))
    ).to_series()


def _typed(text: pl.Expr, kind: str) -> pl.Expr:
    if kind == "DATE":
        return text.str.to_date("%Y-%m-%d", strict=False)
    return text.cast(pl.Decimal(18, 3), strict=False) if kind.startswith("DECIMAL") else text


def _break_rows(invoices: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    damage = pl.Series("damage", rng.integers(0, 3_000, invoices.height))
    return invoices.with_columns(
        pl.when(damage == 0).then(pl.lit("12,5O")).otherwise("amount").alias("amount"),
        pl.when(damage == 1).then(pl.lit("2020-02-30")).otherwise("due_date").alias("due_date"),
        pl.when(damage == 2).then(pl.lit("Euro")).otherwise("currency").alias("currency"),
    )


def read_with_duckdb(folder: Path) -> dict[str, Any]:
    """The floor: typed columns, rejected rows kept, nothing checked."""
    import duckdb

    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    rows = 0
    for table, columns in _COLUMNS.items():
        connection.execute(
            f"CREATE TABLE {table} AS SELECT * FROM read_csv('{folder}/csv/{table}.csv', columns={columns},"
            " auto_detect=false, header=true, delim=',', store_rejects=true)"
        )
        rows += connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    return {"rows": rows}


def parse_with_room(folder: Path) -> dict[str, Any]:
    """Dialect, conversion rules, provenance and quarantine, a block at a time, without reconciliation.

    Rows that contradict each other, which are known when all have been read, are looked for in the whole load.
    """
    from segmentation.domain.settings import LedgerSettings
    from segmentation.ledger.conversion import convert_each
    from segmentation.ledger.mapping_files import load_mapping
    from segmentation.ledger.sources import read_blocks

    mapping = load_mapping("canonical")
    blocks = convert_each(read_blocks(folder / "csv", mapping), mapping, LedgerSettings())
    return {"rows": sum(frame.height for block in blocks for frame in block.values())}


def load_with_room(folder: Path, form: str = "csv") -> dict[str, Any]:
    """The whole load, as a user's delivery is loaded."""
    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping import Format, SourceMapping
    from segmentation.ledger.mapping_files import load_mapping

    mapping: SourceMapping = load_mapping("canonical")
    if form == "parquet":
        files = tuple(
            kind.model_copy(
                update={"filename": kind.filename.replace(".csv", ".parquet"), "format": Format.PARQUET}
            )
            for kind in mapping.files
        )
        mapping = mapping.model_copy(update={"files": files})
    loaded = load_ledger(folder / form, mapping, AS_OF)
    balances = loaded.read_columns("core_instalment_balance", ["open_amount", "is_open", "days_late"])
    cash = loaded.read_columns("core_unallocated_cash", ["unmatched_cash_amount"])
    refused = loaded.read_columns("core_quarantine", ["table_name", "rule"])
    checks = loaded.ledger["core_quality"].filter(pl.col("check_name").is_in(CHECKED)).rows()
    return {
        "rows": sum(loaded.read_columns(f"core_{table}", [f"{table}_id"]).height for table in _COLUMNS),
        "quarantined": refused.group_by(pl.all()).len().sort(pl.all()).get_column("len").to_list(),
        "open": str(balances["open_amount"].sum()),
        "open_count": int(balances["is_open"].sum()),
        "days_late": int(balances["days_late"].sum()),
        "on_account": str(cash["unmatched_cash_amount"].sum()),
        "checks": sorted([name, *counts, verdict != "pass"] for name, _, *counts, verdict, _ in checks),
    }


def load_with_pandas(folder: Path) -> dict[str, Any]:
    """The same checks and the same figures, careful and vectorised."""
    from tests.benchmarks import pandas_ledger

    return pandas_ledger.load_with_pandas(folder, _COLUMNS, AS_OF)


CONTENDERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "DuckDB typed read_csv (floor)": read_with_duckdb,
    "room: parse and quarantine, CSV": parse_with_room,
    "room: whole load, CSV": load_with_room,
    "room: whole load, Parquet": lambda folder: load_with_room(folder, "parquet"),
    "pandas: whole load, CSV": load_with_pandas,
}
FLOOR, PARSE, LOAD, _, PANDAS = CONTENDERS


def run_worker(name: str, folder: Path, warm: Path) -> None:
    """Run one contender once and print what it took and found."""
    CONTENDERS[name](warm)
    sys.stdout.write(json.dumps(measure_once(lambda: CONTENDERS[name](folder))))


def check_agreement(folder: Path) -> None:
    """Room and pandas find the same figures, or there is nothing to compare."""
    found = {name: CONTENDERS[name](folder) for name in list(CONTENDERS)[2:]}
    if len({json.dumps(figures, sort_keys=True) for figures in found.values()}) > 1:
        raise AssertionError(f"the contenders disagree: {found}")


def measure(sizes: list[int], rounds: int, skip: list[str]) -> dict[str, Any]:
    """Return seconds (median), peak memory and ratios by size and contender."""
    results: dict[str, Any] = {"rounds": rounds, "load_before": os.getloadavg()[0], "sizes": {}}
    contenders = [name for name in CONTENDERS if name not in skip]
    with tempfile.TemporaryDirectory() as root:
        warm = Path(root) / "warm"
        write_ledger(warm, 3_000)
        check_agreement(warm)
        for size in sizes:
            folder = Path(root) / str(size)
            subprocess.run([sys.executable, __file__, "--write", str(folder), str(size)], check=True)
            runs = run_in_turn(__file__, contenders, rounds, folder, warm)
            megabytes = sum(path.stat().st_size for path in (folder / "csv").iterdir()) / 1e6
            results["sizes"][str(size)] = compare(runs, FLOOR, LOAD) | {
                "megabytes": megabytes,
                "rows": runs[FLOOR][0]["rows"],
            }
    results["load_after"] = os.getloadavg()[0]
    return results


def render_markdown(results: dict[str, Any]) -> str:
    """Return the section of docs/benchmarks.md about loading."""
    lines = [
        "## Loading a ledger",
        "",
        (
            f"Files to reconciled balances; medians of {results['rounds']} interleaved runs, each in its own process"
            f" (load average {results['load_before']:.1f} before, {results['load_after']:.1f} after). One invoice in a"
            " thousand is broken and quarantined. Room and pandas were checked to agree to the cent first."
        ),
    ]
    for size, result in results["sizes"].items():
        lines += [
            "",
            f"### {int(size):,} invoices, {result['rows']:,} rows, {result['megabytes']:,.0f} MB of CSV",
            "",
            f"Slowest over fastest run of the floor, the machine's noise: {result['noise']:.2f}.",
            "",
            "| contender | seconds | processor seconds | rows a second | times the floor (processor) | times the whole load from CSV (processor) | peak memory, GB |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {name} | {r['seconds']:.1f} | {r['cpu_seconds']:.1f} | {result['rows'] / r['seconds']:,.0f} |"
            f" {r['times_floor']:.1f} ({r['cpu_times_floor']:.1f}) | {r['times_room']:.1f} ({r['cpu_times_room']:.1f}) |"
            f" {r['peak_gb']:.2f} |"
            for name, r in result["contenders"].items()
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmark and print its section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--skip", nargs="*", default=[], help="contenders to leave out, by name")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", nargs=2, metavar=("FOLDER", "INVOICES"), help=argparse.SUPPRESS)
    parser.add_argument("--worker", nargs=3, metavar=("NAME", "FOLDER", "WARM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_ledger(Path(arguments.write[0]), int(arguments.write[1]))
        return
    if arguments.worker:
        name, folder, warm = arguments.worker
        run_worker(name, Path(folder), Path(warm))
        return
    results = measure(arguments.sizes, arguments.rounds, arguments.skip)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    sys.stdout.write(render_markdown(results))


if __name__ == "__main__":
    main()
