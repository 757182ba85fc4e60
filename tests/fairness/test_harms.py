from datetime import UTC, date, datetime

import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.room_tables import GATE
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Action
from segmentation.fairness.harms import HARMS, observe_harms

AS_OF = date(2026, 1, 1)


def _observe(book, **tables: pl.DataFrame) -> dict[str, dict[str, bool]]:
    ledger, decided = book
    changed = ledger | {name: LEDGER_TABLES[name].conform(frame) for name, frame in tables.items()}
    rows = observe_harms(changed, decided, FairnessSettings(), AS_OF)
    found: dict[str, dict[str, bool]] = {}
    for metric, customer, is_harmed in rows.iter_rows():
        found.setdefault(metric, {})[customer] = is_harmed
    return found


def _facts(**columns: list[object]) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    return pl.DataFrame({"customer_id": [f"C{i}" for i in range(count)], **columns})


def test_only_those_who_are_seldom_clearly_late_count_for_the_label(make_book):
    days = [[5, 14, 3], [20, 20, 3], [20, 3], [20, 3, 3]]
    found = _observe(make_book(_facts(days_late=days, segment=["structural"] * 4)))
    assert found["structural_label_rate"] == {"C0": True, "C3": True}, "half of two is not seldom"


def test_will_not_pay_is_as_harmful_a_label_as_structural(make_book):
    found = _observe(
        make_book(
            _facts(
                segment=["incidental", "incidental", "structural", "insufficient_history"],
                cause=["will_not_pay", "forgetful", "unclear", "unclear"],
            )
        )
    )
    assert found["structural_label_rate"] == {"C0": True, "C1": False, "C2": True}


@pytest.mark.parametrize(
    ("action", "tone", "is_harsh"),
    [
        ("formal_notice", "formal", True),
        ("legal_review", None, True),
        ("call", "formal", True),
        ("call", "friendly", False),
        ("call", None, False),
        ("reminder", "formal", False),
        ("wait", None, False),
        (None, None, False),
    ],
)
def test_which_steps_are_harsh(make_book, action, tone, is_harsh):
    facts = _facts(days_late=[[1, 2, 9]]).with_columns(action=pl.lit(action), tone=pl.lit(tone))
    assert _observe(make_book(facts))["harsh_step_rate"] == {"C0": is_harsh}


def test_who_is_contacted_is_asked_something_from_outside_the_organisation(make_book):
    actions = list(Action)
    facts = _facts(days_late=[[1, 2, 9]] * len(actions)).with_columns(
        action=pl.Series(actions, dtype=pl.String)
    )
    found = _observe(make_book(facts))
    contacted = {
        actions[int(customer[1:])] for customer, is_one in found["contact_step_rate"].items() if is_one
    }
    assert contacted == {
        "pre_due_notice",
        "reminder",
        "call",
        "payment_plan_offer",
        "self_service_link",
        "formal_notice",
    }
    assert len(found["no_call_rate"]) == len(contacted)


def test_steps_concern_those_with_something_overdue(make_book):
    found = _observe(make_book(_facts(is_overdue=[True, False], action=["formal_notice"] * 2)))
    assert found["harsh_step_rate"] == {"C0": True}


def test_missed_support_is_seen_among_those_who_cannot_pay(make_book):
    found = _observe(
        make_book(
            _facts(
                cause=["cannot_pay", "cannot_pay", "forgetful"],
                action=["payment_plan_offer", "reminder", "call"],
            )
        )
    )
    assert found["no_plan_rate"] == {"C0": False, "C1": True}
    assert found["no_call_rate"] == {"C0": True, "C1": True, "C2": False}


def test_contact_intensity_counts_outbound_contacts_of_thirty_days(make_book):
    sent = [datetime(2025, 12, day, tzinfo=UTC) for day in (5, 10, 20)] + [
        datetime(2025, 11, 1, tzinfo=UTC)
    ] * 3
    events = pl.DataFrame(
        {"contact_id": [f"k{i}" for i in range(6)], "customer_id": ["C0"] * 3 + ["C1"] * 3, "sent_at": sent}
    ).with_columns(direction=pl.lit("outbound"), channel=pl.lit("email"))
    found = _observe(make_book(_facts(action=["wait", "wait"])), core_contact_event=events)
    assert found["frequent_contact_rate"] == {"C0": True, "C1": False}


def test_who_can_be_reached_by_letter_only(make_book):
    points = pl.DataFrame(
        {
            "customer_id": ["C0", "C1", "C1", "C2", "C3"],
            "channel": ["letter", "letter", "email", "email", "email"],
            "bounced_at": [None, None, None, date(2025, 10, 1), date(2025, 10, 1)],
            "verified_at": [None, None, None, date(2025, 10, 1), date(2025, 10, 2)],
        }
    )
    found = _observe(make_book(_facts(action=["wait"] * 4)), core_contact_point=points)
    assert found["letter_only_rate"] == {"C0": True, "C1": False, "C2": True, "C3": False}


def test_an_address_that_may_not_be_used_reaches_nobody(make_book):
    points = pl.DataFrame({"customer_id": ["C0", "C0", "C1"], "channel": ["whatsapp", "letter", "whatsapp"]})
    ledger, decided = make_book(_facts(action=["wait"] * 2))
    without_consent = [
        {"customer_id": "C0", "gate": "channel_not_permitted", "channel": "whatsapp", "detail": "x"}
    ]
    gate = GATE.conform(pl.DataFrame(without_consent))
    found = _observe((ledger, decided | {"act_gate": gate}), core_contact_point=points)
    assert found["letter_only_rate"] == {"C0": True, "C1": False}


def test_what_cannot_be_observed_has_no_rows(make_book):
    found = _observe(make_book(_facts(action=["wait"])))
    assert set(HARMS) - set(found) >= {"frequent_contact_rate", "letter_only_rate"}
