"""Every gate, worked by hand: when it closes, what it closes, when it lifts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.room_tables import GATE
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.validation import find_violations

AS_OF = date(2026, 3, 2)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def closed(book, gate: str, **arguments) -> list[dict]:
    return book.gates(**arguments).filter(pl.col("gate") == gate).to_dicts()


def only(book, gate: str, **arguments) -> dict:
    rows = closed(book, gate, **arguments)
    assert len(rows) == 1, rows
    return rows[0]


def test_a_plain_overdue_account_has_no_closed_gate(book):
    assert book.gates().is_empty()


def test_gates_keep_their_table_definition(book):
    book.point("email").contact(2).contact(3, contact_id="two")
    assert find_violations(book.gates(), GATE) == []


def test_nothing_open(empty_book):
    empty_book.customer().invoice(paid_on=AS_OF - timedelta(days=3))
    assert only(empty_book, "nothing_open")["detail"] == "Nothing is open on this account."


def test_unmatched_cash_closes_the_account_and_names_the_amount(book):
    book.add(
        "unallocated_cash",
        customer_id="C",
        currency="EUR",
        unmatched_cash_amount=Decimal("1234.50"),
        credit_amount=Decimal(0),
    )
    row = only(book, "unmatched_cash")
    assert row["detail"] == "EUR 1,234.50 was received but not matched on this account: match it first."
    assert row["channel"] is row["invoice_id"] is row["lifts_at"] is None
    assert closed(book, "credit_available") == []


def test_money_that_may_be_of_this_customer_closes_the_account(book):
    book.add(
        "unallocated_cash",
        customer_id="C",
        currency="EUR",
        unmatched_cash_amount=Decimal(0),
        credit_amount=Decimal(0),
        possible_cash_amount=Decimal("80.00"),
    )
    row = only(book, "unmatched_cash")
    assert row["detail"] == "EUR 80.00 came in or went back and may concern this account: match it first."


def test_a_rounding_difference_closes_nothing(book):
    book.add(
        "unallocated_cash",
        customer_id="C",
        currency="EUR",
        unmatched_cash_amount=Decimal("0.05"),
        credit_amount=Decimal("0.05"),
    )
    assert book.gates().is_empty()


def test_credit_and_overpaid_invoices_are_credit(book):
    book.add(
        "unallocated_cash",
        customer_id="C",
        currency="EUR",
        unmatched_cash_amount=Decimal(0),
        credit_amount=Decimal("10.00"),
    )
    book.invoice("J", amount="100.00")
    book.rows["core_instalment_balance"][-1] |= {"open_amount": Decimal("-5.00"), "is_open": False}
    assert "EUR 15.00 of credit" in only(book, "credit_available")["detail"]


def test_money_on_the_account_of_the_payer_closes_the_customers_it_pays_for(book):
    book.customer("P").rows["core_customer"][0]["parent_customer_id"] = "P"
    book.add(
        "unallocated_cash",
        customer_id="P",
        currency="EUR",
        unmatched_cash_amount=Decimal(900),
        credit_amount=Decimal(0),
    )
    rows = {row["customer_id"]: row for row in closed(book, "unmatched_cash")}
    assert set(rows) == {"C", "P"}
    assert "parent P" in rows["C"]["detail"]


def test_an_open_dispute_closes_its_invoice_only(book):
    book.invoice("J").add("dispute", dispute_id="D", invoice_id="J", opened_at=date(2026, 2, 20))
    row = only(book, "open_dispute")
    assert (row["invoice_id"], row["channel"], row["lifts_at"]) == ("J", None, None)
    assert row["detail"] == "Invoice J has been in dispute since 20 February 2026."


def test_a_settled_dispute_closes_nothing(book):
    book.add(
        "dispute", dispute_id="D", invoice_id="I", opened_at=date(2026, 2, 1), closed_at=date(2026, 2, 9)
    )
    assert book.gates().is_empty()


@pytest.mark.parametrize(
    ("promised", "lifts"),
    [
        ("2026-03-10", "2026-03-14"),  # three days of grace: the 11th, 12th and 13th
        ("2026-03-02", "2026-03-06"),
        ("2026-02-27", "2026-03-03"),  # the last day of grace is today
        ("2026-02-26", None),  # grace ended yesterday
    ],
)
@pytest.mark.parametrize("status", ["open", None])  # null: what became of it is not known yet
def test_an_open_promise_closes_its_invoice_until_its_grace_is_over(book, promised, lifts, status):
    book.add(
        "promise_to_pay",
        promise_id="P",
        invoice_id="I",
        made_at=date(2026, 2, 20),
        promised_date=date.fromisoformat(promised),
        status=status,
    )
    rows = closed(book, "open_promise")
    assert [row["lifts_at"] for row in rows] == ([day(lifts)] if lifts else [])
    assert all(row["invoice_id"] == "I" for row in rows)


@pytest.mark.parametrize("status", ["kept", "broken", "partial"])
def test_a_promise_that_ended_closes_nothing(book, status):
    book.add(
        "promise_to_pay",
        promise_id="P",
        invoice_id="I",
        made_at=date(2026, 2, 20),
        promised_date=date(2026, 3, 10),
        status=status,
    )
    assert book.gates().is_empty()


@pytest.mark.parametrize("status", ["running", None])
def test_a_running_plan_closes_the_account_and_names_its_last_day(book, status):
    book.add(
        "payment_plan",
        plan_id="P",
        customer_id="C",
        started_at=date(2026, 2, 1),
        schedule='[["2026-03-01", "500.00"], ["2026-04-01", "500.00"]]',
        status=status,
    )
    row = only(book, "running_plan")
    assert (row["invoice_id"], row["lifts_at"]) == (None, None)
    assert row["detail"] == (
        "A payment plan has been running since 1 February 2026; its last day is 1 April 2026."
    )


@pytest.mark.parametrize("status", ["completed", "broken"])
def test_a_plan_that_ended_closes_nothing(book, status):
    book.add("payment_plan", plan_id="P", customer_id="C", started_at=date(2026, 2, 1), status=status)
    assert book.gates().is_empty()


@pytest.mark.parametrize(
    ("reason", "gate"),
    [
        ("insolvency", "insolvency"),
        ("debt_mediation", "debt_mediation"),
        ("vulnerability", "vulnerability"),
        ("manual", "manual_block"),
    ],
)
def test_a_block_on_the_customer_closes_the_account_to_its_last_day(book, reason, gate):
    book.add(
        "dunning_block",
        block_id="B",
        scope="customer",
        scope_id="C",
        reason=reason,
        valid_from=date(2026, 2, 1),
        valid_until=date(2026, 3, 9),
    )
    row = only(book, gate)
    assert (row["invoice_id"], row["lifts_at"]) == (None, day("2026-03-10"))
    assert closed(book, gate, as_of=date(2026, 3, 9)) != []
    assert closed(book, gate, as_of=date(2026, 3, 10)) == []


def test_a_manual_block_on_an_invoice_closes_that_invoice_but_insolvency_closes_the_account(book):
    book.invoice("J")
    for number, reason in enumerate(("manual", "insolvency")):
        book.add(
            "dunning_block",
            block_id=f"B{number}",
            scope="invoice",
            scope_id="J",
            reason=reason,
            valid_from=date(2026, 2, 1),
        )
    assert only(book, "manual_block")["invoice_id"] == "J"
    assert only(book, "insolvency")["invoice_id"] is None


def test_blocks_that_touch_or_overlap_lift_together(book):
    for number, (start, end) in enumerate(
        [("2026-02-01", "2026-03-05"), ("2026-03-06", "2026-03-20"), ("2026-03-10", "2026-03-12")]
    ):
        book.add(
            "dunning_block",
            block_id=f"B{number}",
            scope="customer",
            scope_id="C",
            reason="manual",
            valid_from=date.fromisoformat(start),
            valid_until=date.fromisoformat(end),
        )
    assert only(book, "manual_block")["lifts_at"] == day("2026-03-21")


@pytest.mark.parametrize(("start", "end"), [("2026-03-03", None), ("2026-01-01", "2026-03-01")])
def test_a_block_of_another_day_closes_nothing(book, start, end):
    book.add(
        "dunning_block",
        block_id="B",
        scope="customer",
        scope_id="C",
        reason="manual",
        valid_from=date.fromisoformat(start),
        valid_until=date.fromisoformat(end) if end else None,
    )
    assert book.gates().is_empty()


def permit(book, status: str, start: str, end: str | None = None, channel: str = "email"):
    return book.add(
        "contact_permission",
        customer_id="C",
        channel=channel,
        status=status,
        valid_from=date.fromisoformat(start),
        valid_until=date.fromisoformat(end) if end else None,
    )


def test_an_opt_out_closes_its_channel_only(book):
    permit(book, "opt_out", "2026-01-01", "2026-03-31")
    row = only(book, "channel_not_permitted")
    assert (row["channel"], row["invoice_id"], row["lifts_at"]) == ("email", None, day("2026-04-01"))


def test_do_not_contact_has_its_own_code_and_no_later_consent_lifts_it(book):
    permit(permit(book, "do_not_contact", "2026-01-01"), "allowed", "2026-02-01")
    row = only(book, "do_not_contact")
    assert (row["channel"], row["lifts_at"]) == ("email", None)


def test_a_later_consent_suspends_an_opt_out_while_it_is_in_force(book):
    permit(permit(book, "opt_out", "2026-01-01"), "allowed", "2026-02-01", "2026-03-10")
    assert book.gates().is_empty()
    assert len(closed(book, "channel_not_permitted", as_of=date(2026, 3, 11))) == 1


def test_an_opt_out_after_a_consent_holds(book):
    permit(permit(book, "allowed", "2026-01-01"), "opt_out", "2026-02-01")
    assert only(book, "channel_not_permitted")["channel"] == "email"


def test_whatsapp_needs_consent_on_record(book):
    book.point("whatsapp").point("email")
    assert only(book, "channel_not_permitted")["channel"] == "whatsapp"
    permit(book, "allowed", "2026-02-01", channel="whatsapp")
    assert closed(book, "channel_not_permitted") == []


def test_the_end_of_an_opt_out_opens_nothing_where_consent_is_needed_and_missing(book):
    permit(book.point("whatsapp"), "opt_out", "2026-01-01", "2026-03-31", channel="whatsapp")
    assert only(book, "channel_not_permitted")["lifts_at"] is None
    permit(book, "allowed", "2025-06-01", channel="whatsapp")
    assert only(book, "channel_not_permitted")["lifts_at"] == day("2026-04-01")


def test_channels_without_an_address_are_unreachable_once_the_ledger_knows_addresses(book):
    book.point("email").point("letter")
    channels = {row["channel"] for row in closed(book, "channel_unreachable")}
    assert channels == {"sms", "whatsapp", "phone", "registered_letter", "portal"}


def test_a_ledger_without_any_address_closes_no_channel(book):
    assert closed(book, "channel_unreachable") == []


@pytest.mark.parametrize(
    ("verified", "bounced", "is_closed"),
    [
        (None, "2026-02-01", True),
        ("2026-01-01", "2026-02-01", True),
        ("2026-02-01", "2026-02-01", True),
        ("2026-02-02", "2026-02-01", False),
        ("2026-02-02", None, False),
    ],
)
def test_a_bounce_closes_a_channel_until_the_address_is_confirmed_again(book, verified, bounced, is_closed):
    book.point(
        "email",
        verified_at=date.fromisoformat(verified) if verified else None,
        bounced_at=date.fromisoformat(bounced) if bounced else None,
    )
    channels = {row["channel"] for row in closed(book, "channel_unreachable")}
    assert ("email" in channels) is is_closed


def test_the_cool_down_lasts_its_days_from_the_last_contact(book):
    book.contact(6, dunning_level=2)
    assert only(book, "cool_down")["lifts_at"] == day("2026-03-03")
    assert closed(book, "cool_down", as_of=date(2026, 3, 3)) == []


def test_the_cool_down_counts_days_of_the_customers_own(empty_book):
    # 22:00 UTC on Sunday 22 February is Monday morning in Auckland: seven days are over on Monday 2 March.
    empty_book.customer(country="NZ", timezone="Pacific/Auckland").invoice()
    empty_book.contact(8, sent_at=datetime(2026, 2, 22, 22, tzinfo=UTC), dunning_level=2)
    assert "cool_down" in empty_book.gates(as_of=date(2026, 3, 1))["gate"].to_list()
    assert "cool_down" not in empty_book.gates(as_of=date(2026, 3, 2))["gate"].to_list()


def test_what_the_customer_sent_us_is_no_contact_of_ours(book):
    book.contact(1, direction="inbound")
    assert book.gates().is_empty()


def test_the_week_cap_lifts_when_the_oldest_counting_contact_is_a_week_old(book):
    settings = TreatmentSettings(cool_down_days=0, waiting_period_days=0)
    book.contact(1).contact(5).contact(20)
    assert only(book, "contact_cap", settings=settings)["lifts_at"] == day("2026-03-04")  # 25 Feb + 7


def test_the_month_cap_and_the_week_cap_are_one_gate_with_the_later_date(book):
    settings = TreatmentSettings(cool_down_days=0, waiting_period_days=0)
    for days_ago in (1, 5, 10, 15, 20):
        book.contact(days_ago)
    row = only(book, "contact_cap", settings=settings)
    assert row["lifts_at"] == day("2026-03-12")  # 10 February + 30
    assert "5 contacts were made within 30 days" in row["detail"]


def test_a_cap_of_nil_closes_for_good(book):
    assert only(book, "contact_cap", settings=TreatmentSettings(max_contacts_per_week=0))["lifts_at"] is None


def test_seven_calls_in_a_week_close_the_phone_whatever_the_settings(book):
    settings = TreatmentSettings(cool_down_days=0, max_contacts_per_week=50, max_contacts_per_month=50)
    for number in range(7):
        book.contact(number, contact_id=f"call{number}", channel="phone", dunning_level=2)
    assert only(book, "contact_cap", settings=settings)["channel"] == "phone"


@pytest.mark.parametrize(
    ("decided", "lifts"), [("2026-02-27", "2026-03-06"), ("2026-02-24", "2026-03-03"), ("2026-02-23", None)]
)
def test_a_decision_gets_a_week_to_work(book, decided, lifts):
    book.decision(date.fromisoformat(decided))
    rows = closed(book, "awaiting_decision_effect")
    assert [row["lifts_at"] for row in rows] == ([day(lifts)] if lifts else [])


def test_a_withdrawn_decision_holds_nobody_back(book):
    earlier, later = date(2026, 2, 26), date(2026, 2, 27)
    book.decision(later, decision="accept").decision(later, decision="withdraw")
    assert book.gates().is_empty()
    book.decision(earlier, recommendation_id="another", decision="ignore")
    row = only(book, "awaiting_decision_effect")
    assert row["lifts_at"] == day("2026-03-05")
    assert row["detail"] == (
        "A credit manager ignored a step for this customer on the worklist of 26 February 2026; "
        "it gets time to work."
    )
    book.decision(later, decision="adjust")
    assert "adjusted a step" in only(book, "awaiting_decision_effect")["detail"]


def test_the_order_of_recording_tells_what_was_withdrawn_not_a_clock_that_runs_behind(book):
    known = date(2026, 2, 27)
    late, soon = (datetime(2026, 2, 27, hour, tzinfo=UTC) for hour in (10, 9))
    book.decision(known, decided_at=late, sequence=1)
    book.decision(known, decision="withdraw", decided_at=soon, sequence=2)
    assert book.gates().is_empty()


def test_a_decision_on_the_worklist_of_the_day_itself_is_not_known_yet(book):
    assert book.decision(AS_OF).gates().is_empty()


# "at least 14 calendar days, counted from the day after sending when electronic, from the third working
# day after sending when by post" (BE); "14 days counted from the day after receipt" (NL).
@pytest.mark.parametrize(
    ("country", "channel", "sent", "delivered", "lifts"),
    [
        # BE, electronic: 24 Feb is day 1, 9 March is day 14.
        ("BE", "email", "2026-02-23", None, "2026-03-10"),
        # BE, post on Monday 23 Feb: Tuesday, Wednesday, Thursday 26 Feb is day 1, 11 March is day 14.
        ("BE", "letter", "2026-02-23", None, "2026-03-12"),
        # BE, post on Friday 20 Feb: Monday, Tuesday, Wednesday 25 Feb is day 1.
        ("BE", "letter", "2026-02-20", None, "2026-03-11"),
        # NL, received on 25 Feb: 26 Feb is day 1, 11 March is day 14.
        ("NL", "email", "2026-02-23", "2026-02-25", "2026-03-12"),
        # NL, receipt unknown: electronic counts as received on the day of sending.
        ("NL", "email", "2026-02-23", None, "2026-03-10"),
        # NL, receipt unknown: post counts as received on the third working day, 26 Feb.
        ("NL", "letter", "2026-02-23", None, "2026-03-13"),
    ],
)
def test_the_waiting_period_is_counted_from_the_event_the_law_names(
    empty_book, country, channel, sent, delivered, lifts
):
    empty_book.customer(party_type="consumer", country=country).invoice()
    sent_at = day(sent) + timedelta(hours=10)
    empty_book.contact(
        0,
        channel=channel,
        sent_at=sent_at,
        delivered_at=day(delivered) + timedelta(hours=9) if delivered else None,
        invoice_id="I",
    )
    row = only(empty_book, "waiting_period")
    assert (row["lifts_at"], row["invoice_id"]) == (day(lifts), "I")


def test_a_holiday_does_not_count_as_a_working_day(empty_book):
    # Easter Monday is 6 April 2026: posted on Friday 3 April, the third working day is Thursday 9 April.
    empty_book.customer(party_type="consumer").invoice(due=date(2026, 3, 20))
    empty_book.contact(0, channel="letter", sent_at=day("2026-04-03") + timedelta(hours=10))
    assert only(empty_book, "waiting_period", as_of=date(2026, 4, 7))["lifts_at"] == day("2026-04-23")


def test_the_day_of_sending_is_the_customers_own(empty_book):
    # 23:30 UTC on 23 February is already 24 February in Brussels.
    empty_book.customer(party_type="consumer").invoice()
    empty_book.contact(0, sent_at=day("2026-02-23") + timedelta(hours=23, minutes=30))
    row = only(empty_book, "waiting_period")
    assert (row["lifts_at"], row["invoice_id"]) == (day("2026-03-11"), None)


def test_a_second_reminder_starts_no_waiting_period(book):
    assert closed(book.contact(10, dunning_level=2), "waiting_period") == []


def test_quarantined_rows_of_a_customer_close_the_account(book):
    for column in ("amount", "currency"):
        book.rows["core_quarantine"].append(
            {
                "source_file": "payment.csv",
                "source_line": 7,
                "table_name": "core_payment",
                "column_name": column,
                "rule": "not_a_number",
                "remedy": "repair",
                "customer_id": "C",
            }
        )
    assert only(book, "quarantined_rows")["detail"].startswith("1 row(s)")


def test_a_stale_source_closes_every_account(book):
    book.customer("D").invoice("J", "D")
    assert closed(book, "stale_source", as_of=date(2026, 3, 8)) == []  # newest fact of 1 March
    rows = closed(book, "stale_source", as_of=date(2026, 3, 9))
    assert {row["customer_id"] for row in rows} == {"C", "D"}
    assert "8 days old (1 March 2026)" in rows[0]["detail"]


def test_every_gate_with_a_date_is_open_on_that_date(book):
    permit(book, "opt_out", "2026-01-01", "2026-03-03")
    book.contact(2).contact(3, contact_id="b").decision(date(2026, 2, 27))
    book.add(
        "dunning_block",
        block_id="B",
        scope="customer",
        scope_id="C",
        reason="manual",
        valid_from=date(2026, 2, 1),
        valid_until=date(2026, 3, 6),
    )
    settings = TreatmentSettings(max_source_age_days=99)
    gates = book.gates(settings=settings)
    assert gates.height == 6
    for row in gates.to_dicts():
        later = row["lifts_at"].date()
        assert closed(book, row["gate"], as_of=later, settings=settings) == [], row
        assert closed(book, row["gate"], as_of=later - timedelta(days=1), settings=settings) != [], row
