"""What credit managers found out about causes, and what the cause model learns from it.

Belongs here: Dirichlet counts on the prior and on the likelihood ratios, and the word of a person about one
customer. Does not belong here: keeping findings (publish), weighing signals (causes).
"""

from collections.abc import Mapping
from datetime import date
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.cause_memory import find_remembered_since
from segmentation.domain.vocabulary import Cause
from segmentation.segments.definitions import CAUSES, CauseModel, CauseSignal

WEIGHT_UNIT = 1 << 20
"""Shares are added up as whole multiples of one part in so many: sums do not depend on the order of rows."""
LEAST_RATE = 0.001
"""A signal is taken to be seen at least, and missed at least, at this rate."""

_Numbers = TypeVar("_Numbers", float, npt.NDArray[np.float64])


def find_known_causes(findings: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the cause in force per customer that a credit manager named: ``customer_id``, ``found_cause``, ``found_date``.

    Parameters
    ----------
    findings : ``core_cause_finding``, any number about a customer.
    as_of : findings on snapshots of this day or later are not known, those older than a year are forgotten
        (``cause_memory``).

    Notes
    -----
    Of several findings the one recorded last counts, also when it takes an earlier word back.
    """
    is_remembered = pl.col("as_of_date") >= find_remembered_since(as_of)
    return (
        findings.filter((pl.col("as_of_date") < as_of) & is_remembered)
        .sort("customer_id", "sequence", "found_at", "finding_id", nulls_last=False)
        .unique("customer_id", keep="last", maintain_order=True)
        .filter(pl.col("cause") != Cause.UNCLEAR.value)
        .select("customer_id", pl.col("cause").alias("found_cause"), pl.col("as_of_date").alias("found_date"))
    )


def learn_causes(model: CauseModel, known_causes: pl.DataFrame, signals: pl.DataFrame) -> CauseModel:
    """Return ``model`` with prior and likelihood ratios moved by what people found out.

    Parameters
    ----------
    model : the reviewed file.
    known_causes : result of ``find_known_causes``; without any, ``model`` is returned as it is.
    signals : result of ``signals.count_signals`` for the whole book.

    Notes
    -----
    Prior (Dirichlet-multinomial): π'(c) = (s·π(c) + n(c)) ÷ (s + n), with n(c) findings of cause c and s =
    ``prior_counts_for``.

    Ratios (beta-binomial per signal and cause): the file's ratios a (seen) and b (not seen) of a cause imply,
    in a book in which the signal is seen at rate p, the rate q = a·p ÷ (a·p + b·(1 − p)) with that cause. With k
    sightings in m opportunities among customers with that finding, each counting at most ``counts_for``, it
    becomes q' = (t·q + k) ÷ (t + m), t = ``ratios_count_for``; the ratios become a·q' ÷ q and
    b·(1 − q') ÷ (1 − q). Without findings nothing changes, and however many there are, their order and that
    of the rows do not matter. Customers whom people look at are not a random sample: the learned prior is that
    of the customers who are asked about.
    """
    if known_causes.is_empty():
        return model
    found = dict(known_causes.group_by("found_cause").len().iter_rows())
    strength, count = model.learning.prior_counts_for, known_causes.height
    prior = {
        cause: learn_share(model.prior[cause], strength, found.get(cause.value, 0), count) for cause in CAUSES
    }
    rates = _sum_opportunities(signals, model, [])
    seen = _sum_opportunities(signals.join(known_causes, "customer_id"), model, ["found_cause"])
    learned = {
        name: _learn_ratios(signal, name, model.learning.ratios_count_for, rates, seen)
        for name, signal in model.signals.items()
    }
    return model.model_copy(
        update={"version": f"{model.version}+{count}", "prior": prior, "signals": learned}
    )


def imply_rate(rate: _Numbers, seen: _Numbers, missed: _Numbers) -> _Numbers:
    """Return the rate at which a signal is seen with a cause: a·p ÷ (a·p + b·(1 − p)) (see ``learn_causes``).

    Parameters
    ----------
    rate : p, between 0 and 1, at which it is seen in the whole book.
    seen, missed : likelihood ratios a and b of the cause, above 0.
    """
    return seen * rate / (seen * rate + missed * (1.0 - rate))


def learn_share(start: _Numbers, strength: float, found: _Numbers, count: _Numbers) -> _Numbers:
    """Return a share that starts from a reviewed one: (s·start + found) ÷ (s + count) (see ``learn_causes``)."""
    return (strength * start + found) / (strength + count)


def heed_findings(probabilities: pl.DataFrame, known_causes: pl.DataFrame, model: CauseModel) -> pl.DataFrame:
    """Return probabilities of causes in which the word of a person about a customer counts.

    Parameters
    ----------
    probabilities : result of ``causes.weigh_causes``.
    known_causes : result of ``find_known_causes``.
    model : for ``learning.finding_prob`` and the prior, which customers without any signal have.

    Notes
    -----
    The cause that was named gets ``finding_prob``; the others keep their proportions in the rest (Jeffrey
    conditioning; Jeffrey 1965).
    """
    names = [cause.value for cause in CAUSES]
    supports = [name for name in probabilities.columns if name not in {"customer_id", *names}]
    silent = known_causes.join(probabilities, "customer_id", "anti").select(
        "customer_id",
        *(pl.lit(model.prior[cause]).alias(cause.value) for cause in CAUSES),
        *(pl.lit(value=False).alias(name) for name in supports),
    )
    joined = pl.concat([probabilities, silent.select(probabilities.columns)]).join(
        known_causes.select("customer_id", "found_cause"), "customer_id", "left"
    )
    sure = model.learning.finding_prob
    is_found = {name: (pl.col("found_cause") == name).fill_null(False) for name in names}
    named = pl.lit(0.0)
    for name in names:
        named = pl.when(is_found[name]).then(pl.col(name)).otherwise(named)
    rest = (1.0 - sure) / (1.0 - named).clip(lower_bound=1e-12)
    return (
        joined.with_columns(
            *(
                pl.when(is_found[name])
                .then(sure)
                .when(pl.col("found_cause").is_not_null())
                .then(pl.col(name) * rest)
                .otherwise(pl.col(name))
                .alias(name)
                for name in names
            ),
            *(
                (pl.col(support) | is_found[name]).alias(support)
                for support, name in zip(supports, names, strict=True)
            ),
        )
        .drop("found_cause")
        .sort("customer_id")
    )


def _sum_opportunities(
    signals: pl.DataFrame, model: CauseModel, by: list[str]
) -> Mapping[tuple[str, ...], tuple[float, float]]:
    """Sightings and opportunities by signal (and cause), each customer counting at most ``counts_for``."""
    limits = pl.DataFrame(
        [{"signal": name, "limit": float(signal.counts_for)} for name, signal in model.signals.items()]
    )
    damping = pl.min_horizontal(pl.lit(1.0), pl.col("limit") / pl.col("count"))
    summed = (
        signals.join(limits, "signal")
        .group_by("signal", *by)
        .agg(
            (pl.col(name) * damping * WEIGHT_UNIT).round().cast(pl.Int64).sum() for name in ("seen", "count")
        )
    )
    return {
        tuple(keys): (seen / WEIGHT_UNIT, count / WEIGHT_UNIT) for *keys, seen, count in summed.iter_rows()
    }


def _learn_ratios(
    signal: CauseSignal,
    name: str,
    strength: float,
    rates: Mapping[tuple[str, ...], tuple[float, float]],
    found: Mapping[tuple[str, ...], tuple[float, float]],
) -> CauseSignal:
    seen, count = rates.get((name,), (0.0, 0.0))
    if not count:
        return signal
    rate = min(max(seen / count, LEAST_RATE), 1.0 - LEAST_RATE)
    ratios_seen, ratios_missed = dict(signal.seen), dict(signal.not_seen)
    for cause in CAUSES:
        a, b = signal.seen.get(cause, 1.0), signal.not_seen.get(cause, 1.0)
        own_seen, own_count = found.get((name, cause.value), (0.0, 0.0))
        told = imply_rate(rate, a, b)
        learned = learn_share(told, strength, own_seen, own_count)
        ratios_seen[cause] = a * learned / told
        ratios_missed[cause] = b * (1.0 - learned) / (1.0 - told)
    return signal.model_copy(update={"seen": ratios_seen, "not_seen": ratios_missed})
