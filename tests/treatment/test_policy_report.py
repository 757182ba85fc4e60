"""Judging policies on a ledger's own contacts: a simulated ledger whose propensities are on record."""

import json

import polars as pl
import pytest

from segmentation.domain.settings import TreatmentSettings
from segmentation.ledger.loading import load_ledger
from segmentation.segments.segmentation import segment_customers
from segmentation.simulator.world import WorldSettings, simulate_world
from segmentation.simulator.writing import write_world
from segmentation.treatment.policy_report import report_policy

SETTINGS = TreatmentSettings()


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contacts")
    write_world(simulate_world(WorldSettings(customer_count=300, seed=31)), folder)
    loaded = load_ledger(folder, "canonical")
    return loaded.ledger, segment_customers(loaded.ledger, loaded.as_of), loaded.as_of


def judge(book, change=lambda events: events):
    ledger, segment, as_of = book
    changed = ledger | {"core_contact_event": change(ledger["core_contact_event"])}
    return report_policy(changed, segment, as_of, SETTINGS, 1)


def test_every_policy_stands_beside_the_new_one_with_its_interval(book):
    told = judge(book)
    assert told["basis"] == "logged"
    assert told["contacts"] >= 300
    assert set(told["policies"]) == {"current", "learned", "best_fixed_arm", "no_contact"}
    for name in ("current", "learned", "best_fixed_arm"):
        policy = told["policies"][name]
        assert policy["refused_because"] is None
        assert policy["low"] < policy["value"] < policy["high"]
        assert policy["effective_contacts"] >= 50
    assert told["policies"]["no_contact"]["value"] == 0.0
    assert told["policies"]["best_fixed_arm"]["arm"] in told["arms"]
    gain, policies = told["gain_over_current"], told["policies"]
    assert gain["value"] == pytest.approx(
        policies["learned"]["value"] - policies["current"]["value"], abs=1e-3
    )
    assert told["may_be_published"] == (gain["low"] > 0)
    assert json.loads(json.dumps(told)) == told


def test_the_same_ledger_in_another_order_tells_the_same(book):
    assert judge(book, lambda events: events.sample(fraction=1.0, shuffle=True, seed=3)) == judge(book)


def test_estimated_propensities_are_labelled_and_publish_nothing(book):
    told = judge(book, lambda events: events.with_columns(pl.lit(None, pl.Float64).alias("propensity")))
    assert told["basis"] == "observational"
    assert told["may_be_published"] is False


def test_without_overlap_there_is_no_figure(book):
    """Whoever always did the same, and says so, cannot be told what else would have brought."""

    def always(events):
        return events.with_columns(pl.lit(1.0).alias("propensity"))

    told = judge(book, always)
    assert "No overlap" in told["policies"]["learned"]["refused_because"]
    assert told["policies"]["learned"]["value"] is None
    assert told["gain_over_current"]["value"] is None
    assert told["policies"]["current"]["value"] is not None
    assert told["may_be_published"] is False


def test_a_ledger_with_few_contacts_is_refused_in_words(book):
    told = judge(book, lambda events: events.head(200))
    assert told["refused_because"] == "Fewer than 300 contacts whose outcome is known."
    assert "policies" not in told
