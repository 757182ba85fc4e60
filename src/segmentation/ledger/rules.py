"""The rules that a source row must keep, and how to repair a row that breaks one.

Belongs here: rule codes and their remedies in words. Does not belong here: the checks themselves
(delimited, conversion, as_known).
"""

from collections.abc import Mapping

REST_OF_ROW_REFUSED = "rest_of_row_refused"
CONFLICTING_ROWS = "conflicting_rows"
REVERSAL_NOT_OPPOSITE = "reversal_not_opposite"

REMEDIES: Mapping[str, str] = {
    "too_few_fields": "The line has fewer fields than the header: correct it in the source and export again.",
    "too_many_fields": "The line has more fields than the header: quote the field that holds the delimiter.",
    "stray_quote": "A quote stands inside a field: double it and quote the whole field.",
    "currencies_disagree": "The amounts are in another currency than the document says: ask for a corrected one.",
    "instalments_do_not_add_up": "The parts do not make the payable amount: ask for a corrected invoice.",
    "corrects_another_invoice": (
        "It takes the place of another invoice and does not say what is left of that one: deliver a credit note (381) for "
        "the one that it names, and itself as an invoice (380)."
    ),
    "not_to_the_schema": "The document breaks the official schema at this line: ask the sender for a valid one.",
    "error_cell": "The cell shows an error such as #N/A: repair the formula and save again.",
    "formula_without_value": "The cell holds a formula that was never calculated: open the workbook, save it, deliver again.",
    "number_beyond_precision": "Excel keeps fifteen digits of a number, so this one is no longer exact: write it as text.",
    "value_beside_the_table": "The cell has no header above it: give its column a name, or clear it.",
    "missing_value": "The value is required: fill it in the source, or map the column it stands in.",
    "not_a_number": "Write the number as the mapping says (decimal and thousands marks), without text.",
    "too_many_decimals": "Amounts have at most three decimals: round in the source, which knows how.",
    "amount_out_of_range": "Amounts have at most fifteen digits before the decimals: check the typing.",
    "negative_amount": "The amount must not be negative: use a credit note, a reversal or another document.",
    "not_a_whole_number": "Write a whole number, without decimals or text.",
    "out_of_range": "The number is outside the range that makes sense: correct it in the source.",
    "not_a_date": "Write the day as `date_format` in the mapping says, or correct the mapping.",
    "not_a_timestamp": "Write the moment as `timestamp_format` in the mapping says, or correct the mapping.",
    "date_out_of_range": "The year is implausible: correct the typing, or widen the years in the settings.",
    "not_a_yes_or_no": "Write true or false.",
    "not_in_list": "Use a word of the closed list, or translate it under `values` in the mapping.",
    "not_a_currency": "Write the code of the currency as ISO 4217 lists it: three capital letters.",
    "digits_lost": "A spreadsheet shortened the number to powers of ten: write it as text and export again.",
    "due_before_issue": "The due date is before the issue date: correct one of them in the source.",
    REVERSAL_NOT_OPPOSITE: "A payment that takes back another one must have the opposite sign: correct one of them.",
    "two_origins": "An allocation comes from a payment or from a credit note, not from both.",
    "day_after_a_gap": "The day lies long after all other facts: correct it, or give the as-of day yourself (--as-of).",
    "day_in_the_future": "The day has not come yet: correct it, or give the as-of day yourself (--as-of).",
    "day_long_after_learning": "The day lies long after the moment at which the row was learned: correct one of them.",
    CONFLICTING_ROWS: "Rows with this key and the same observed_at disagree: deliver the right one with a later observed_at.",
    REST_OF_ROW_REFUSED: "Another part of this source row is in quarantine: repair that part.",
    "unknown_customer": "No customer with this number is known: deliver the customer, or correct the number.",
    "unknown_invoice": "No invoice with this number is known: deliver the invoice, or correct the number.",
    "unknown_contact": "No contact with this number is known: deliver the contact, or correct the number.",
}
"""How to repair a row that breaks the rule, by rule."""
