"""The gate fails closed: nothing that is missing, broken or tampered with reads as a pass."""

import re
from datetime import date

import polars as pl
import pytest

from segmentation.domain.room_tables import AUDIT_VERDICT
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.validation import find_violations
from segmentation.fairness.findings import AUDIT_FAIRNESS
from segmentation.fairness.gate import judge_audit
from segmentation.fairness.ledger_audit import audit_bias

SETTINGS = FairnessSettings()


CODES = re.compile(r"(?<![\w.])[a-z]+_[a-z_]+(?![\w.])")
"""A raw code; a source column such as customer_audit.sex, to be supplied under that name, is none."""


@pytest.fixture(scope="module")
def passing(make_book, even_book):
    return audit_bias(*make_book(even_book), SETTINGS, date(2026, 1, 1), 7)


def _judge(found: pl.DataFrame) -> dict[str, str]:
    verdict = judge_audit(found, SETTINGS)
    assert find_violations(verdict, AUDIT_VERDICT) == []
    return verdict.row(0, named=True)


def test_the_untouched_audit_passes(passing):
    row = _judge(passing)
    assert row["verdict"] == "pass"
    assert row["statement"] == (
        "Assessed harsh step rate and structural label rate by language and region and their pairs (not assessed "
        "for want of data: age band, letter only rate, party type, sex and size band). No group was found to be treated worse."
    )


def test_an_empty_audit_blocks():
    assert _judge(AUDIT_FAIRNESS.empty())["verdict"] == "block"
    assert _judge(pl.DataFrame())["verdict"] == "block"


FAULTS = {
    "a column is gone": lambda f: f.drop("verdict"),
    "a metric is gone": lambda f: f.filter(pl.col("metric") != "harsh_step_rate"),
    "the primary family is gone": lambda f: f.filter(pl.col("family") != "primary"),
    "a verdict is unknown": lambda f: f.with_columns(verdict=pl.lit("fine")),
    "rows come twice": lambda f: pl.concat([f, f]),
    "figures are gone": lambda f: f.with_columns(gap_high=pl.lit(None, pl.Float64)),
    "figures are not numbers": lambda f: f.with_columns(gap_high=pl.lit(float("nan"))),
    "passes contradict their bounds": lambda f: f.with_columns(gap_high=pl.lit(0.2)),
    "passes contradict their counts": lambda f: f.with_columns(count=pl.lit(40, pl.Int64)),
    "a gap was called a pass": lambda f: f.with_columns(gap=pl.lit(0.04), p_value=pl.lit(0.0001)),
    "more is spent than there is": lambda f: f.with_columns(alpha=pl.lit(0.2)),
    "what is spent is gone": lambda f: f.with_columns(alpha=pl.lit(None, pl.Float64)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_audit_that_cannot_be_relied_on_blocks(passing, fault):
    row = _judge(FAULTS[fault](passing))
    assert row["verdict"] == "block"
    assert "cannot be relied on" in row["statement"]
    assert len(re.findall(r"\.(?: |$)", row["statement"])) <= 3


BOOKS = {
    "pass": lambda f: f,
    "block": lambda f: f.with_columns(
        action=pl.when(pl.col("region") == "west").then(pl.lit("legal_review")).otherwise("action"),
        segment=pl.when(pl.col("language") == "fr").then(pl.lit("structural")).otherwise("segment"),
    ),
    "inconclusive": lambda f: f.head(300),
    "inconclusive, one group too small": lambda f: f.with_columns(
        language=pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("de")).otherwise("language")
    ),
    "not_assessable, all too small": lambda f: f.head(20),
    "not_assessable, one group each": lambda f: f.filter(language="nl", region="west"),
    "not_assessable, no data": lambda f: f.drop("language", "region", "party_type"),
    "not_assessable, nobody concerned": lambda f: f.with_columns(days_late=pl.lit([99], pl.List(pl.Int64))),
}


@pytest.mark.parametrize("name", BOOKS)
def test_every_statement_is_short_and_in_words(make_book, even_book, name):
    book = BOOKS[name](even_book)
    if name.startswith("block"):
        is_trader = pl.int_range(pl.len()) % 5 < 2
        book = book.with_columns(
            party_type=pl.when(is_trader).then(pl.lit("sole_trader")).otherwise("party_type")
        )
    found = audit_bias(*make_book(book), SETTINGS, date(2026, 1, 1), 7)
    row = _judge(found)
    assert row["verdict"] == name.split(",")[0]
    for statement in (row["statement"], *found["statement"]):
        assert CODES.findall(statement) == []
    assert len(re.findall(r"\.(?: |$)", row["statement"])) <= 3, row["statement"]
    assert len(row["statement"]) < 700


def test_an_open_verdict_counts_what_was_compared_apart_from_what_was_too_small(make_book, even_book):
    book = BOOKS["inconclusive, one group too small"](even_book)
    found = audit_bias(*make_book(book), SETTINGS, date(2026, 1, 1), 7)
    groups = found.filter((pl.col("family") == "primary") & (pl.col("group") != "all")).filter(
        ~pl.col("attribute").str.contains(" × ", literal=True)
    )
    small = groups.filter(verdict="not_assessable").height
    assert 0 < small < groups.height
    said = _judge(found)["statement"]
    assert f"Of {groups.height} comparisons of a group, " in said
    assert f"{small} could not be made, of groups too small for a figure" in said


def test_other_settings_have_another_hash(passing):
    one = judge_audit(passing, SETTINGS)["settings_hash"][0]
    other = judge_audit(passing, SETTINGS.model_copy(update={"block_gap": 0.5}))["settings_hash"][0]
    assert one != other
