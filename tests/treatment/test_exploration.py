"""Channels and hours learned from history; trying out within bounds, off unless switched on."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from segmentation.domain.settings import ExplorationSettings, TreatmentSettings
from segmentation.treatment.answers import list_answers
from segmentation.treatment.arms import learn_arms
from segmentation.treatment.exploration import GENTLE, draw_arms
from segmentation.treatment.gates import close_gates
from segmentation.treatment.recommendation import recommend_steps
from segmentation.treatment.scenario import load_scenario
from tests.treatment.random_book import RandomBook

AS_OF = date(2026, 3, 2)
ON = ExplorationSettings(is_on=True)


def candidates(count: int, probs=(0.30, 0.28, 0.10), **columns) -> pl.DataFrame:
    channels = ["email", "portal", "sms"][: len(probs)]
    return pl.DataFrame(
        [
            {
                "customer_id": f"C{number:04}", "action": "reminder", "channel": channel, "tone": "friendly",
                "is_preferred": False, "is_account_closed": False, "response_prob": prob, "spread": 0.05,
            } | columns
            for number in range(count)
            for channel, prob in zip(channels, probs, strict=True)
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def ledger():
    return RandomBook(3, 5, AS_OF).draw()


def test_nothing_is_drawn_unless_switched_on(ledger):
    assert not TreatmentSettings().exploration.is_on
    assert draw_arms(candidates(50), ledger, AS_OF, ExplorationSettings(), 1, response_days=14).is_empty()


def test_only_arms_within_eight_points_of_the_best_take_part_and_propensities_are_true(ledger):
    drawn = draw_arms(candidates(4000), ledger, AS_OF, ON, 1, response_days=14)
    assert drawn.height == 4000
    assert set(drawn["channel"]) == {"email", "portal"}
    held = drawn.filter("is_held_out")
    assert held.height / 4000 == pytest.approx(0.08, abs=0.015)
    assert (held["propensity"] == 0.08).all()
    for (channel,), rows in drawn.filter(~pl.col("is_held_out")).group_by("channel"):
        assert rows.height / 4000 == pytest.approx(rows["propensity"].mean(), abs=0.03), channel
    assert drawn.equals(draw_arms(candidates(4000), ledger, AS_OF, ON, 1, response_days=14)), (
        "the same on a second run"
    )


def test_who_is_held_out_stays_so_for_a_period_however_often_it_is_run(ledger):
    days = [
        draw_arms(candidates(2000), ledger, AS_OF + timedelta(days=n), ON, 1, response_days=14)
        for n in range(61)
    ]
    held = np.array([drawn.sort("customer_id")["is_held_out"].to_numpy() for drawn in days])
    assert held.mean(axis=1) == pytest.approx(np.full(61, 0.08), abs=0.02), "on every day"
    changes = (held[1:] != held[:-1]).sum(axis=0)
    assert changes.max() <= 3, "drawn anew twice or three times in two months"
    assert (held[0] & held[5]).sum() > 0.8 * held[0].sum()
    assert (held[0] & held[60]).sum() < 0.3 * held[0].sum(), "and later somebody else"


def test_where_one_channel_is_open_nothing_is_drawn(ledger):
    assert draw_arms(candidates(50, probs=(0.3,)), ledger, AS_OF, ON, 1, response_days=14).is_empty()
    far_apart = candidates(50, probs=(0.3, 0.1))
    assert draw_arms(far_apart, ledger, AS_OF, ON, 1, response_days=14).is_empty()


def test_a_draw_depends_on_the_customer_and_not_on_who_else_is_in_the_book(ledger):
    everybody = candidates(300)
    some = everybody.filter(pl.col("customer_id").str.ends_with("7")).reverse()
    drawn = draw_arms(everybody, ledger, AS_OF, ON, 1, response_days=14)
    assert drawn["channel"].n_unique() == 2
    assert draw_arms(some, ledger, AS_OF, ON, 1, response_days=14).equals(
        drawn.filter(pl.col("customer_id").str.ends_with("7"))
    )
    assert not draw_arms(everybody, ledger, AS_OF, ON, 2, response_days=14)["channel"].equals(
        drawn["channel"]
    )


@pytest.mark.parametrize(
    "columns",
    [{"action": "call", "channel": "phone"}, {"action": "formal_notice", "tone": "formal"}, {"tone": "formal"},
     {"is_preferred": True}, {"response_prob": None}],
)  # fmt: skip
def test_calls_formal_steps_and_stated_preferences_are_never_drawn(ledger, columns):
    frame = candidates(50, **columns).with_columns(pl.col("response_prob").cast(pl.Float64))
    assert draw_arms(frame, ledger, AS_OF, ON, 1, response_days=14).is_empty()


def test_who_took_part_lately_is_left_in_peace(ledger):
    lately = ledger | {
        "core_contact_event": ledger["core_contact_event"].clear().pipe(
            lambda empty: pl.concat(
                [
                    empty,
                    pl.DataFrame(
                        {"contact_id": ["K"], "customer_id": ["C0000"], "direction": ["outbound"], "channel": ["email"],
                         "sent_at": [datetime(2026, 2, 20, tzinfo=UTC)], "propensity": [0.5]},
                        schema_overrides={"sent_at": pl.Datetime("us", "UTC")},
                    ),
                ],
                how="diagonal",
            )
        )
    }  # fmt: skip
    assert "C0000" not in set(draw_arms(candidates(3), lately, AS_OF, ON, 1, response_days=14)["customer_id"])
    later = AS_OF + timedelta(days=60)
    assert "C0000" in set(draw_arms(candidates(3), lately, later, ON, 1, response_days=14)["customer_id"])


def pay_after_contact(ledger):
    """The same ledger, in which what was paid was paid three days after the last contact before it, if any."""
    sent = (
        ledger["core_contact_event"]
        .filter(pl.col("direction") == "outbound")
        .select("customer_id", pl.col("sent_at").dt.date().alias("sent_on"))
        .sort("sent_on")
    )
    balance = ledger["core_instalment_balance"].sort("covered_date")
    moved = balance.join_asof(
        sent, left_on="covered_date", right_on="sent_on", by="customer_id", check_sortedness=False
    ).with_columns(
        pl.when(pl.col("sent_on") > pl.col("due_date"))
        .then(pl.col("sent_on") + timedelta(days=3))
        .otherwise("covered_date")
        .alias("covered_date")
    )
    return ledger | {"core_instalment_balance": moved.drop("sent_on").sort("invoice_id")}


def test_with_exploration_no_step_passes_a_closed_gate_and_holdouts_wait():
    book = RandomBook(21, 1200, AS_OF)
    ledger, decisions = pay_after_contact(book.draw()), book.decisions()
    settings = TreatmentSettings(
        exploration=ON, cool_down_days=0, max_contacts_per_week=99, max_contacts_per_month=99
    )
    gate = close_gates(ledger, decisions, AS_OF, settings)
    risks, segments = book.risks(ledger), book.segments()
    found = recommend_steps(ledger, risks, segments, gate, AS_OF, settings, 7)
    drawn = found.filter("is_exploration")
    assert drawn.height > 10
    tried = drawn.filter(pl.col("action") != "wait")
    assert set(tried["action"]) <= set(GENTLE)
    assert tried["propensity"].is_between(0, 0.92).all()
    assert tried.join(gate, on=["customer_id", "channel"], how="semi").is_empty()
    held = drawn.filter(pl.col("action") == "wait")
    assert (held["reason_codes"].list.first() == "held_out").all()
    assert held["message_text"].null_count() == held.height
    assert (found.filter(~pl.col("is_exploration"))["propensity"] == 1).all()
    assert found.equals(recommend_steps(ledger, risks, segments, gate, AS_OF, settings, 7))


class TestLearnedChannels:
    def book(self, answers: dict[tuple[str, int], float], count=160):
        """Contacts by channel and hour whose share of answers is as planted."""
        random = np.random.default_rng(4)
        book = RandomBook(5, count, AS_OF)
        ledger = book.draw()
        rows, paid = [], []
        for number in range(count * 6):
            channel, hour = list(answers)[number % len(answers)]
            customer = f"C{number % count:05d}"
            sent = datetime(2025, 6, 2, hour - 2, tzinfo=UTC) + timedelta(days=20 * (number // count))
            is_paid = random.random() < answers[channel, hour]
            invoice = f"L{number:05d}"
            rows.append((f"L{number:05d}", customer, invoice, "outbound", channel, sent, 1))
            covered = sent.date() + timedelta(days=5 if is_paid else 60)
            paid.append((invoice, customer, sent.date() - timedelta(days=10), covered))
        event = ledger["core_contact_event"]
        contacts = pl.DataFrame(
            rows, orient="row",
            schema={k: event.schema[k] for k in ("contact_id", "customer_id", "invoice_id", "direction", "channel", "sent_at", "dunning_level")},
        )  # fmt: skip
        balance = ledger["core_instalment_balance"]
        settled = pl.DataFrame(
            paid, orient="row", schema={k: balance.schema[k] for k in ("invoice_id", "customer_id", "due_date", "covered_date")}
        ).with_columns(pl.lit("payment").alias("covered_by"), pl.lit(value=False).alias("is_open"))  # fmt: skip
        ledger["core_contact_event"] = pl.concat([event.clear(), contacts], how="diagonal")
        ledger["core_instalment_balance"] = pl.concat([balance.clear(), settled], how="diagonal")
        ledger["core_customer"] = ledger["core_customer"].with_columns(
            pl.lit("Europe/Brussels").alias("timezone")
        )
        people = pl.DataFrame({"customer_id": book.ids, "segment": "prompt", "act_days_late": 10})
        answers = list_answers(ledger, people.drop("act_days_late"), AS_OF, load_scenario())
        return learn_arms(answers, ledger, people, TreatmentSettings()).tell(people)

    def test_the_channel_and_the_hour_that_are_answered_most_are_found(self):
        told = self.book({("email", 9): 0.2, ("email", 19): 0.5, ("sms", 9): 0.1, ("sms", 19): 0.1})
        email, sms = (told.filter(pl.col("channel") == name) for name in ("email", "sms"))
        assert (email["lift"] > sms["lift"].max()).all()
        assert set(email["slot"]) == {"evening"}
        assert email["response_prob"].mean() == pytest.approx(0.5, abs=0.1)

    def test_no_hour_is_made_up_where_hours_make_no_difference(self):
        told = self.book(
            {("email", 9): 0.3, ("email", 19): 0.3, ("sms", 9): 0.3, ("sms", 19): 0.3}, count=320
        )
        assert told["slot"].null_count() >= 0.9 * told.height

    def test_little_history_says_nothing(self):
        assert self.book({("email", 9): 0.5, ("sms", 9): 0.1}, count=40).is_empty()
