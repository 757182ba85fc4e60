"""What was planted in a world can be found in it again, within chance."""

import numpy as np
import polars as pl
import pytest

from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world


@pytest.fixture(scope="module")
def world():
    return simulate_world(WorldSettings(customer_count=2500, seed=31))


def z_score(happened, prob):
    """How many standard errors a count lies from its expectation, each trial having its own probability."""
    return (happened.sum() - prob.sum()) / np.sqrt((prob * (1 - prob)).sum())


def test_lateness_happens_with_its_planted_probability(world):
    own = world.truth["invoice"].filter(pl.col("supplier_cause").is_null())
    for low in np.arange(0, 1, 0.1):
        band = own.filter(pl.col("late_prob").is_between(low, low + 0.1, closed="left"))
        if band.height > 100:
            z = z_score(band["is_late"].to_numpy(), band["late_prob"].to_numpy())
            assert abs(z) < 4, f"late probability from {low:.1f}"


def test_planned_days_have_the_sign_of_lateness(world):
    planned = world.truth["invoice"].filter(pl.col("planned_days_late").is_not_null())
    assert ((planned["planned_days_late"] > 0) == planned["is_late"]).all()


def test_the_ledger_shows_planted_lateness(world):
    paid = world.truth["invoice"].filter(
        pl.col("realised_days_late").is_not_null() & pl.col("planned_days_late").is_not_null()
    )
    agrees = ((paid["realised_days_late"] > 0) == paid["is_late"]).mean()
    assert agrees > 0.995


def test_a_structural_late_payer_is_late_more_often_than_not(world):
    customer = world.truth["customer"]
    assert ((customer["late_at_end_prob"] > 0.5) == (customer["segment_at_end"] == "structural")).all()
    by_type = customer.group_by("latent_type").agg(pl.col("segment_at_end").n_unique().alias("kinds"))
    assert dict(by_type.iter_rows()) == {
        "prompt": 1,
        "forgetful": 2,
        "chaotic": 2,
        "cannot_pay": 2,
        "will_not_pay": 2,
        "disputing": 2,
    }


def test_some_customers_change_sides_on_their_day(world):
    changed = world.truth["customer"].filter(pl.col("change_date").is_not_null())
    assert 0.04 < changed.height / world.truth["customer"].height < 0.16
    sides = (changed["late_before_prob"] > 0.5) != (changed["late_after_prob"] > 0.5)
    assert sides.all()


def test_paying_behaviour_has_nothing_to_do_with_groups(world):
    customer = world.truth["customer"].join(
        world.ledger["customer"].unique("customer_id", keep="last"), on="customer_id"
    )
    spread = customer["late_at_end_prob"].std()
    for attribute in ("party_type", "language", "size_band"):
        groups = customer.group_by(attribute).agg(pl.col("late_at_end_prob").mean().alias("mean"), pl.len())
        deviation = (groups["mean"] - customer["late_at_end_prob"].mean()) / (spread / groups["len"].sqrt())
        assert deviation.abs().max() < 4, attribute


def test_responses_happen_with_their_planted_probability(world):
    contacts = world.truth["contact"].filter(~pl.col("is_holdout"))
    types = world.truth["customer"].select("customer_id", "latent_type")
    cells = contacts.join(types, on="customer_id").partition_by("latent_type", "channel", as_dict=True)
    assert len(cells) == 24
    for cell, rows in cells.items():
        z = z_score(rows["has_responded"].to_numpy(), rows["response_prob"].to_numpy())
        assert abs(z) < 4, cell


def test_the_response_table_holds_for_customers_without_a_preference(world):
    plain = world.truth["customer"].filter(
        pl.col("preferred_channel").is_null() & pl.col("preferred_slot").is_null()
    )
    contacts = (
        world.truth["contact"]
        .filter(~pl.col("is_holdout"))
        .join(plain.select("customer_id", "latent_type"), on="customer_id")
        .join(world.truth["response"], on=["latent_type", "channel", "slot"], suffix="_table")
    )
    assert contacts.height > 300
    assert (contacts["response_prob"] == contacts["response_prob_table"]).all()


def test_a_response_is_a_payment_within_days(world):
    contacts = world.truth["contact"].filter(~pl.col("is_supplier_caused"))
    due = world.ledger["instalment"].select("invoice_id")
    single = (
        contacts.filter("has_responded")
        .join(due, on="invoice_id", how="anti")
        .join(world.truth["invoice"].select("invoice_id", "realised_days_late"), on="invoice_id")
        .join(world.ledger["invoice"].unique("invoice_id").select("invoice_id", "due_date"), on="invoice_id")
        .with_columns(
            (pl.col("due_date") + pl.duration(days="realised_days_late") - pl.col("day")).alias("lag")
        )
    )
    covered = single.filter(pl.col("lag").is_not_null())
    assert (covered["lag"].dt.total_days() <= 14).mean() > 0.97


def test_the_logging_policy_chose_as_it_logged(world):
    contacts = world.truth["contact"]
    assert contacts["is_holdout"].mean() == pytest.approx(0.15, abs=0.01)
    logged = world.ledger["contact_event"].filter(pl.col("direction") == "outbound").unique("contact_id")
    assert logged["propensity"].is_between(0, 1, closed="none").all()
    # The mean of 1/propensity over chosen channels is the number of channels that could have been chosen.
    assert 4 * 0.3 < (0.85 / logged["propensity"]).mean() <= 4 * 1.05


def test_holdouts_are_not_in_the_ledger(world):
    contacts = world.truth["contact"]
    assert contacts.filter("is_holdout")["contact_id"].null_count() == contacts["is_holdout"].sum()
    outbound = world.ledger["contact_event"].filter(pl.col("direction") == "outbound")
    assert set(contacts.filter(~pl.col("is_holdout"))["contact_id"]) == set(outbound["contact_id"])


def test_few_customers_hold_most_invoices_and_many_have_next_to_none(world):
    counts = world.truth["invoice"]["customer_id"].value_counts()["count"].sort(descending=True)
    assert (counts < 3).mean() > 0.12
    assert counts.head(250).sum() > 0.5 * counts.sum()
    assert counts.median() < 0.45 * counts.mean()


def test_causes_leave_their_traces(world):
    types = world.truth["customer"].select("customer_id", "latent_type")
    outcomes = (
        world.ledger["contact_outcome"]
        .join(world.ledger["contact_event"].unique("contact_id"), on="contact_id")
        .join(types, on="customer_id")
    )
    said = outcomes.group_by("code").agg(pl.col("latent_type").mode().first())
    most = dict(said.iter_rows())
    assert most["cannot_pay"] == "cannot_pay"
    assert most["will_not_pay"] == "will_not_pay"
    assert most["in_payment_run"] == "chaotic"
    assert most["disputed"] == "disputing"
    plans = world.ledger["payment_plan"].join(types, on="customer_id")
    assert set(plans["latent_type"]) == {"cannot_pay"}
    last = world.ledger["promise_to_pay"].sort("observed_at").unique("promise_id", keep="last")
    assert {"kept", "broken", "partial"} <= set(last["status"])
