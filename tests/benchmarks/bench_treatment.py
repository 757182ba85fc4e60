"""Times gates, candidates, scores and ranking of a whole book, and counts steps through closed gates.

Run: ``python tests/benchmarks/bench_treatment.py [--customers 100000] [--states 100000] [--json FILE]``.
The book has the random states of the property tests: daylight-saving changes, holidays, leap days,
overlapping blocks; after scoring, a payment arrives for a tenth of the customers, and every step is held to
the gates once more. Drawing the book is not timed. Only treatment is measured; the figures of risk and
segment are drawn as well.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from segmentation.domain.core_tables import DECISION, LEDGER_TABLES  # noqa: E402  the path comes first
from segmentation.domain.settings import TreatmentSettings  # noqa: E402
from segmentation.treatment import inputs  # noqa: E402
from segmentation.treatment.contact_hours import SLOT_HOURS  # noqa: E402
from segmentation.treatment.gates import close_gates  # noqa: E402
from segmentation.treatment.recheck import recheck_recommendations  # noqa: E402
from segmentation.treatment.recommendation import recommend_steps  # noqa: E402
from segmentation.treatment.scenario import list_steps, load_scenario  # noqa: E402
from tests.treatment.random_book import RandomBook  # noqa: E402

CUSTOMERS, STATES = 1_000_000, 1_000_000
CLOSING = (
    "core_dispute",
    "core_promise_to_pay",
    "core_payment_plan",
    "core_dunning_block",
    "core_unallocated_cash",
    "core_contact_permission",
    "core_quarantine",
)
"""Tables that close gates; a tenth of what random books hold is left in the book that is timed."""
PER_STATE = 20_000
INTERNAL = ["match_credit", "dispute_follow_up", "legal_review"]
DAYS = (date(2026, 3, 28), date(2026, 10, 24), date(2028, 2, 29), date(2026, 4, 3), date(2026, 12, 24))
SETTINGS = TreatmentSettings()


def draw_open_book(customers: int, folder: Path) -> None:
    """Write a book in which nine customers in ten are open to contact, through five channels, as files.

    Their contacts are two months old, so that history speaks and neither caps nor pauses hold them back.
    """
    book = RandomBook(1, customers, date(2026, 3, 2), per_customer=2.0)
    ledger = book.draw(has_addresses=False)
    names = pl.Series("customer_id", book.ids)
    points = pl.DataFrame({"customer_id": names}).join(
        pl.DataFrame({"channel": ["email", "letter", "phone", "portal", "sms"]}), how="cross"
    )
    definition = LEDGER_TABLES["core_contact_point"]
    ledger["core_contact_point"] = definition.conform(
        points.with_columns(
            pl.lit(datetime(2026, 1, 1, tzinfo=UTC)).alias("observed_at"),
            pl.lit("random").alias("source_system"),
            pl.lit("r:1").alias("source_id"),
        )
    )
    for name in CLOSING:
        frame = ledger[name]
        ledger[name] = frame.head(frame.height // 10)
    events = ledger["core_contact_event"]
    ledger["core_contact_event"] = events.with_columns(pl.col("sent_at") - timedelta(days=60))
    frames = ledger | {"risk": book.risks(ledger), "segment": book.segments(), "decision": book.decisions()}
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet")


def measure_book(folder: Path) -> dict[str, float]:
    """Seconds and memory of gates and recommendations for the book in a folder; call it in a fresh process."""
    warm = RandomBook(1, 200, date(2026, 3, 2))
    ledger = warm.draw()
    gate = close_gates(ledger, warm.decisions(), warm.as_of, SETTINGS)  # compiled code is loaded once
    recommend_steps(ledger, warm.risks(ledger), warm.segments(), gate, warm.as_of, SETTINGS)
    tables = {**inputs.LEDGER, "risk": inputs.RISK, "segment": inputs.SEGMENTS, "decision": DECISION}
    frames = {
        name: pl.read_parquet(folder / f"{name}.parquet", columns=table.column_names)
        for name, table in tables.items()
    }
    as_of = warm.as_of
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, processor = time.perf_counter(), time.process_time()
    gate = close_gates(frames, frames["decision"], as_of, SETTINGS)
    gated, gated_processor = time.perf_counter(), time.process_time()
    found = recommend_steps(frames, frames["risk"], frames["segment"], gate, as_of, SETTINGS)
    end, end_processor = time.perf_counter(), time.process_time()
    steps = list_steps(load_scenario(), SETTINGS)
    ways = pl.col("channels").list.len().clip(1) * len(SLOT_HOURS)
    return {
        "customers": frames["core_customer"].height,
        "actions_each": steps.group_by("profile").agg(ways.sum()).get_column("channels").mean(),
        "rows": found.height,
        "steps": found.filter(pl.col("action") != "wait").height,
        "open": found.filter(pl.col("blocked_by").list.len() == 0).height,
        "gates_seconds": gated - wall,
        "rank_seconds": end - gated,
        "seconds": end - wall,
        "gates_processor_seconds": gated_processor - processor,
        "processor_seconds": end_processor - processor,
        "book_mb": before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "load": os.getloadavg()[0],
    }


def count_violations(states: int) -> dict[str, int]:
    """Steps through closed gates in that many random customers' states, and after payments came in."""
    seen = violations = held = steps_count = 0
    number = 0
    while seen < states:
        as_of = DAYS[number % len(DAYS)]
        book = RandomBook(1000 + number, PER_STATE, as_of)
        ledger, decisions = book.draw(has_addresses=number % 5 != 4), book.decisions()
        gate = close_gates(ledger, decisions, as_of, SETTINGS)
        found = recommend_steps(ledger, book.risks(ledger), book.segments(), gate, as_of, SETTINGS)
        steps = found.filter(pl.col("action") != "wait")
        outside = steps.filter(~pl.col("action").is_in(INTERNAL))
        account = gate.filter(pl.col("channel").is_null() & pl.col("invoice_id").is_null())
        violations += outside.join(account, on="customer_id", how="semi").height
        violations += outside.join(gate, on=["customer_id", "channel"], how="semi").height
        held += (late := count_late_payments(ledger, decisions, steps, as_of))[0]
        violations += late[1]
        seen, number, steps_count = seen + PER_STATE, number + 1, steps_count + steps.height
    return {"states": seen, "steps": steps_count, "held_after_payment": held, "violations": violations}


def count_late_payments(
    ledger: dict[str, pl.DataFrame], decisions: pl.DataFrame, steps: pl.DataFrame, as_of: date
) -> tuple[int, int]:
    """Steps of customers who paid between scoring and approval: those held back, and those that were not."""
    payers = steps.filter(pl.col("customer_id").str.ends_with("7")).select("customer_id")
    who = pl.col("customer_id").is_in(payers["customer_id"].implode())
    balance = ledger["core_instalment_balance"].with_columns(
        pl.when(who).then(pl.lit(value=False)).otherwise("is_open").alias("is_open"),
        pl.when(who).then(pl.lit(0).cast(pl.Decimal(18, 3))).otherwise("open_amount").alias("open_amount"),
    )
    noon = datetime.combine(as_of + timedelta(days=2), datetime.min.time(), UTC) + timedelta(hours=11)
    closed = recheck_recommendations(
        steps, ledger | {"core_instalment_balance": balance}, decisions, noon, SETTINGS
    )
    paid = steps.join(payers, on="customer_id", how="semi")
    held = paid.join(closed, on="recommendation_id", how="semi").height
    return held, paid.height - held


def render_markdown(results: dict[str, dict[str, float]]) -> str:
    """Return the section for docs/benchmarks.md."""
    book = results["book"]
    told = (
        "## Treatment\n\n"
        f"{book['customers']:,.0f} customers with {book['rows']:,.0f} of them owing something and {book['open']:,.0f} held back by "
        f"nothing; {book['actions_each']:.0f} candidate actions each (step, channel, part of the day), gated, scored and ranked in "
        f"{book['seconds']:.1f} s ({book['gates_seconds']:.1f} s gates, {book['rank_seconds']:.1f} s the rest; "
        f"{book['processor_seconds']:.0f} s of processor time), {book['peak_mb']:,.0f} MB at most, of which "
        f"{book['book_mb']:,.0f} MB the book itself. Load average {book['load']:.0f}: other work on the machine makes seconds "
        "long, those of the processor too. Goal: under 60 s and 4,000 MB at a million customers.\n"
    )
    if "states" in results:
        states = results["states"]
        told += (
            f"\n{states['states']:,} random states, {states['steps']:,} steps: {states['violations']} through a closed "
            f"gate; {states['held_after_payment']:,} steps held back because a payment had come in since.\n"
        )
    return told


def in_fresh_process(call: Callable[..., Any], *arguments: object) -> Any:
    """Return what a call gives in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def main() -> None:
    """Measure and print, or write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--states", type=int, default=STATES, help="0: only the timed book")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        in_fresh_process(draw_open_book, given.customers, Path(folder))
        results = {"book": in_fresh_process(measure_book, Path(folder))}
    if given.states:
        results["states"] = count_violations(given.states)
    if given.json:
        given.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    print(render_markdown(results))


if __name__ == "__main__":
    main()
