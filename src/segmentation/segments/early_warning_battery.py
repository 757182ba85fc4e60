"""How early turning customers are named, beside waiting for the label, where the day of turning was planted.

Belongs here: the measurement. Does not belong here: worlds (simulator), the method (habit).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Segment
from segmentation.ledger.loading import load_ledger
from segmentation.segments.behaviour import ModelName, fit_behaviour, judge_behaviour
from segmentation.segments.comparison import rewind
from segmentation.segments.observations import EXCLUDED, classify_instalments, observe_customers
from segmentation.segments.rules import assign_segments
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

WARNING_PROBS = (0.2, 0.35, 0.5)
"""Probabilities of turning from which on a customer is warned of."""
_STEP_DAYS = 30
_LOOKS = 13
_HALF = 0.5


def measure_early_warning(seed: int = 1, worlds: int = 3, customers: int = 3000) -> dict[str, Any]:
    """Return lead time, share found and false alarms of ``turning_prob``, over so many simulated worlds.

    Parameters
    ----------
    seed : of the first world; the others count up.
    worlds, customers : how many worlds, of how many customers.

    Returns
    -------
    dict
        Counts, and by probability from which on is warned: ``found_share`` and ``found_before_label_share`` (of the
        turning customers: warned of at all, and before they were labelled), ``labelled_share``; ``lead_days`` (mean
        and median of label less warning over customers with both); ``precision`` (warnings that were of customers
        who had turned); ``false_alarm_share`` (of the customers who never change and are mostly on time, those ever
        warned of in the year).

    Notes
    -----
    The last year of each world is looked at every 30 days, with what was known of payment on each of those days (``comparison.rewind`` says what is not rewound). A customer
    turns when the planted late propensity goes from below to above one half, and counts when that happened
    within the year, at least 120 days before its end, and at least three instalments fell due afterwards. The label
    is *structural* by the beta-binomial, which is what a ledger too short to compare models publishes.
    """
    looked = pl.concat(
        [
            _look(seed + number, customers).with_columns(pl.lit(number).alias("world"))
            for number in range(worlds)
        ]
    )
    return {"seed": seed, "worlds": worlds, "customers": customers} | _report(looked)


def _look(seed: int, customers: int) -> pl.DataFrame:
    """Return per customer what was planted, the first day of the label, and the first days of warnings."""
    world = simulate_world(WorldSettings(customer_count=customers, seed=seed))
    with TemporaryDirectory() as folder:
        write_world(world, Path(folder))
        loaded = load_ledger(Path(folder), "canonical")
    settings = SegmentSettings()
    known = classify_instalments(loaded.ledger["core_instalment_balance"], loaded.as_of, settings)
    looks = pl.concat(list(_judge_days(known, loaded.as_of, settings)))
    truth = world.truth["customer"].select(
        "customer_id", "change_date", "late_before_prob", "late_after_prob"
    )
    due = (
        known.filter(~pl.col(EXCLUDED))
        .join(truth, "customer_id")
        .filter(pl.col("due_date") >= pl.col("change_date"))
    )
    seen = due.group_by("customer_id").agg(pl.len().alias("later_count"))
    first = looks["day"].min()
    before, after = pl.col("late_before_prob") < _HALF, pl.col("late_after_prob") > _HALF
    is_inside = pl.col("change_date").is_between(first, loaded.as_of - timedelta(days=120))
    turned = pl.col("change_date").fill_null(loaded.as_of)
    # What was said before a customer turned is no answer to the turning; of the others everything counts.
    answers = looks.join(truth, "customer_id").filter(
        (pl.col("day") >= turned) | pl.col("change_date").is_null()
    )
    days = answers.group_by("customer_id").agg(
        pl.col("day").filter(pl.col("is_structural")).min().alias("label_day"),
        *(
            pl.col("day").filter(pl.col("turning_prob") >= prob).min().alias(f"warned_{prob}")
            for prob in WARNING_PROBS
        ),
    )
    return (
        truth.join(seen, "customer_id", "left")
        .join(days, "customer_id", "left")
        .select(
            (is_inside & before & after & (pl.col("later_count") >= 3)).fill_null(False).alias("is_turning"),  # noqa: PLR2004
            (pl.col("change_date").is_null() & before).alias("is_steady"),
            "label_day",
            *(f"warned_{prob}" for prob in WARNING_PROBS),
        )
    )


def _judge_days(known: pl.DataFrame, as_of: date, settings: SegmentSettings) -> Iterator[pl.DataFrame]:
    """Yield what was said of every customer on each day."""
    customer_id = known["customer_id"].unique().sort()
    for number in reversed(range(_LOOKS)):
        day = as_of - timedelta(days=_STEP_DAYS * number)
        observed = observe_customers(rewind(known, day, settings.grace_days), customer_id, settings)
        model = fit_behaviour(observed, ModelName.BETA_BINOMIAL)
        judged = assign_segments(judge_behaviour(observed, model), settings, None)
        yield judged.select(
            "customer_id",
            pl.lit(day).alias("day"),
            (pl.col("segment") == Segment.STRUCTURAL.value).alias("is_structural"),
            "turning_prob",
        )


def _report(looked: pl.DataFrame) -> dict[str, Any]:
    turning, steady = looked.filter("is_turning"), looked.filter("is_steady")
    report: dict[str, Any] = {
        "turning_count": turning.height,
        "steady_count": steady.height,
        "labelled_share": turning["label_day"].is_not_null().mean(),
    }
    for prob in WARNING_PROBS:
        warned, label = pl.col(f"warned_{prob}"), pl.col("label_day")
        lead = turning.select((label - warned).dt.total_days().alias("lead")).drop_nulls()["lead"]
        is_first = warned.is_not_null() & (label.is_null() | (warned < label))
        true, false = (frame.select(warned.is_not_null().sum()).item() for frame in (turning, steady))
        report[f"warned_from_{prob}"] = {
            "found_share": true / max(turning.height, 1),
            "found_before_label_share": turning.select(is_first.mean()).item(),
            "lead_days_mean": lead.mean(),
            "lead_days_median": lead.median(),
            "precision": true / max(true + false, 1),
            "false_alarm_share": false / max(steady.height, 1),
        }
    return report
