"""What a credit manager is advised, case by case."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.validation import find_violations
from segmentation.treatment.choice import find_beyond_capacity
from segmentation.treatment.recommendation import RECOMMENDATION

AS_OF = date(2026, 3, 2)
FREE = TreatmentSettings(
    cool_down_days=0, waiting_period_days=0, max_contacts_per_week=99, max_contacts_per_month=99
)


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def test_an_overdue_invoice_gets_a_reminder_in_plain_words(book):
    advice = book.risk().advice()
    assert (advice["action"], advice["channel"], advice["tone"]) == ("reminder", "email", "friendly")
    assert advice["dunning_level"] == 1
    assert advice["runner_up"] == "wait"
    assert advice["reason_text"] == (
        "One invoice is 12 days past due, EUR 1,000.00. No contact history speaks for this step yet, so the "
        "documented default scenario does. A friendly reminder by e-mail on Monday 2 March (08:00 to 20:00 in "
        "their time) is expected to bring EUR 5.52 more than waiting, after its cost. No addresses are on record, so check the channel first."
    )
    assert advice["reason_codes"] == [
        "overdue", "default_scenario", "channel_not_verified", "segment_incidental",
    ][:3]  # fmt: skip


def test_the_table_definition_is_kept(book):
    book.customer("D", party_type="consumer").invoice("J", "D", days_late=-10).risk().contact(
        1, customer_id="D"
    )
    assert find_violations(book.recommend(), RECOMMENDATION) == []


def test_the_value_is_the_documented_formula(book):
    # p = .2 within 14 days, 30 days expected: L = (30 − .2 × 7) / .8 = 35.75; days = .8 × (35.75 − 7) = 23.
    # A day costs 1000 × (.08 / 365 + .001) + .10 = 1.319178; a reminder moves .20: 4.6 days; cost .05 + .50.
    advice = book.risk(paid_14=0.2, days=30).advice()
    assert advice["expected_value_amount"] == Decimal("5.52")  # 4.6 × 1.319178 − .55 = 5.518
    assert 0 < advice["expected_value_p05_amount"] < advice["expected_value_amount"]
    assert advice["expected_value_amount"] < advice["expected_value_p95_amount"]


def test_the_default_scenario_is_labelled_and_claims_no_evidence_of_its_own(book):
    advice = book.advice()
    assert "default_scenario" in advice["reason_codes"]
    assert (
        advice["evidence_own_share"],
        advice["evidence_segment_share"],
        advice["evidence_global_share"],
    ) == (0.0, 0.0, 1.0)


def test_only_what_is_open_gets_a_row(empty_book):
    empty_book.customer().invoice(paid_on=ago(2))
    assert empty_book.recommend().is_empty()


def test_a_small_fresh_debt_is_not_worth_a_contact(empty_book):
    empty_book.customer().invoice(amount="20.00").risk(paid_14=0.5, days=15)
    advice = empty_book.advice()
    assert (advice["action"], advice["runner_up"]) == ("wait", "reminder")
    assert advice["reason_codes"][0] == "not_worth_its_cost"
    assert advice["expected_value_amount"] == 0
    for column in ("channel", "tone", "window_start_at", "window_end_at", "dunning_level"):
        assert advice[column] is None


def test_who_is_about_to_pay_anyway_is_left_alone(empty_book):
    empty_book.customer().invoice(amount="100.00").risk(paid_14=0.95, days=5)
    advice = empty_book.advice()
    assert advice["action"] == "wait"
    assert "likely (95 %) to be paid within 14 days" in advice["reason_text"]


def test_the_first_days_after_the_due_date_are_left_to_the_payment(empty_book):
    advice = empty_book.customer().invoice(days_late=2, amount="50000.00").advice()
    assert (advice["action"], advice["reason_codes"][0]) == ("wait", "early_days")


def test_nothing_is_due(empty_book):
    advice = empty_book.customer().invoice(days_late=-20).advice()
    assert (advice["action"], advice["reason_codes"][0]) == ("wait", "not_due")
    assert advice["oldest_days_late"] is None
    assert (
        "Nothing is past due; EUR 1,000.00 is open and the next due date is 22 March 2026."
        in advice["reason_text"]
    )


def test_a_structural_late_payer_gets_a_notice_before_the_due_date_where_lateness_is_likely(empty_book):
    empty_book.customer().invoice(days_late=-4, amount="9000.00").risk(late=0.8, days=20).segment(
        "structural"
    )
    advice = empty_book.advice()
    assert (advice["action"], advice["dunning_level"]) == ("pre_due_notice", 0)
    empty_book.risks[0]["late_prob"] = 0.3
    assert empty_book.advice()["action"] == "wait"


def test_no_notice_before_the_due_date_when_the_next_open_day_comes_after_it(empty_book):
    # Friday 3 April 2026 is Good Friday; Dutch offices reopen on Tuesday 7 April.
    empty_book.customer(country="NL").invoice(due=date(2026, 4, 6), amount="9000.00").segment("structural")
    empty_book.risk(late=0.9)
    empty_book.risks[0]["expected_payment_date"] = date(2026, 4, 30)
    settings = TreatmentSettings(max_source_age_days=99)
    assert empty_book.advice(as_of=date(2026, 4, 2), settings=settings)["action"] == "pre_due_notice"
    assert empty_book.advice(as_of=date(2026, 4, 3), settings=settings)["reason_codes"][0] == "not_due"


def test_small_debts_get_no_payment_plan_and_no_formal_notice(empty_book):
    empty_book.customer().invoice(amount="99.00", days_late=60).segment("structural", "cannot_pay").risk(
        days=80
    )
    assert empty_book.advice()["action"] in {"reminder", "wait", "call"}


def test_a_usually_prompt_customer_gets_some_days_more(empty_book):
    empty_book.customer().invoice(days_late=5, amount="9000.00").segment("prompt")
    assert empty_book.advice()["reason_codes"][0] == "early_days"
    empty_book.segments[0]["segment"] = "incidental"
    assert empty_book.advice()["action"] == "reminder"


def test_large_and_late_is_worth_a_call(empty_book):
    empty_book.customer().invoice(days_late=40, amount="20000.00").risk()
    advice = empty_book.advice()
    assert (advice["action"], advice["channel"], advice["runner_up"]) == ("call", "phone", "reminder")
    assert "call by a person on Monday 2 March (09:00 to 17:00 in their time)" in advice["reason_text"]


def test_calls_to_companies_keep_office_hours_and_those_to_people_do_not(empty_book):
    for party_type in ("legal_person", "public_body", "consumer", "sole_trader"):
        empty_book.customer(party_type, party_type=party_type)
        empty_book.invoice(f"I-{party_type}", party_type, days_late=40, amount="20000.00")
        empty_book.risk(f"I-{party_type}", party_type)
    found = {row["customer_id"]: row for row in empty_book.recommend().iter_rows(named=True)}
    assert {row["action"] for row in found.values()} == {"call"}
    # Brussels is an hour ahead of UTC.
    hours = {name: (row["window_start_at"].hour, row["window_end_at"].hour) for name, row in found.items()}
    assert hours["legal_person"] == hours["public_body"] == (8, 16)
    assert hours["consumer"] == hours["sole_trader"] == (7, 19)


def test_calls_go_where_most_is_at_stake_and_the_others_get_the_next_best(empty_book):
    for number in range(4):
        empty_book.customer(f"C{number}")
        empty_book.invoice(f"I{number}", f"C{number}", days_late=40, amount=f"{20000 + number}.00")
        empty_book.risk(f"I{number}", f"C{number}")
    rows = empty_book.recommend(settings=TreatmentSettings(calls_per_day=2)).sort("customer_id")
    assert rows["action"].to_list() == ["reminder", "reminder", "call", "call"]
    assert ["calls_used_up" in codes for codes in rows["reason_codes"]] == [True, True, False, False]
    none = empty_book.recommend(settings=TreatmentSettings(calls_per_day=0))
    assert set(none["action"]) == {"reminder"}


@pytest.mark.parametrize(
    ("party_type", "needs_approval"),
    [
        ("consumer", True),
        ("sole_trader", True),
        (None, True),
        ("legal_person", False),
        ("public_body", False),
    ],
)
def test_a_person_approves_whatever_step_is_advised_for_natural_persons(
    empty_book, party_type, needs_approval
):
    advice = empty_book.customer(party_type=party_type).invoice().advice()
    assert advice["action"] == "reminder"
    assert advice["needs_approval"] is needs_approval


@pytest.mark.parametrize("party_type", ["consumer", "sole_trader", None, "legal_person"])
@pytest.mark.parametrize("cause", ["unclear", "will_not_pay"])
def test_waiting_needs_nobodys_approval(empty_book, party_type, cause):
    empty_book.customer(party_type=party_type).invoice(amount="1.00").segment("structural", cause)
    advice = empty_book.advice()
    assert (advice["action"], advice["needs_approval"]) == ("wait", False)


def test_a_customer_that_the_customer_table_does_not_know_is_treated_most_strictly(empty_book):
    assert empty_book.invoice().advice()["needs_approval"] is True


def test_calls_of_the_day_are_not_all_made_in_the_currency_with_the_largest_numbers():
    calls = pl.DataFrame(
        {
            "customer_id": ["A", "B", "C", "D", "E", "F"],
            "currency": ["JPY", "JPY", "JPY", "EUR", "EUR", "EUR"],
            "value": [762.0, 500.0, 300.0, 57.99, 20.0, 10.0],
        }
    )
    beyond = find_beyond_capacity(calls, 2)["customer_id"].to_list()
    assert set(calls["customer_id"]) - set(beyond) == {"A", "D"}


class TestChannels:
    def test_the_stated_preference_comes_first(self, book):
        book.point("email").point("letter")
        book.add(
            "contact_permission",
            customer_id="C",
            channel="letter",
            status="allowed",
            valid_from=ago(9),
            is_preferred=True,
        )
        advice = book.risk().advice()
        assert advice["channel"] == "letter"
        assert "reminder by letter on Monday 2 March is expected to bring" in advice["reason_text"]
        assert "preferred_channel" in advice["reason_codes"]
        assert "channel_not_verified" not in advice["reason_codes"]

    def test_an_opt_out_is_respected_and_the_next_channel_taken(self, book):
        book.point("email").point("portal")
        book.add("contact_permission", customer_id="C", channel="email", status="opt_out", valid_from=ago(9))
        advice = book.risk().advice()
        assert advice["channel"] == "portal"
        assert advice["blocked_by"] == []

    def test_no_channel_left_means_wait_and_says_why(self, book):
        book.point("email", bounced_at=ago(9))
        advice = book.risk().advice()
        assert advice["action"] == "wait"
        assert advice["blocked_by"] == ["channel_unreachable"]
        assert advice["earliest_lawful_at"] is None

    def test_without_any_address_no_channel_that_needs_consent_is_guessed(self, book):
        for channel in ("email", "letter", "portal"):
            book.add(
                "contact_permission", customer_id="C", channel=channel, status="opt_out", valid_from=ago(9)
            )
        assert book.risk().advice()["action"] == "wait"


class TestGates:
    def test_a_closed_account_waits_says_why_and_when_to_look_again(self, book):
        advice = book.contact(2, dunning_level=2).advice()
        assert advice["action"] == "wait"
        assert advice["blocked_by"] == ["cool_down"]
        # The cool-down lifts on Saturday 7 March; offices open on Monday 9 March at 08:00 in Brussels.
        assert advice["earliest_lawful_at"] == datetime(2026, 3, 9, 7, tzinfo=UTC)
        assert advice["reason_text"] == (
            "One invoice is 12 days past due, EUR 1,000.00. Wait. The last contact was on 28 February 2026. "
            "The earliest lawful moment is Monday 9 March (08:00 to 20:00 in their time)."
        )

    def test_no_date_is_named_when_one_closed_gate_has_none(self, book):
        book.contact(2, dunning_level=2).add("payment_plan", plan_id="P", customer_id="C", started_at=ago(9))
        advice = book.advice()
        assert advice["blocked_by"] == ["running_plan", "cool_down"]
        assert advice["earliest_lawful_at"] is None

    def test_a_disputed_invoice_is_left_out_and_the_rest_is_reminded(self, book):
        book.invoice("J", amount="400.00").risk()
        book.add("dispute", dispute_id="D", invoice_id="J", opened_at=ago(5))
        advice = book.advice()
        assert (advice["action"], advice["blocked_by"]) == ("reminder", [])
        assert advice["overdue_amount"] == Decimal(1400)
        assert (
            "Of the overdue amount, EUR 400.00 is left out because a gate is closed for those invoices."
            in advice["reason_text"]
        )

    def test_a_dispute_about_everything_is_followed_up_inside_without_contact(self, book):
        book.add("dispute", dispute_id="D", invoice_id="I", opened_at=ago(5))
        book.rows["core_instalment_balance"][0]["open_amount"] = Decimal(9000)
        advice = book.risk(days=60).advice()
        assert (advice["action"], advice["channel"]) == ("dispute_follow_up", None)
        assert "without contacting the customer, on Monday 2 March comes before" in advice["reason_text"]
        assert "in their time" not in advice["reason_text"]
        assert advice["blocked_by"] == ["open_dispute"]

    def test_a_promise_on_everything_overdue_means_wait_for_its_day(self, book):
        book.add(
            "promise_to_pay",
            promise_id="P",
            invoice_id="I",
            made_at=ago(3),
            promised_date=AS_OF + timedelta(days=3),
            status="open",
        )
        advice = book.advice()
        assert (advice["action"], advice["blocked_by"]) == ("wait", ["open_promise"])
        assert advice["earliest_lawful_at"] == datetime(2026, 3, 9, 7, tzinfo=UTC)

    def test_an_advice_outlives_a_long_weekend(self, book):
        # Maundy Thursday evening's worklist for Good Friday: a Dutch consumer's next open day is Saturday.
        book.rows["core_customer"][0] |= {"country": "NL"}
        advice = book.advice(as_of=date(2026, 4, 3), settings=TreatmentSettings(max_source_age_days=99))
        assert advice["window_start_at"] == datetime(2026, 4, 7, 6, tzinfo=UTC), "offices reopen on Tuesday"
        assert advice["valid_until"] == advice["window_end_at"]


class TestHarshSteps:
    def late(self, book, levels: int, days_late: int = 80):
        book.rows["core_instalment_balance"][0] |= {
            "due_date": ago(days_late),
            "days_late": days_late,
            "open_amount": Decimal(30000),
        }
        for level in range(1, levels + 1):
            book.contact(60 - 10 * level, dunning_level=level)
        return book.risk(days=85)

    def test_no_formal_notice_without_two_reminders_on_record(self, book):
        for levels in (0, 1):
            book.rows["core_contact_event"].clear()
            book.risks.clear()
            advice = self.late(book, levels).advice(settings=FREE)
            assert advice["action"] not in {"formal_notice", "legal_review"}

    def test_a_formal_notice_is_for_a_named_person_to_approve(self, book):
        quiet = FREE.model_copy(update={"calls_per_day": 0})
        advice = self.late(book, 2).segment("structural").advice(settings=quiet)
        assert (advice["action"], advice["channel"]) == ("formal_notice", "registered_letter")
        assert (advice["needs_approval"], advice["dunning_level"], advice["tone"]) == (True, 3, "formal")

    def test_legal_review_needs_three_levels_and_ninety_days(self, book):
        quiet = FREE.model_copy(update={"calls_per_day": 0})
        advice = self.late(book, 3, days_late=95).segment("structural").advice(settings=quiet)
        assert (advice["action"], advice["channel"]) == ("legal_review", None)
        assert "in their time" not in advice["reason_text"]
        assert advice["needs_approval"] is True

    @pytest.mark.parametrize("levels", [0, 1, 2, 3])
    def test_a_hypothesis_that_somebody_will_not_pay_leads_to_a_call_at_most(self, book, levels):
        advice = (
            self.late(book, levels, days_late=120).segment("structural", "will_not_pay").advice(settings=FREE)
        )
        assert advice["action"] in {"wait", "reminder", "call"}
        assert advice["needs_approval"] is (advice["action"] != "wait")

    def test_a_refusal_on_record_is_no_hypothesis(self, book):
        quiet = FREE.model_copy(update={"calls_per_day": 0})
        self.late(book, 3, days_late=120).segment("structural", "will_not_pay")
        book.add(
            "contact_outcome",
            contact_id="C-30",
            code="will_not_pay",
            recorded_at=datetime(2026, 2, 1, tzinfo=UTC),
        )
        assert book.advice(settings=quiet)["action"] == "formal_notice"

    def test_who_may_not_be_able_to_pay_is_offered_a_plan(self, book):
        advice = (
            self.late(book, 2)
            .segment("structural", "cannot_pay")
            .advice(settings=FREE.model_copy(update={"calls_per_day": 0}))
        )
        assert (advice["action"], advice["tone"], advice["needs_approval"]) == (
            "payment_plan_offer",
            "supportive",
            True,
        )


@pytest.mark.parametrize("reason", ["failed_direct_debit", "AM04", "MS03"])
def test_a_failed_direct_debit_gets_a_link_to_pay(book, reason):
    book.point("email").add(
        "payment",
        payment_id="P",
        customer_id="C",
        value_date=ago(6),
        amount=Decimal(-1000),
        currency="EUR",
        reversal_of="P0",
        reason_code=reason,
    )
    advice = book.risk().advice()
    assert advice["action"] == "self_service_link"
    assert "failed_direct_debit" in advice["reason_codes"]


def test_a_failed_direct_debit_is_of_whose_invoice_was_collected(book):
    book.point("email").invoice("J", days_late=40, paid_on=ago(30))
    money = {"currency": "EUR", "value_date": ago(6)}
    book.add("payment", payment_id="P", amount=Decimal(1000), **money)
    book.add(
        "payment",
        payment_id="R",
        amount=Decimal(-1000),
        reversal_of="P",
        reason_code="failed_direct_debit",
        **money,
    )
    book.add("allocation", allocation_id="A", payment_id="P", invoice_id="J", amount=Decimal(1000))
    assert "failed_direct_debit" in book.risk().advice()["reason_codes"]


def test_levels_follow_the_contacts_since_the_oldest_open_invoice_fell_due(book):
    book.rows["core_instalment_balance"][0] |= {"due_date": ago(40), "days_late": 40}
    book.contact(50, dunning_level=3)  # about an earlier invoice
    book.contact(25, dunning_level=1)
    assert book.risk().advice(settings=TreatmentSettings(calls_per_day=0))["dunning_level"] == 2


def test_one_currency_is_shown_and_the_others_are_named_not_converted(book):
    book.invoice("U", amount="1500.00", currency="USD", days_late=20).invoice(
        "G", amount="9000.00", currency="GBP", days_late=-5
    )
    advice = book.advice()
    assert (advice["currency"], advice["overdue_amount"]) == ("USD", Decimal(1500))
    assert "other_currencies_open" in advice["reason_codes"]
    assert "USD 1,500.00. EUR 1,000.00 and GBP 9,000.00 are open as well. " in advice["reason_text"]


@pytest.mark.parametrize("is_disputed", [False, True])
def test_a_currency_with_anything_overdue_comes_before_one_without(book, is_disputed):
    book.invoice("U", amount="90000.00", currency="USD", days_late=-5)
    if is_disputed:
        book.add("dispute", dispute_id="D", invoice_id="I", opened_at=ago(5))
    advice = book.risk().advice()
    assert (advice["currency"], advice["overdue_amount"]) == ("EUR", Decimal(1000))
    assert "EUR 1,000.00. USD 90,000.00 is open as well. " in advice["reason_text"]


class TestNothingOverdueBehindAGate:
    def test_the_first_reason_is_that_nothing_is_due(self, empty_book):
        advice = empty_book.customer().invoice(days_late=-20).contact(2, dunning_level=2).advice()
        assert (advice["action"], advice["blocked_by"]) == ("wait", ["cool_down"])
        assert advice["reason_codes"][:2] == ["not_due", "blocked"]
        assert advice["reason_text"].endswith(
            "Wait: no step is needed before the due date. The last contact was on 28 February 2026."
        )

    def test_the_gate_comes_first_where_a_step_would_be_taken_without_it(self, empty_book):
        empty_book.customer().invoice(days_late=-4, amount="9000.00").segment("structural")
        empty_book.risk(late=0.8, days=20)
        assert empty_book.advice()["action"] == "pre_due_notice"
        advice = empty_book.contact(2, dunning_level=2).advice()
        assert (advice["action"], advice["reason_codes"][0]) == ("wait", "blocked")

    def test_a_step_that_is_worth_nothing_is_no_step(self, empty_book):
        empty_book.customer().invoice(days_late=-4, amount="2.00").segment("structural")
        empty_book.risk(late=0.8, days=20)
        assert empty_book.contact(2, dunning_level=2).advice()["reason_codes"][:2] == ["not_due", "blocked"]

    def test_a_source_that_may_be_outdated_does_not_say_that_nothing_is_due(self, empty_book):
        empty_book.customer().invoice(days_late=-60)
        advice = empty_book.advice(as_of=AS_OF + timedelta(days=30))
        assert (advice["blocked_by"], advice["reason_codes"][0]) == (["stale_source"], "blocked")


class TestHistory:
    def history(self, book, customer_id: str, contacts: int, answered: int, cash_days=4):
        """Contacts half a year apart on an invoice each; answered ones are paid some days later."""
        for number in range(contacts):
            sent = ago(60 + 20 * number)
            paid = sent + timedelta(days=cash_days) if number < answered else sent + timedelta(days=30)
            name = f"{customer_id}-old-{number}"
            book.invoice(name, customer_id, due=sent - timedelta(days=10), paid_on=paid)
            book.contact(60 + 20 * number, f"{customer_id}-c{number}", customer_id, invoice_id=name)
        return book

    def test_own_answers_are_told_in_words_and_shares_add_up(self, book):
        advice = self.history(book, "C", 6, 5).risk().advice()
        assert (
            "After 5 of 6 earlier reminders this customer paid within 14 days, usually within 4 days."
            in advice["reason_text"]
        )
        assert "own_response_history" not in advice["reason_codes"], "others weigh more than six contacts"
        assert "default_scenario" not in advice["reason_codes"]
        shares = [advice[f"evidence_{name}_share"] for name in ("own", "segment", "global")]
        assert sum(shares) == pytest.approx(1.0)
        assert 0.1 < shares[0] < max(shares)

    def test_own_answers_are_named_as_the_reason_where_they_weigh_most(self, book):
        advice = self.history(book, "C", 60, 45).risk().advice()
        assert advice["evidence_own_share"] > max(
            advice["evidence_segment_share"], advice["evidence_global_share"]
        )
        assert "own_response_history" in advice["reason_codes"]

    @pytest.mark.parametrize(
        ("answered", "words"),
        [
            (1, "After 1 of 4 earlier reminders this customer paid within 14 days: once, after 4 days. "),
            (
                2,
                "After 2 of 4 earlier reminders this customer paid within 14 days, on average after 4 days. ",
            ),
            (3, "After 3 of 4 earlier reminders this customer paid within 14 days, usually within 4 days. "),
        ],
    )
    def test_nothing_is_called_usual_before_the_third_time(self, book, answered, words):
        assert words in self.history(book, "C", 4, answered).risk().advice()["reason_text"]

    def test_a_customer_who_never_answered_is_told_so(self, book):
        book.rows["core_instalment_balance"][0]["open_amount"] = Decimal(50000)
        advice = self.history(book, "C", 4, 0).risk().advice(settings=TreatmentSettings(calls_per_day=0))
        assert (
            "Four earlier reminders to this customer brought no payment within 14 days; the expected gain rests "
            "mostly on all customers. " in advice["reason_text"]
        )

    def test_who_answers_is_worth_more_than_who_does_not(self, book):
        book.customer("D").invoice("J", "D").risk().risk("J", "D")
        self.history(self.history(book, "C", 6, 6), "D", 6, 0)
        assert book.advice("C")["expected_value_amount"] > book.advice("D")["expected_value_amount"]

    def test_contacts_whose_days_to_answer_are_not_over_teach_nothing(self, book):
        book.contact(10, dunning_level=2)
        assert "default_scenario" in book.risk().advice(settings=FREE)["reason_codes"]


def test_the_same_input_gives_the_same_ids_and_another_day_gives_others(book):
    first, second = book.recommend(), book.recommend()
    assert first.equals(second)
    later = book.recommend(as_of=AS_OF + timedelta(days=1))
    assert set(first["recommendation_id"]).isdisjoint(later["recommendation_id"])


def test_nothing_is_random(book):
    advice = book.advice()
    assert (advice["propensity"], advice["is_exploration"]) == (1.0, False)
    assert advice["policy_version"] == TreatmentSettings().policy_version
    assert RECOMMENDATION.column_names == list(advice)
    assert pl.DataFrame([advice]).height == 1
