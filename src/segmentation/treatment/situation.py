"""Where each customer with something open stands on the day of the advice.

Belongs here: putting exposure, circumstances, profile, place and closed gates into one row per customer. Does not
belong here: each of these, which steps follow (candidates, recommendation).
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import Cause, Segment
from segmentation.treatment.circumstances import find_circumstances
from segmentation.treatment.contact_hours import PLACE, find_windows
from segmentation.treatment.exposure import list_instalments, measure_exposure, measure_rounds
from segmentation.treatment.gates import list_places
from segmentation.treatment.open_ways import Ways
from segmentation.treatment.scenario import Scenario, match_profiles
from segmentation.treatment.stages import find_departments
from segmentation.treatment.standstill import find_blocks, waits_for_matching


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all customers of a run.

    Parameters
    ----------
    as_of : as-of day.
    settings, scenario : see ``recommendation.recommend_steps``.
    ways : channels that can be used at all.
    seed : of draws in exploration.
    """

    as_of: date
    settings: TreatmentSettings
    scenario: Scenario
    ways: Ways
    seed: int


@dataclass(frozen=True, slots=True)
class Accounts:
    """Customers with something open.

    Parameters
    ----------
    instalments : of ``exposure.list_instalments``.
    situation : one row per customer: exposure, circumstances, place, profile, the next day on which they may be
        contacted (``contact_day``), closed gates that leave nothing to do (``blocked_by``, ``lifts_at``,
        ``block_detail``), whether the account is closed (``is_blocked``), and whether money that waits to be matched
        is all that closes it (``credit_to_match``).
    rounds : of ``exposure.measure_rounds``.
    """

    instalments: pl.DataFrame
    situation: pl.DataFrame
    rounds: pl.DataFrame


def describe_accounts(part: Frames, closed: pl.DataFrame, terms: Terms) -> Accounts:
    """Return where each customer of a portion stands.

    Parameters
    ----------
    part : core tables (contacts of ``circumstances.mark_contacts``), ``REMINDERS``, pred_instalment_risk, pred_segment and act_gate.
    closed : of ``exposure.list_closed_invoices``, of the whole book.
    terms : of the run.
    """
    as_of, settings = terms.as_of, terms.settings
    places = list_places(part, as_of, settings).select("customer_id", "party_type", *PLACE)
    instalments = list_instalments(part, closed, places, as_of, terms.scenario)
    exposure = measure_exposure(instalments)
    rounds = measure_rounds(instalments, exposure)
    situation = _describe(part, exposure, places, terms)
    blocks = find_blocks(situation, part["act_gate"])
    situation = situation.join(blocks, on="customer_id", how="left").with_columns(
        pl.col("is_blocked").fill_null(False), waits_for_matching().alias("credit_to_match")
    )
    return Accounts(instalments, _add_contact_day(situation, as_of, settings), rounds)


def _describe(part: Frames, exposure: pl.DataFrame, places: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Return one row per customer with something open: exposure, circumstances, profile, place."""
    as_of, scenario = terms.as_of, terms.scenario
    return (
        exposure.join(find_circumstances(part, exposure, as_of, scenario), on="customer_id", how="left")
        .join(places, on="customer_id", how="left")
        .join(part["pred_segment"].select("customer_id", "segment", "cause"), on="customer_id", how="left")
        .join(find_departments(part, as_of, scenario), on="customer_id", how="left")
        .with_columns(
            pl.col("segment").fill_null(Segment.INSUFFICIENT_HISTORY.value),
            pl.col("cause").fill_null(Cause.UNCLEAR.value),
        )
        .with_columns(match_profiles(scenario).alias("profile"))
        .sort("customer_id")
    )


def _add_contact_day(situation: pl.DataFrame, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return the situation with the next day on which each customer may be contacted."""
    places = situation.select(*PLACE, "party_type").with_columns(
        pl.lit(False).alias("is_call"), pl.lit(as_of).alias("not_before_date")
    )
    return situation.with_columns(find_windows(places, settings)["window_day"].alias("contact_day"))
