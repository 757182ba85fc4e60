"""Floor 1: a seeded world with planted truth, written as a canonical ledger.

Belongs here: customers, invoices, payments and contacts drawn from stated distributions, and the
truth behind them. Does not belong here: any code that the pipeline runs on a real ledger.
"""
