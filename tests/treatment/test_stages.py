"""Stages follow each other; plans fit what was paid; work inside goes to who can do it; thanks follow payment."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from segmentation.domain.settings import TreatmentSettings

AS_OF = date(2026, 3, 2)
FREE = TreatmentSettings(
    cool_down_days=0,
    waiting_period_days=0,
    max_contacts_per_week=99,
    max_contacts_per_month=99,
    calls_per_day=0,
)


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def pay_monthly(book, amount: str, months: int = 6):
    for month in range(months):
        book.add(
            "payment", payment_id=f"M{month}", customer_id="C", value_date=ago(10 + 30 * month),
            amount=Decimal(amount), currency="EUR",
        )  # fmt: skip
    return book


class TestPlans:
    def offer(self, empty_book, owed="900.00"):
        book = empty_book.customer(party_type="consumer", language="en").invoice(days_late=20, amount=owed)
        return book.risk().segment("structural", "cannot_pay")

    def test_the_parts_take_half_of_a_typical_month_and_add_up(self, empty_book):
        advice = pay_monthly(self.offer(empty_book), "500.00").advice(settings=FREE)
        assert advice["action"] == "payment_plan_offer"
        # Half of 500 carries 250 a month: four parts of 225, the first two weeks from now.
        assert advice["plan_schedule"] == (
            '[["2026-03-16", "225.00"], ["2026-04-16", "225.00"], ["2026-05-16", "225.00"], ["2026-06-16", "225.00"]]'
        )
        assert "- 16 March 2026: EUR 225.00" in advice["message_text"]

    def test_the_last_part_takes_what_rounding_leaves(self, empty_book):
        advice = pay_monthly(self.offer(empty_book, "1000.00"), "700.00").advice(settings=FREE)
        assert (
            advice["plan_schedule"]
            == '[["2026-03-16", "333.33"], ["2026-04-16", "333.33"], ["2026-05-16", "333.34"]]'
        )

    @pytest.mark.parametrize("shared", [False, True])
    def test_payments_on_bank_statements_are_of_whose_invoices_they_paid(self, empty_book, shared):
        book = pay_monthly(self.offer(empty_book), "500.00")
        book.invoice("J", days_late=200, paid_on=ago(190)).invoice("K", "D", days_late=200, paid_on=ago(190))
        for row in book.rows["core_payment"]:
            row["customer_id"] = None
            for invoice in ("J", "K")[: 1 + shared]:  # what is of two customers is of neither
                book.add("allocation", allocation_id=row["payment_id"] + invoice, payment_id=row["payment_id"],
                         invoice_id=invoice, amount=row["amount"] / 2, allocated_at=row["value_date"])  # fmt: skip
        assert (book.advice(settings=FREE)["plan_schedule"] is None) == shared

    @pytest.mark.parametrize(("monthly", "months"), [("500.00", 2), ("40.00", 6)])
    def test_no_parts_are_proposed_where_the_history_carries_none(self, empty_book, monthly, months):
        advice = pay_monthly(self.offer(empty_book), monthly, months).advice(settings=FREE)
        assert (advice["action"], advice["plan_schedule"]) == ("payment_plan_offer", None)
        assert "Tell us how much you can pay each month." in advice["message_text"]

    def test_a_returned_payment_carries_nothing(self, empty_book):
        book = pay_monthly(self.offer(empty_book), "500.00")
        for month in range(4):
            book.add("payment", payment_id=f"R{month}", customer_id="C", value_date=ago(9 + 30 * month),
                     amount=Decimal(-500), currency="EUR")  # fmt: skip
        assert book.advice(settings=FREE)["plan_schedule"] is None


class TestStages:
    @pytest.mark.parametrize(
        ("levels", "days_late", "stage", "action"),
        [
            (0, 12, "amicable", "reminder"),
            (2, 80, "formal", "formal_notice"),
            (3, 95, "judicial", "legal_review"),
        ],
    )
    def test_amicable_formal_judicial(self, book, levels, days_late, stage, action):
        book.rows["core_instalment_balance"][0] |= {
            "due_date": ago(days_late), "days_late": days_late, "open_amount": Decimal(30000),
        }  # fmt: skip
        for level in range(1, levels + 1):
            book.contact(60 - 10 * level, dunning_level=level)
        advice = book.risk(days=85).segment("structural").advice(settings=FREE)
        assert (advice["stage"], advice["action"]) == (stage, action)
        assert advice["needs_approval"] is (levels > 0)

    def test_before_the_due_date_no_stage_has_begun(self, empty_book):
        advice = empty_book.customer().invoice(days_late=-20).advice()
        assert advice["stage"] == "before_due"

    def test_a_formal_notice_gets_its_waiting_period_before_any_further_step(self, book):
        book.rows["core_instalment_balance"][0] |= {
            "due_date": ago(95),
            "days_late": 95,
            "open_amount": Decimal(30000),
        }
        for days, level in ((60, 1), (40, 2), (10, 3)):
            book.contact(days, dunning_level=level)
        settings = FREE.model_copy(update={"waiting_period_days": 14})
        advice = book.segment("structural").advice(settings=settings)
        assert (advice["action"], advice["blocked_by"]) == ("wait", ["waiting_period"])
        assert "The formal notice on this account went out on 20 February 2026" in advice["reason_text"]

    def test_no_number_of_reminders_and_calls_makes_a_formal_notice(self, book):
        book.rows["core_instalment_balance"][0] |= {"due_date": ago(40), "days_late": 40}
        for days, channel, level in ((30, "email", 1), (22, "email", 2), (14, "phone", 2), (8, "phone", 2)):
            book.contact(days, channel=channel, dunning_level=level)
        advice = book.risk(days=60).segment("structural").advice(settings=FREE)
        assert advice["action"] in {"reminder", "call"}
        assert (advice["dunning_level"], advice["stage"]) == (2, "amicable")

    def test_a_fourth_reminder_of_one_invoice_is_never_sent_and_three_invoices_may_have_one_each(self, book):
        quiet = FREE.model_copy(update={"calls_per_day": 0})
        book.rows["core_instalment_balance"][0] |= {"due_date": ago(40), "days_late": 40}
        for days in (36, 29, 22):
            book.contact(days, invoice_id=f"elsewhere {days}", dunning_level=1)
        assert book.risk(days=60).advice(settings=quiet)["action"] == "reminder"
        for days in (35, 28, 21):
            book.contact(days, invoice_id="I", dunning_level=2)
        assert book.advice(settings=quiet)["action"] != "reminder"

    def test_after_a_call_the_first_reminder_in_writing_says_all_that_a_first_one_must(self, book):
        book.rows["core_customer"][0] |= {"party_type": "consumer", "country": "BE"}
        book.rows["core_instalment_balance"][0] |= {"due_date": ago(40), "days_late": 40}
        fresh = book.risk(days=60).advice(settings=TreatmentSettings(calls_per_day=0))
        called = book.contact(30, channel="phone").advice(settings=TreatmentSettings(calls_per_day=0))
        assert (fresh["action"], called["action"]) == ("reminder", "reminder")
        assert fresh["message_text"]
        assert called["message_text"] == fresh["message_text"]
        assert called["dunning_level"] == 1


class TestDebtsApart:
    """Every debt has its own first reminder before any further step names it."""

    def consumer(self, book, *levels, new_days_late):
        book.rows["core_customer"][0] |= {"party_type": "consumer"}
        book.rows["core_instalment_balance"][0] |= {"due_date": ago(70), "days_late": 70}
        for level in levels:
            book.contact(70 - 20 * level, invoice_id="I", dunning_level=level)
        book.invoice("NEW", days_late=new_days_late, amount="5000.00").point("letter").point("email")
        return book

    @pytest.mark.parametrize(
        ("levels", "action", "level"), [((1,), "reminder", 2), ((1, 2), "formal_notice", 3)]
    )
    def test_a_further_step_names_only_invoices_that_were_reminded_of(self, book, levels, action, level):
        advice = self.consumer(book, *levels, new_days_late=1).advice(
            settings=FREE.model_copy(update={"calls_per_day": 0})
        )
        assert (advice["action"], advice["dunning_level"]) == (action, level)
        assert "EUR 1,000.00" in advice["message_text"] or "EUR 1.000,00" in advice["message_text"]
        assert "NEW" not in advice["message_text"]
        assert "Another EUR 5,000.00 is past due" in advice["reason_text"]

    def test_what_was_never_reminded_of_gets_a_first_reminder_of_its_own(self, book):
        advice = self.consumer(book, 1, 2, new_days_late=12).advice(
            settings=FREE.model_copy(update={"calls_per_day": 0})
        )
        assert (advice["action"], advice["dunning_level"], advice["past_level"]) == ("reminder", 1, 0)
        assert "invoice NEW" in advice["message_text"] or "factuur NEW" in advice["message_text"]
        assert "factuur I" not in advice["message_text"]
        assert "formal_notice" in advice["open_actions"], "of the older invoice, should a person choose it"

    @pytest.mark.parametrize(("level", "past_level"), [(1, 1), (2, 0)])
    def test_a_further_step_about_the_account_reminds_of_nothing_new(self, book, level, past_level):
        self.consumer(book, new_days_late=30).contact(20, dunning_level=level)
        assert book.advice(settings=FREE)["past_level"] == past_level


class TestFirstReminderInFull:
    """Where the law asks for contents, a text message can be no first reminder; a call never is one."""

    @pytest.mark.parametrize(("party_type", "level"), [("consumer", 0), ("legal_person", 2)])
    def test_a_text_message_replaces_no_first_reminder_with_contents(self, book, party_type, level):
        book.rows["core_customer"][0] |= {"party_type": party_type}
        book.rows["core_instalment_balance"][0] |= {"due_date": ago(70), "days_late": 70}
        book.contact(60, channel="sms", dunning_level=1).contact(40, channel="sms", dunning_level=2)
        assert book.advice(settings=FREE)["past_level"] == level

    @pytest.mark.parametrize(("party_type", "level", "is_closed"), [
        ("consumer", 0, True), ("consumer", 1, False), ("legal_person", 0, False),
    ])  # fmt: skip
    def test_its_channel_is_closed_until_then(self, book, party_type, level, is_closed):
        book.rows["core_customer"][0] |= {"party_type": party_type}
        book.point("sms").point("letter")
        book.add("contact_permission", customer_id="C", channel="sms", status="allowed", valid_from=ago(90))
        if level:
            book.contact(10, dunning_level=1)
        gate = book.gates(settings=FREE).filter(channel="sms")
        assert gate["detail"].str.contains("needs its first reminder").any() is is_closed
        assert ("sms" not in book.advice(settings=FREE)["open_channels"]) is is_closed

    @pytest.mark.parametrize("level", [1, None])
    def test_a_call_starts_no_waiting_period(self, book, level):
        book.contact(9, channel="phone", dunning_level=level)
        assert book.gates().filter(gate="waiting_period").is_empty()


class TestMatching:
    def credit(self, book, amount="12.30"):
        book.add("unallocated_cash", customer_id="C", currency="EUR", credit_amount=Decimal(amount),
                 unmatched_cash_amount=Decimal(0), possible_cash_amount=Decimal(0))  # fmt: skip
        book.rows["core_instalment_balance"][0]["open_amount"] = Decimal(106000)
        return book

    def test_a_small_credit_that_holds_back_a_large_debt_is_matched_first(self, book):
        advice = self.credit(book).advice()
        assert (advice["action"], advice["channel"], advice["department"]) == (
            "match_credit",
            None,
            "cash application",
        )
        assert advice["blocked_by"] == ["credit_available"]
        assert advice["needs_approval"] is True
        assert "until then, EUR 106,000.00 past due gets no reminder" in advice["reason_text"]
        assert "EUR 12.30 of credit" in advice["reason_text"]

    def test_a_pause_in_contact_does_not_stop_work_inside(self, book):
        assert self.credit(book).contact(2, dunning_level=2).advice()["action"] == "match_credit"

    @pytest.mark.parametrize("reason", ["insolvency", "debt_mediation", "vulnerability", "manual"])
    def test_a_hold_comes_first(self, book, reason):
        self.credit(book).add(
            "dunning_block", block_id="B", scope="customer", scope_id="C", reason=reason, valid_from=ago(9)
        )
        assert self.credit(book).advice()["action"] == "wait"

    def test_where_nothing_is_due_nothing_is_urgent(self, empty_book):
        assert self.credit(empty_book.customer().invoice(days_late=-20)).advice()["action"] == "wait"


@pytest.mark.parametrize(
    ("reason", "department"),
    [
        ("quantity", "logistics"),
        ("damaged goods", "quality"),
        ("price", "sales"),
        ("double_invoice", "billing"),
        ("not_ordered", "order desk"),
        ("LEVERING te laat", "logistics"),
        ("X17", "customer service"),
        (None, "customer service"),
    ],
)
def test_a_dispute_goes_to_who_can_settle_it(book, reason, department):
    book.add("dispute", dispute_id="D", invoice_id="I", opened_at=ago(5), reason=reason)
    book.rows["core_instalment_balance"][0]["open_amount"] = Decimal(9000)
    advice = book.risk(days=60).advice()
    assert (advice["action"], advice["department"]) == ("dispute_follow_up", department)
    assert f"within your own organisation, by {department} and" in advice["reason_text"]


class TestThanks:
    def paid(self, empty_book, *, reminded: bool):
        book = empty_book.customer(language="en").invoice("OLD", days_late=30, paid_on=ago(3))
        book.rows["core_instalment_balance"][0]["covered_by"] = "payment"
        book.invoice("NEW", days_late=-20)
        return book.contact(12, dunning_level=1, invoice_id="OLD") if reminded else book

    def test_thanks_follow_a_payment_after_a_reminder(self, empty_book):
        advice = self.paid(empty_book, reminded=True).advice()
        assert (advice["action"], advice["tone"]) == ("thank_you", "friendly")
        assert "Thank you!" in advice["message_text"]
        assert "NEW" not in advice["message_text"], "nobody is thanked and asked in one breath"

    def test_no_thanks_where_nobody_had_asked(self, empty_book):
        assert self.paid(empty_book, reminded=False).advice()["action"] == "wait"


class TestBeforeCollection:
    def debit(self, empty_book, coming="500.00"):
        book = empty_book.customer(language="en", payment_method="direct_debit")
        for number in range(6):
            book.invoice(
                f"O{number}", days_late=40 + 30 * number, amount="100.00", paid_on=ago(40 + 30 * number)
            )
        return book.invoice("NEXT", days_late=-5, amount=coming).risk("NEXT", late=0.7, days=40)

    def test_an_unusually_high_amount_is_told_before_it_is_collected(self, empty_book):
        settings = FREE.model_copy(update={"annual_cost_of_capital": 1.0})
        advice = self.debit(empty_book, "5000.00").advice(settings=settings)
        assert advice["action"] == "self_service_link"
        assert "unusual_debit" in advice["reason_codes"]
        assert "On 7 March 2026 we take EUR 5,000.00 from your bank." in advice["message_text"]

    def test_a_usual_amount_is_not(self, empty_book):
        advice = self.debit(empty_book, "150.00").advice(
            settings=FREE.model_copy(update={"annual_cost_of_capital": 9.0})
        )
        assert advice["action"] != "self_service_link"
