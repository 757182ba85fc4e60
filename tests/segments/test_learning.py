"""What people found out moves the cause model by stated counts, and nothing else does."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from segmentation.domain.cause_memory import REMEMBERED_DAYS
from segmentation.domain.core_tables import CAUSE_FINDING
from segmentation.domain.vocabulary import Cause
from segmentation.segments.definitions import CAUSES, load_cause_model
from segmentation.segments.learning import find_known_causes, learn_causes
from segmentation.segments.segmentation import segment_customers

AS_OF = date(2026, 1, 1)
LATE = [20, 20, 0, 20, 0, 20, 0, 20]
MODEL = load_cause_model()


def _findings(*rows: tuple[str, str], day: date = AS_OF - timedelta(days=1)) -> pl.DataFrame:
    return CAUSE_FINDING.conform(
        pl.DataFrame(
            [
                {
                    "finding_id": f"F{number}",
                    "customer_id": customer,
                    "snapshot_id": "snap-1",
                    "as_of_date": day,
                    "told_cause": "unclear",
                    "cause": cause,
                    "found_by": "Ann",
                    "found_at": datetime(2025, 12, 31, tzinfo=UTC),
                    "sequence": number,
                }
                for number, (customer, cause) in enumerate(rows, start=1)
            ]
        )
    )


def _signals(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"customer_id": pl.String, "signal": pl.String, "seen": pl.Int64, "count": pl.Int64},
        orient="row",
    )


def _known(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return find_known_causes(_findings(*rows), AS_OF)


def _row(ledger, customer: str, **options) -> dict[str, object]:
    return segment_customers(ledger, AS_OF, **options).filter(customer_id=customer).row(0, named=True)


def test_without_findings_the_reviewed_file_speaks():
    nothing = find_known_causes(CAUSE_FINDING.empty(), AS_OF)
    assert learn_causes(MODEL, nothing, _signals()) is MODEL


def test_the_prior_moves_by_dirichlet_counts():
    known = _known([(f"C{i}", "cannot_pay") for i in range(50)])
    learned = learn_causes(MODEL, known, _signals())
    # Prior 0.18 counts for 50 findings: (50 · 0.18 + 50) ÷ 100.
    assert learned.prior[Cause.CANNOT_PAY] == pytest.approx(0.59)
    assert learned.prior[Cause.FORGETFUL] == pytest.approx(0.17)
    assert sum(learned.prior.values()) == pytest.approx(1)
    assert learned.version == f"{MODEL.version}+50"


def test_ratios_move_towards_the_rates_seen_among_findings():
    # Seen in 4 of 8 opportunities of the book, 4 of 4 of them with those who forgot.
    signals = _signals(
        ("C1", "paid_soon_after_reminder", 4, 4),
        ("C2", "paid_soon_after_reminder", 0, 4),
    )
    learned = learn_causes(MODEL, _known([("C1", "forgetful")]), signals)
    before = MODEL.signal("paid_soon_after_reminder")
    after = learned.signal("paid_soon_after_reminder")
    told = 2.2 * 0.5 / (2.2 * 0.5 + 0.6 * 0.5)
    rate = (40 * told + 4) / (40 + 4)
    assert after.seen[Cause.FORGETFUL] == pytest.approx(2.2 * rate / told)
    assert after.not_seen[Cause.FORGETFUL] == pytest.approx(0.6 * (1 - rate) / (1 - told))
    for cause in set(CAUSES) - {Cause.FORGETFUL}:
        assert after.seen[cause] == pytest.approx(before.seen[cause])
    assert learned.signal("said_disputed") == MODEL.signal("said_disputed")


def test_the_order_of_findings_and_rows_does_not_matter():
    rows = [(f"C{i}", CAUSES[i % 5].value) for i in range(40)]
    signals = _signals(*((f"C{i}", "ignored_contact", i % 4, 4 + i % 9) for i in range(60)))
    learned = learn_causes(MODEL, _known(rows), signals)
    again = learn_causes(MODEL, _known(rows[::-1]), signals.sample(fraction=1, shuffle=True, seed=3))
    assert learned == again


def test_the_last_word_in_force_counts():
    findings = _findings(("C1", "forgetful"), ("C1", "disputing"), ("C2", "disputing"), ("C2", "unclear"))
    assert find_known_causes(findings, AS_OF).select("customer_id", "found_cause").rows() == [
        ("C1", "disputing")
    ]


def test_findings_of_the_day_and_forgotten_ones_are_not_known():
    assert find_known_causes(_findings(("C1", "disputing"), day=AS_OF), AS_OF).is_empty()
    old = AS_OF - timedelta(days=REMEMBERED_DAYS + 1)
    assert find_known_causes(_findings(("C1", "disputing"), day=old), AS_OF).is_empty()


def test_a_later_finding_changes_nothing_today(make_ledger):
    ledger = make_ledger({"A": LATE, "B": LATE})
    later = _findings(("A", "disputing"), day=AS_OF)
    assert segment_customers(ledger, AS_OF, findings=later).equals(segment_customers(ledger, AS_OF))


def test_the_word_of_a_person_is_published_with_who_it_came_from(make_ledger):
    ledger = make_ledger({"A": LATE, "B": LATE, "C": [0] * 8})
    told = _row(ledger, "A", findings=_findings(("A", "cannot_pay"), ("C", "cannot_pay")))
    assert (told["cause"], told["cause_prob"]) == ("cannot_pay", pytest.approx(0.9))
    assert "a credit manager named this reason on 2025-12-31" in told["evidence"]
    untold = _row(ledger, "B", findings=_findings(("A", "cannot_pay")))
    assert untold["cause"] == "unclear"
    prompt = _row(ledger, "C", findings=_findings(("A", "cannot_pay"), ("C", "cannot_pay")))
    assert prompt["cause"] == "unclear", "somebody who pays promptly has no cause of lateness"
