"""How long the word of a credit manager about a cause counts: one limit for what runs know and what pages ask.

Belongs here: that limit. Does not belong here: keeping findings (publish), learning from them (segments).
"""

from datetime import date, timedelta

REMEMBERED_DAYS = 365
"""Behaviour changes: findings on snapshots that are older no longer count."""


def find_remembered_since(as_of: date) -> date:
    """Return the earliest as-of day of snapshots on which a finding still counts in a run as of ``as_of``."""
    return as_of - timedelta(days=REMEMBERED_DAYS)
