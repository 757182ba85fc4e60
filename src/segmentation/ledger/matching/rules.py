"""The rules of matching: how far each is trusted, and when a number is too short to stand alone.

Belongs here: priors and thresholds, each with its reason. Does not belong here: applying them (decision).
"""

from collections.abc import Mapping

from segmentation.domain.vocabulary import MatchRule

CONFIDENCE: Mapping[MatchRule, float] = {
    MatchRule.STRUCTURED_REFERENCE: 0.995,
    MatchRule.END_TO_END_ID: 0.99,
    MatchRule.INVOICE_NUMBER: 0.98,
    MatchRule.INVOICE_NUMBERS: 0.98,
    MatchRule.PAYER_AND_AMOUNT: 0.95,
    MatchRule.PAYER_AND_TOTAL: 0.93,
    MatchRule.PAYER: 0.90,
    MatchRule.AMOUNT: 0.50,
}
"""How likely a match by the rule is right: assumptions, until measured on matches that people confirmed.

A reference with check digits survives no single slip of the pen (1 in 97 of random ones passes, and must
then also be in use); a number in free text can be mistyped into another that exists; a payer and an amount
say nothing about which invoice was meant.
"""

RANK: Mapping[MatchRule, int] = {
    MatchRule.STRUCTURED_REFERENCE: 1,
    MatchRule.END_TO_END_ID: 2,
    MatchRule.INVOICE_NUMBER: 3,
}
"""Order of the rules that name an invoice: only the first that found one is followed."""

LONG_NUMBER_DIGITS = 9
"""A number of at least so many digits names an invoice alone; a shorter one may be a date or an order."""

SHORT_NUMBER_DIGITS = 5
"""With fewer digits even the amount does not help (years, counts): the customer must agree."""

WORD_LENGTH = 4
"""A number with letters names an invoice alone when it has at least so many signs."""

LATER_DAYS = 31
"""An invoice that becomes known longer after the payment that seems to name it is another: numbers are
given out in order, and a mistyped one is sooner or later in use."""

MOST_OWING = 5
"""Money that names nothing holds back whoever owes exactly its amount, where that is so many customers at most."""

NAME_LENGTH = 5
"""A payer's name of fewer letters and digits is no evidence."""

BOOKED_DAYS = 5
"""Books give the money of a statement a value date of at most so many days before or after the bank's: a
weekend and a holiday, since books often have the day of entry."""

RETURN_DAYS = 61
"""A debit that says no more than account and amount takes back a payment of at most so many days before: a
payer may ask for a direct debit back for eight weeks, and its bank may take some days more to send it (EPC
SEPA Direct Debit Core Scheme Rulebook, EPC016-06, refunds and returns)."""
