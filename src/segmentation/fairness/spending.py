"""How much of the false-alarm budget one run may spend, so that many runs together keep it.

Belongs here: alpha per run, from the days since the audit before. Does not belong here: the tests that
spend it (comparison), or the record of earlier audits (history).

Notes
-----
Whoever tests every week at 5 % raises a false alarm in most years. Alpha is spent like money instead
(Lan and DeMets 1983), by calendar time and not by the number of runs, so that daily runs cost no more
than monthly ones: the first audit, which meets whatever was there before, spends ``first_look_share``
of alpha; every later one a part of the rest that grows with the days since the audit before, all of it
after ``alpha_period_days``. By Bonferroni's inequality the chance of any false alarm in any such period
is then at most alpha, however the figures of different runs depend on each other. A repeated audit of
the same day is not a second look: it spends what the first did.

Blocked audits are looks like any other.
"""

from datetime import date

from segmentation.domain.settings import FairnessSettings


def spend_alpha(previous: date | None, as_of: date, settings: FairnessSettings) -> float:
    """Return the family-wise false-alarm rate at which the run of a day is tested.

    Parameters
    ----------
    previous : as-of day of the latest audit before ``as_of``; None when this is the first.
    as_of : day of the run.
    settings : ``alpha``, ``alpha_period_days``, ``first_look_share``.

    Raises
    ------
    ValueError
        When the audit before is not before this one.

    Examples
    --------
    >>> settings = FairnessSettings()
    >>> round(spend_alpha(None, date(2026, 1, 5), settings), 6)
    0.0375
    >>> round(spend_alpha(date(2026, 1, 5), date(2026, 1, 12), settings), 6)
    0.000481
    """
    first = settings.alpha * settings.first_look_share
    if previous is None:
        return first
    days = (as_of - previous).days
    if days <= 0:
        raise ValueError(f"the audit before ({previous}) is not before this one ({as_of})")
    return (settings.alpha - first) * min(1.0, days / settings.alpha_period_days)
