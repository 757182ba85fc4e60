"""Judging policies on a ledger's own contacts: a simulated ledger whose propensities are on record."""

import json

import numpy as np
import polars as pl
import pytest

from segmentation.domain.settings import Settings
from segmentation.ledger.loading import load_ledger
from segmentation.simulator.world import WorldSettings, simulate_world
from segmentation.simulator.writing import write_world
from segmentation.treatment import policy_report
from segmentation.treatment.off_policy import compare_with_log
from segmentation.treatment.policy_report import report_policy

SETTINGS = Settings(seed=1)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contacts")
    write_world(simulate_world(WorldSettings(customer_count=300, seed=31, holdout_share=0.08)), folder)
    loaded = load_ledger(folder, "canonical")
    return loaded.ledger, loaded.as_of


def judge(book, change=lambda events: events, settings=SETTINGS):
    ledger, as_of = book
    changed = ledger | {"core_contact_event": change(ledger["core_contact_event"])}
    return report_policy(changed, as_of, settings)


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


def test_how_many_were_held_out_does_not_weigh_on_contacts(book):
    """The same draw among those who were contacted, logged beside a smaller and beside a larger holdout."""

    def judge_with(share):
        settings = Settings(seed=1, treatment={"exploration": {"holdout_share": share}})
        drawn = pl.col("propensity") * (1 - share)
        return judge(book, lambda events: events.with_columns(drawn.alias("propensity")), settings)

    smaller, larger = judge_with(0.05), judge_with(0.1)
    assert smaller == larger
    assert smaller != judge(book, lambda events: events.with_columns(pl.col("propensity") * 0.95))


def test_weights_average_one_and_hardly_tried_channels_take_no_share_of_them(book, monkeypatch):
    kept = {}

    def spy(log, policy, **rest):
        kept.update(log=log, policy=policy)
        return compare_with_log(log, policy, **rest)

    monkeypatch.setattr(policy_report, "compare_with_log", spy)
    judge(book)
    often = np.sort(np.bincount(kept["log"].arm))[-2]
    monkeypatch.setattr(policy_report, "_LEAST_PER_ARM", often)
    told = judge(book)
    log, policy = kept["log"], kept["policy"]
    assert len(told["arms"]) == 2 < policy.shape[1]
    weight = policy[np.arange(log.count), log.arm] / log.propensity
    assert weight.mean() == pytest.approx(1, abs=0.15)


def test_what_exploration_draws_can_be_judged_at_whatever_hour_it_was_sent(book):
    """A coin over channels, its probability logged as exploration does; the hour is the sender's."""
    is_email = pl.col("contact_id").hash(seed=8) % 2 == 0
    share = 0.5 * (1 - SETTINGS.treatment.exploration.holdout_share)

    def toss(events):
        return events.with_columns(
            pl.when(is_email).then(pl.lit("email")).otherwise(pl.lit("letter")).alias("channel"),
            pl.lit(share).alias("propensity"),
        )

    told = judge(book, toss)
    assert told["arms"] == ["email", "letter"]
    for name in ("learned", "best_fixed_arm"):
        assert told["policies"][name]["refused_because"] is None


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


def plant_answers(ledger):
    """Return a ledger in which emails and calls are drawn by lot, and half of the customers answer either.

    Who is who stands in ``days_late``, as it would for a segment that is told from the payments themselves.
    """
    answers_email = pl.col("customer_id").hash(seed=7) % 2 == 0
    is_email = pl.col("contact_id").hash(seed=8) % 2 == 0
    sent = (
        ledger["core_contact_event"]
        .filter(direction="outbound")
        .with_columns(
            pl.when(is_email).then(pl.lit("email")).otherwise(pl.lit("phone")).alias("channel"),
            pl.col("sent_at").dt.truncate("1d").dt.offset_by("8h").alias("sent_at"),
            pl.lit(0.5).alias("propensity"),
        )
    )
    heard = (
        sent.filter((pl.col("channel") == "email") == answers_email)
        .select("customer_id", pl.col("sent_at").dt.date().alias("heard_on"))
        .sort("heard_on")
    )
    balance = ledger["core_instalment_balance"].sort("due_date")
    reached = balance.join_asof(
        heard.with_columns(pl.col("heard_on").dt.offset_by("-1d").alias("day_before")),
        left_on="due_date",
        right_on="day_before",
        by="customer_id",
        strategy="forward",
        check_sortedness=False,
    )
    planted = reached.with_columns(
        pl.col("heard_on").dt.offset_by("1d").alias("covered_date"),
        pl.when(pl.col("heard_on").is_not_null()).then(pl.lit("payment")).alias("covered_by"),
        pl.when(answers_email).then(-1).otherwise(40).cast(balance["days_late"].dtype).alias("days_late"),
    ).select(balance.columns)
    return {**ledger, "core_contact_event": sent, "core_instalment_balance": planted}


def test_no_segment_knows_what_the_contacts_brought(book, monkeypatch):
    """A segment that could see the later payments would carry a policy over the bar; none can."""
    ledger, as_of = book
    planted = plant_answers(ledger)
    no_cost = Settings(seed=1, treatment={"contact_cost": dict.fromkeys(SETTINGS.treatment.contact_cost, 0)})

    def read_everything(known, *_):
        is_early = pl.col("days_late").mean() < 0
        return (
            known["core_instalment_balance"]
            .group_by("customer_id")
            .agg(pl.when(is_early).then(pl.lit("prompt")).otherwise(pl.lit("structural")).alias("segment"))
        )

    monkeypatch.setattr(policy_report, "segment_customers", read_everything)
    told = policy_report.report_policy(planted, as_of, no_cost)
    assert told["policies"]["learned"]["value"] is not None
    assert told["may_be_published"] is False
    monkeypatch.setattr(policy_report, "recall_ledger", lambda known, _: known)
    assert policy_report.report_policy(planted, as_of, no_cost)["may_be_published"] is True


def test_amounts_of_several_currencies_are_not_added(book):
    """A few instalments in a small currency, of amounts a thousandfold, move no figure: they are left out."""
    ledger, as_of = book
    is_foreign = pl.col("invoice_id").hash(seed=7) % 10 == 0
    balance = ledger["core_instalment_balance"]

    def priced(factor):
        amount = (
            pl.when(is_foreign)
            .then(pl.col("amount") * factor)
            .otherwise("amount")
            .cast(balance["amount"].dtype)
        )
        foreign = pl.when(is_foreign).then(pl.lit("IDR")).otherwise("currency").alias("currency")
        return report_policy(
            {**ledger, "core_instalment_balance": balance.with_columns(amount, foreign)}, as_of, SETTINGS
        )

    assert priced(1) == priced(1000)
    assert priced(1)["currency"] == "EUR"
    assert priced(1)["contacts"] < judge(book)["contacts"]
