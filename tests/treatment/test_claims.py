from datetime import date
from decimal import Decimal

from segmentation.domain.settings import TreatmentSettings
from segmentation.treatment.claims import OverdueInvoice, tell_claims

AS_OF = date(2025, 6, 2)


def tell(
    party_type,
    country,
    *,
    reminded=(),
    amount="400.00",
    currency="EUR",
    issued=date(2025, 4, 1),
    due=date(2025, 5, 1),
):
    invoice = OverdueInvoice(
        "I1", currency, Decimal(amount), issued, due, [date(2025, *day) for day in reminded]
    )
    _, (line,) = tell_claims(party_type, country, [invoice], AS_OF, TreatmentSettings())
    return line


def test_a_belgian_consumer_owes_nothing_beside_the_invoice_before_a_first_reminder():
    assert tell("consumer", "BE") == (
        "Invoice I1: no costs before a first reminder and its waiting period, then at most EUR 55.00, interest of "
        "EUR 0.00 until 2 June 2025 and nothing for one more reminder."
    )


def test_while_the_waiting_period_runs_its_end_is_named():
    """Sent on 26 May 2025; 29 May is Ascension, so the third working day is 30 May; fourteen days from there."""
    assert "no costs before 13 June 2025, then at most EUR 55.00" in tell(
        "consumer", "BE", reminded=[(5, 26)]
    )


def test_after_the_waiting_period_costs_interest_and_a_fee_are_due():
    """Sent on 5 May 2025: third working day 8 May, free from 22 May. Twelve days at 3.15 + 8 % on 400."""
    assert tell("consumer", "BE", reminded=[(5, 5)]) == (
        "Invoice I1: costs of at most EUR 55.00, interest of EUR 1.46 until 2 June 2025 and EUR 7.50 for one more reminder."
    )


def test_a_business_owes_the_fixed_sum_and_interest_from_the_day_after_the_due_date():
    """32 days at 3.15 + 8 % on 400: 400 × 11.15 % × 32 / 365 = 3.91."""
    assert tell("legal_person", "BE") == (
        "Invoice I1: costs of at most EUR 40.00, interest of EUR 3.91 until 2 June 2025 and nothing for one more reminder."
    )


def test_terms_that_are_longer_than_the_law_allows_are_cut():
    line = tell("legal_person", "BE", issued=date(2025, 1, 15), due=date(2025, 5, 1))
    assert line.endswith("; in law it fell due on 16 March 2025 already.")


def test_what_is_not_known_is_not_made_up():
    assert tell(None, None).startswith("Invoice I1: no costs before a first reminder")
    assert "at most EUR 0.00, interest of EUR 0.00" in tell(None, None)
    assert tell("consumer", "BE", currency="USD") == "Invoice I1: ceilings are known in EUR only."
    late = OverdueInvoice("I1", "EUR", Decimal(9), None, date(2031, 1, 1), [])
    assert (
        "rate is not on record"
        in tell_claims("legal_person", "BE", [late], date(2031, 2, 1), TreatmentSettings())[1][0]
    )
