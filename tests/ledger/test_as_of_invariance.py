"""Taking everything learned on or after the as-of day out of the source changes nothing."""

import random
import tempfile
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.hashing import hash_frame
from segmentation.domain.settings import LedgerSettings
from segmentation.domain.validation import find_violations
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from tests.ledger import ledger_files as files

pytestmark = pytest.mark.slow

CANONICAL, FLAT = load_mapping("canonical"), load_mapping("b2b_ledger")
LENIENT = LedgerSettings(max_quarantined_share=1)
SEEDS = st.integers(0, 2**32)
AS_OF = st.integers(1, files.DAYS).map(lambda day: files.FIRST_DAY + timedelta(days=day))


def hashes(loaded):
    """Hash of every table; places in the file move when lines above them go."""
    return {
        name: hash_frame(loaded.ledger[name], ignore=["source_id", "source_line"]) for name in LEDGER_TABLES
    }


def assert_accounted(loaded):
    """No row is lost, and balances add up, however bad the source."""
    failed = loaded.ledger["core_quality"].filter(pl.col("verdict") == "fail")
    assert not set(failed["check_name"]) & {
        "rows_in_equal_loaded_plus_quarantined",
        "core_balances_equal_documents_less_allocations",
    }


def assert_same(before, after):
    for name in LEDGER_TABLES:
        ignored = [c for c in ("source_id", "source_line") if c in before.ledger[name].columns]
        left, right = before.ledger[name].drop(ignored), after.ledger[name].drop(ignored)
        left, right = left.sort(left.columns), right.sort(right.columns)
        assert left.equals(right), f"{name}\n{left}\n{right}"
    assert hashes(before) == hashes(after)


@settings(max_examples=6, deadline=None)
@given(SEEDS, AS_OF)
def test_canonical_ledger_does_not_know_the_future(seed, as_of):
    tables = files.random_canonical(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = files.write_canonical(tables, Path(folder) / "whole")
        past = files.write_canonical(files.without_future(tables, as_of), Path(folder) / "past")
        before = load_ledger(whole, CANONICAL, as_of, LENIENT)
        after = load_ledger(past, CANONICAL, as_of, LENIENT)
    assert_same(before, after)
    for name, table in LEDGER_TABLES.items():
        frame = before.ledger[name]
        assert not frame.select(table.key).is_duplicated().any(), name
    assert_accounted(before)


@settings(max_examples=5, deadline=None)
@given(SEEDS, AS_OF)
def test_outcomes_without_their_day_are_not_known_on_any_day(seed, as_of):
    tables = files.random_canonical(seed)
    outcomes = {"dispute": ("outcome", "closed_at"), "promise_to_pay": ("status", "resolved_at")}
    outcomes["payment_plan"] = ("status", "ended_at")
    for name, (_, day) in outcomes.items():
        tables[name] = [
            row | {day: "" if number % 2 else row[day]} for number, row in enumerate(tables[name])
        ]
    blanked = tables | {
        name: [
            row | ({outcome: ""} if not row[day] and row[outcome] not in {"open", "running"} else {})
            for row in tables[name]
        ]
        for name, (outcome, day) in outcomes.items()
    }
    # a word that is on no list is refused, dated or not
    is_listed = all(
        row[outcome] not in files.GARBAGE[1:]
        for name, (outcome, _) in outcomes.items()
        for row in tables[name]
    )
    assume(is_listed)
    with tempfile.TemporaryDirectory() as folder:
        whole = files.write_canonical(tables, Path(folder) / "whole")
        past = files.write_canonical(files.without_future(blanked, as_of), Path(folder) / "past")
        before = load_ledger(whole, CANONICAL, as_of, LENIENT)
        after = load_ledger(past, CANONICAL, as_of, LENIENT)
    for name in set(LEDGER_TABLES) - {"core_quality"}:  # which warns of them
        assert hashes(before)[name] == hashes(after)[name], name


@settings(max_examples=10, deadline=None)
@given(SEEDS, AS_OF)
def test_flat_ledger_does_not_know_the_future(seed, as_of):
    rows = files.random_flat(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = files.write_flat(rows, Path(folder) / "whole")
        past = files.write_flat(files.without_future_flat(rows, as_of), Path(folder) / "past")
        before = load_ledger(whole, FLAT, as_of, LENIENT)
        after = load_ledger(past, FLAT, as_of, LENIENT)
    assert_same(before, after)
    assert_accounted(before)


@settings(max_examples=2, deadline=None)
@given(SEEDS, AS_OF)
def test_every_table_keeps_its_definition(seed, as_of):
    with tempfile.TemporaryDirectory() as folder:
        path = files.write_canonical(files.random_canonical(seed), Path(folder) / "ledger")
        loaded = load_ledger(path, CANONICAL, as_of, LENIENT)
    for name, table in LEDGER_TABLES.items():
        assert not find_violations(loaded.ledger[name], table), name


@settings(max_examples=6, deadline=None)
@given(SEEDS, AS_OF)
def test_order_of_rows_and_split_over_files_do_not_matter(seed, as_of):
    rows = files.random_flat(seed)
    shuffled = random.Random(seed).sample(rows, len(rows))
    half = len(rows) // 2
    with tempfile.TemporaryDirectory() as folder:
        one = files.write_flat(rows, Path(folder) / "one")
        two = files.write_flat(shuffled[half:], Path(folder) / "two")
        if half:
            text = files.write_csv(shuffled[:half], list(rows[0]))
            (two / "another.csv").write_text(text, encoding="utf-8")
        first = load_ledger(one, FLAT, as_of, LENIENT).ledger
        second = load_ledger(two, FLAT, as_of, LENIENT).ledger
    for name in set(LEDGER_TABLES) - {"core_quality"}:  # which counts per file
        ignored = ["source_id", "source_line", "source_file"]
        assert hash_frame(first[name], ignore=ignored) == hash_frame(second[name], ignore=ignored), name
