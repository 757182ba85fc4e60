"""The record of audits, and the page that shows them."""

from datetime import date, timedelta

import polars as pl
import pytest

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.validation import find_violations
from segmentation.fairness.gate import judge_audit
from segmentation.fairness.history import extend_history, spend_next_alpha
from segmentation.fairness.ledger_audit import audit_bias
from segmentation.fairness.report import render_report

AS_OF = date(2026, 1, 1)
SETTINGS = FairnessSettings()
FIRST = SETTINGS.alpha * SETTINGS.first_look_share
REST = SETTINGS.alpha - FIRST
HISTORY = ROOM_TABLES["audit_history"]


def _audited(book, history=None, as_of=AS_OF):
    history = HISTORY.empty() if history is None else history
    audit = audit_bias(*book, SETTINGS, as_of, 7, spend_next_alpha(history, as_of, SETTINGS))
    verdict = judge_audit(audit, SETTINGS)
    return {
        "audit_fairness": audit,
        "audit_verdict": verdict,
        "audit_proxies": ROOM_TABLES["audit_proxies"].empty(),
        "audit_tradeoff": ROOM_TABLES["audit_tradeoff"].empty(),
        "audit_history": extend_history(history, audit, verdict, as_of, SETTINGS),
    }


def test_history_records_what_every_run_spent_and_the_same_day_is_not_counted_twice(make_book, even_book):
    book = make_book(even_book)
    first = _audited(book)["audit_history"]
    later = _audited(book, first, AS_OF + timedelta(days=7))["audit_history"]
    assert find_violations(later, HISTORY) == []
    assert later["alpha"].to_list() == pytest.approx([FIRST, REST * 7 / 182])
    assert later["alpha_spent"].to_list() == pytest.approx([FIRST, FIRST + REST * 7 / 182])
    assert _audited(book, later, AS_OF + timedelta(days=7))["audit_history"].equals(later)
    after = _audited(book, later, AS_OF + timedelta(days=400))["audit_history"]
    assert after["alpha_spent"][-1] == pytest.approx(REST), "what was spent half a year ago is forgotten"


def test_an_audit_without_groups_spends_nothing(make_book):
    nothing = _audited(make_book(pl.DataFrame({"customer_id": ["A", "B"]})))["audit_history"]
    assert nothing.select("verdict", "alpha").rows() == [("not_assessable", 0.0)]
    assert spend_next_alpha(nothing, AS_OF + timedelta(days=1), SETTINGS) == pytest.approx(FIRST)


@pytest.mark.parametrize("name", ["pass", "block", "nothing"])
def test_the_page_says_what_was_found_and_what_could_not_be_assessed(make_book, even_book, name):
    books = {
        "pass": even_book,
        "block": even_book.with_columns(
            segment=pl.when(language="fr").then(pl.lit("structural")).otherwise("segment")
        ),
        "nothing": pl.DataFrame({"customer_id": ["A", "B"]}),
    }
    page = render_report(_audited(make_book(books[name])), SETTINGS, AS_OF)
    wanted = {
        "pass": "No material gap found",
        "block": "Publication is blocked",
        "nothing": "no group data. Supply any of",
    }
    assert wanted[name] in page
    assert "2026-01-01" in page
    assert ("language: fr" in page) is (name != "nothing")
    assert "<script" not in page
    assert "http" not in page


def test_what_a_source_calls_a_group_is_no_markup(make_book, even_book):
    odd = even_book.with_columns(language=pl.lit("<b>nl</b>") + pl.col("language"))
    page = render_report(_audited(make_book(odd)), SETTINGS, AS_OF)
    assert "<b>nl" not in page
    assert "&lt;b&gt;nl" in page
