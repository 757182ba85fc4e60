"""Payments that their source did not allocate, matched to invoices by rules in a fixed order.

Belongs here: what a payment says (references, text_search), whom it may be from (payers), what was open
on a day (open_amounts), the decision (decision, by_name, by_payer, rounds), money taken back (returned,
unclear) and the tables of all this (tables, matching). Does not belong here: reading bank statements
(readers), balances (ledger.balances).
"""
