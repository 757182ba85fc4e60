"""Switches of a world do what they say, and nothing else."""

from datetime import date

import polars as pl
import pytest
from pydantic import ValidationError

from segmentation.domain.errors import UsageError
from segmentation.simulator.settings import BiasKind, InjectedBias, WorldSettings
from segmentation.simulator.world import simulate_world

BASE = WorldSettings(customer_count=1000, seed=21, mean_invoice_count=15)


def with_(**changes):
    return simulate_world(BASE.model_copy(update=changes))


def bias(kind, strength=0.6, attribute="language", group="fr"):
    return InjectedBias(kind=kind, attribute=attribute, group=group, strength=strength)


@pytest.fixture(scope="module")
def fair():
    return simulate_world(BASE)


def recorded_late(world, column="language"):
    """Share of instalments in time by plan that the ledger shows as late, by group."""
    customers = world.ledger["customer"].unique("customer_id", keep="last").select("customer_id", column)
    punctual = world.truth["invoice"].filter(~pl.col("is_late") & pl.col("realised_days_late").is_not_null())
    rates = (
        punctual.join(customers, on="customer_id")
        .group_by(column)
        .agg((pl.col("realised_days_late") > 0).mean().alias("share"))
    )
    return dict(rates.iter_rows())


def test_without_contacts_nobody_was_contacted(uncontacted_world):
    ledger = uncontacted_world.ledger
    for stem in ("promise_to_pay", "payment_plan"):
        assert ledger[stem].height == 0
    assert set(ledger["contact_event"]["direction"]) <= {"inbound"}
    assert uncontacted_world.truth["contact"].height == 0


def test_contacts_bring_payments_forward(world, uncontacted_world):
    late = pl.col("is_late") & (pl.col("planned_days_late") > 10)
    means = [
        each.truth["invoice"].filter(late)["realised_days_late"].mean() for each in (world, uncontacted_world)
    ]
    assert means[0] < means[1] - 3


def test_in_a_homogeneous_world_all_are_alike():
    world = with_(homogeneous=True)
    customer = world.truth["customer"]
    for column in ("latent_type", "late_before_prob", "late_after_prob", "delay_factor", "run_code"):
        assert customer[column].n_unique() == 1, column
    for column in ("change_date", "preferred_channel", "preferred_slot", "insolvent_date"):
        assert customer[column].null_count() == customer.height
    assert world.truth["invoice"]["supplier_cause"].null_count() == world.truth["invoice"].height
    by_arm = world.truth["contact"].filter(~pl.col("is_holdout")).group_by("channel", "slot")
    assert by_arm.agg(pl.col("response_prob").n_unique())["response_prob"].max() == 1


def test_drift_moves_lateness_over_time(fair):
    def first_and_last(world):
        issued = world.ledger["invoice"].select("invoice_id", "issue_date").unique("invoice_id")
        planted = world.truth["invoice"].join(issued, on="invoice_id")
        early = planted.filter(pl.col("issue_date") < date(2025, 3, 1))["late_prob"].mean()
        late = planted.filter(pl.col("issue_date") > date(2026, 7, 1))["late_prob"].mean()
        return early, late

    steady, moving = first_and_last(fair), first_and_last(with_(drift=2.0))
    assert abs(steady[1] - steady[0]) < 0.08
    assert moving[1] - moving[0] > 0.15
    assert moving[0] == pytest.approx(steady[0], abs=0.06)


def test_a_fair_world_records_punctual_payments_as_punctual(fair):
    assert max(recorded_late(fair).values()) < 0.01


def test_biased_labels_hit_the_group_with_the_stated_strength_and_nobody_else(fair):
    world = with_(injected_bias=bias(BiasKind.LABELS, strength=0.4))
    shares = recorded_late(world)
    assert shares.pop("fr") == pytest.approx(0.4, abs=0.09)
    assert max(shares.values()) < 0.01
    assert world.truth["invoice"]["is_late"].equals(fair.truth["invoice"]["is_late"])


def test_proxies_give_the_group_away_and_carry_the_harm(fair):
    world = with_(injected_bias=bias(BiasKind.PROXIES, strength=0.8, attribute="sex", group="F"))
    audit = world.ledger["customer_audit"].select("customer_id", "sex")
    marked = (
        world.truth["customer"].join(audit, on="customer_id").group_by("sex").agg(pl.col("is_proxied").mean())
    )
    shares = dict(marked.iter_rows())
    assert shares["F"] > 0.7
    assert shares["M"] < 0.1
    there = world.truth["customer"].filter("is_proxied")["customer_id"]
    customers = world.ledger["customer"].unique("customer_id", keep="last")
    moved = customers.filter(pl.col("customer_id").is_in(there.implode()))
    assert set(moved["payment_terms_days"]) == {14}
    assert set(moved["sector"]) == {"hospitality"}
    punctual = world.truth["invoice"].filter(
        ~pl.col("is_late") & (pl.col("realised_days_late").is_not_null())
    )
    inside = pl.col("customer_id").is_in(there.implode())
    assert (punctual.filter(inside)["realised_days_late"] > 0).mean() > 0.4
    assert (punctual.filter(~inside)["realised_days_late"] > 0).mean() < 0.01
    assert fair.truth["customer"]["is_proxied"].sum() == 0


def test_denied_access_leaves_letters_only_and_fewer_of_them(fair):
    world = with_(injected_bias=bias(BiasKind.CONTACT_ACCESS, strength=0.7))
    denied = world.truth["customer"].filter("is_disadvantaged")["customer_id"]
    assert denied.len() > 50
    points = world.ledger["contact_point"].filter(pl.col("customer_id").is_in(denied.implode()))
    assert {"email", "sms", "phone"}.isdisjoint(points["channel"])
    outbound = pl.col("customer_id").is_in(denied.implode()) & (pl.col("direction") == "outbound")
    contacts = world.ledger["contact_event"].filter(outbound)
    assert set(contacts["channel"]) == {"letter"}
    assert contacts.height < 0.8 * fair.ledger["contact_event"].filter(outbound)["contact_id"].n_unique()


@pytest.mark.parametrize(
    ("attribute", "group"),
    [
        ("party_type", "consumer"),
        ("region", "BE-WAL"),
        ("size_band", "small"),
        ("age_band", "65+"),
        ("age_band", "30-44"),
    ],
)
def test_every_attribute_can_be_disadvantaged(attribute, group):
    settings = BASE.model_copy(
        update={
            "customer_count": 300,
            "injected_bias": bias(BiasKind.LABELS, attribute=attribute, group=group),
        }
    )
    customer = simulate_world(settings).truth["customer"]
    assert 5 < customer["is_disadvantaged"].sum() < customer.height / 2 + 5


def test_an_unknown_group_is_refused_with_those_that_exist():
    with pytest.raises(UsageError, match=r"no group 'xx'.*Choose one of nl, fr, en, de"):
        with_(injected_bias=bias(BiasKind.LABELS, group="xx"))
    with pytest.raises(UsageError, match="Write it as 18-29"):
        with_(injected_bias=bias(BiasKind.LABELS, attribute="age_band", group="young"))


def test_settings_refuse_what_makes_no_world():
    with pytest.raises(ValidationError, match="at least 90 days"):
        WorldSettings(start_day=date(2026, 1, 1), end_day=date(2026, 2, 1))
    with pytest.raises(ValidationError, match="customer_count"):
        WorldSettings(customer_count=0)
    with pytest.raises(ValidationError, match="speed"):
        WorldSettings(speed=3)
