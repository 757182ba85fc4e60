"""Floor 1: real exports in, one reconciled ledger out.

Belongs here: mappings, reading, conversion, quarantine, the as-known view, balances, the warehouse.
Does not belong here: anything about predicting or advising.
"""
