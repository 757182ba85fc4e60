"""What money paid out or taken back means: a reversal, a direct debit that came back, or a refund.

Belongs here: telling them apart. Does not belong here: what a reversal takes back (reversals), whose it is (payers).
"""

import polars as pl

RETURNED_DEBIT_CODES = (
    "FAILED_DIRECT_DEBIT",
    *("AC01", "AC04", "AC06", "AC13", "AG01", "AM04", "MD01", "MD02", "MD06", "MS02", "MS03", "SL01"),
)
"""Codes that say that a direct debit came back, in capitals: the ledger's own, and those of ISO 20022.

Sources: ISO 20022 external code set ExternalReturnReason1Code, as the European Payments Council's *Guidance on reason
codes for SEPA direct debit R-transactions* (EPC173-14) uses it. CAMT.053, CODA (the reason of a direct debit) and MT940 with
code words (/RTRN/) deliver these. Left out are codes of an error of the creditor or a bank (AM05, AG02, BE05, FF05, RC01
...): they say nothing about the customer; and MD07 (the account holder has died), after which nobody is sent a payment link.
"""

_GERMAN_SUPPLEMENT = r"^9\d\d$"
"""Text key supplement of a returned direct debit in MT940 sub-field ?34 (Deutsche Kreditwirtschaft, DFÜ-Abkommen, annex 3)."""


def is_reversal() -> pl.Expr:
    """Return whether a row of ``core_payment`` takes a payment back; never null.

    Money out that says which payment it takes back, or why, is a reversal; other money out is a refund, which says
    nothing about the customer. What takes a reversal back gives the money again, and is none.
    """
    is_told = pl.col("reversal_of").is_not_null() | pl.col("reason_code").is_not_null()
    return (pl.col("amount") < 0).fill_null(value=False) & is_told


def is_returned_debit() -> pl.Expr:
    """Return whether a row of ``core_payment`` is a direct debit that came back; never null.

    Why it did is not told: a code such as AM04 (too little in the account at that moment) is no fact about a person.
    """
    code = pl.col("reason_code").str.strip_chars().str.to_uppercase()
    is_code = code.is_in(RETURNED_DEBIT_CODES) | code.str.contains(_GERMAN_SUPPLEMENT)
    return is_reversal() & is_code.fill_null(value=False)
