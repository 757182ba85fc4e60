"""Which ways to a customer are open: channels, formal steps, and the lawful hours and days around a recommendation.

Belongs here: what a person who chooses another step must keep to, written beside the recommendation.
Does not belong here: closing channels (contact_gates), finding the next window (contact_hours).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from segmentation.domain.published_tables import CALENDAR_DAYS
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import FORMAL_ACTIONS, Action, Channel
from segmentation.treatment.contact_hours import PLACE, has_offices, is_open_day, resolve_hours
from segmentation.treatment.scenario import Scenario, list_steps


@dataclass(frozen=True, slots=True)
class Ways:
    """Channels that can be used at all, whatever the gates say.

    Parameters
    ----------
    channels : in the order of the vocabulary.
    is_verified : false when the ledger knows no address of anybody; the channels are then those of the scenario.
    """

    channels: tuple[str, ...]
    is_verified: bool


def find_ways(ledger: Frames, scenario: Scenario) -> Ways:
    """Return the channels that can be used with the addresses of the whole ledger (core_contact_point)."""
    is_verified = not ledger["core_contact_point"].is_empty()
    usable = Channel if is_verified else scenario.unverified_channels
    return Ways(tuple(channel.value for channel in Channel if channel in usable), is_verified)


def list_open_channels(customers: pl.DataFrame, gate: pl.DataFrame, ways: Ways) -> pl.DataFrame:
    """Return the channels that no gate closes for each customer, whatever the step.

    Parameters
    ----------
    customers : customer_id, one row per customer.
    gate : act_gate; a gate of the whole account closes no single channel here.
    ways : channels that can be used at all.

    Returns
    -------
    customer_id and open_channels, empty where every channel is closed, in the order of the vocabulary.
    """
    of_channel = gate.filter(pl.col("channel").is_not_null())
    names = customers["customer_id"]
    is_open = pl.DataFrame(
        ~is_known(names, of_channel.filter(pl.col("channel") == channel)["customer_id"]).alias(channel)
        for channel in ways.channels
    )
    lists = is_open.unique().with_columns(
        pl.concat_list(pl.when(channel).then(pl.lit(channel)) for channel in ways.channels)
        .list.drop_nulls()
        .alias("open_channels")
    )
    told = is_open.join(lists, on=ways.channels, how="left", maintain_order="left")
    return pl.DataFrame([names, told["open_channels"]])


def list_open_actions(
    customers: pl.DataFrame, rounds: pl.DataFrame, scenario: Scenario, settings: TreatmentSettings
) -> pl.DataFrame:
    """Return the steps that a person may choose for each customer, whatever the likely cause.

    Parameters
    ----------
    customers : customer_id, act_days_late, past_level and act_amount, one row per customer.
    rounds : the same by dunning level, of customers whose debts differ in it (``exposure.measure_rounds``).
    scenario, settings : what has to come before a formal notice and a legal review.

    Returns
    -------
    customer_id and open_actions, in the order of the vocabulary: all steps, a formal notice and a legal review only
    where days, levels and amount of debts of one level are those of a step of some profile. A person may know better what the cause is,
    but not skip what comes before.
    """
    names = customers["customer_id"]
    facts = ["customer_id", "act_days_late", "past_level", "act_amount"]
    alike = customers.filter(~is_known(names, rounds["customer_id"])).select(facts)
    debts = pl.concat([alike, rounds.select(facts)])
    formal = list_steps(scenario, settings).filter(pl.col("action").is_in(list(FORMAL_ACTIONS)))
    bounds = ("action", "from_day", "until_day", "level_from", "level_to", "min_amount")
    fits: dict[str, pl.Expr] = {}
    for step in formal.select(bounds).unique(maintain_order=True).iter_rows(named=True):
        fits[step["action"]] = fits.get(step["action"], pl.lit(value=False)) | (
            pl.col("act_days_late").is_between(step["from_day"], step["until_day"])
            & pl.col("past_level").is_between(step["level_from"], step["level_to"])
            & (pl.col("act_amount").cast(pl.Float64) >= step["min_amount"])
        ).fill_null(value=False)
    is_open = pl.DataFrame(
        is_known(names, debts.filter(fits[action])["customer_id"]).alias(action)
        if action in fits
        else pl.repeat(action not in FORMAL_ACTIONS, len(names), eager=True).alias(action)
        for action in Action
    )
    lists = is_open.unique().with_columns(
        pl.concat_list(pl.when(action.value).then(pl.lit(action.value)) for action in Action)
        .list.drop_nulls()
        .alias("open_actions")
    )
    told = is_open.join(lists, on=is_open.columns, how="left", maintain_order="left")
    return pl.DataFrame([names, told["open_actions"]])


def add_contact_hours(frame: pl.DataFrame, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return ``frame`` with the lawful hours of every row and the days on which contact is not lawful.

    Parameters
    ----------
    frame : columns jurisdiction, country, region, timezone and party_type.
    as_of : first day that is looked at; ``CALENDAR_DAYS`` of them are.
    settings : opening hours, hours of calls to companies, default time zone.

    Returns
    -------
    The frame with ``contact_timezone``, ``open_hour``, ``close_hour``, ``call_open_hour``, ``call_close_hour`` and
    ``closed_days`` (ISO dates in order: weekdays that the jurisdiction closes, and public holidays).
    """
    key = [*PLACE, "party_type"]
    days = [as_of + timedelta(days=offset) for offset in range(CALENDAR_DAYS)]
    rows = []
    for jurisdiction, country, region, timezone, party_type in frame.select(key).unique().iter_rows():
        hours = resolve_hours(jurisdiction, country, region, timezone, settings)
        calls = resolve_hours(
            jurisdiction, country, region, timezone, settings, is_business_call=has_offices(party_type)
        )
        closed = [day.isoformat() for day in days if not is_open_day(hours, day)]
        spans = (hours.open_hour, hours.close_hour, calls.open_hour, calls.close_hour)
        rows.append((jurisdiction, country, region, timezone, party_type, hours.timezone, *spans, closed))
    places = pl.DataFrame(
        rows,
        orient="row",
        schema={name: frame.schema[name] for name in key}
        | {
            "contact_timezone": pl.String,
            **dict.fromkeys(("open_hour", "close_hour", "call_open_hour", "call_close_hour"), pl.Int64),
            "closed_days": pl.List(pl.String),
        },
    )
    return frame.join(places, on=key, how="left", nulls_equal=True, maintain_order="left")
