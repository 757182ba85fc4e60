"""Floor 3: incidental or structural late payers, with uncertainty, and the likely cause.

Belongs here: propensity, segment rules, cause hypotheses and their evidence. Does not belong here:
payment dates of single invoices, or what to do.
"""
