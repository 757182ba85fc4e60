"""Every cent of a world is accounted for."""

from decimal import Decimal

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.simulator.settings import BiasKind, InjectedBias, WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

WORLDS = st.builds(
    WorldSettings,
    customer_count=st.integers(1, 60),
    seed=st.integers(0, 10_000),
    mean_invoice_count=st.sampled_from([1.0, 5.0, 20.0]),
    homogeneous=st.booleans(),
    with_contacts=st.booleans(),
    drift=st.sampled_from([0.0, -1.0, 2.0]),
    contact_pause_days=st.sampled_from([3, 13]),
    injected_bias=st.one_of(
        st.none(),
        st.builds(
            InjectedBias,
            kind=st.sampled_from(list(BiasKind)),
            attribute=st.just("language"),
            group=st.just("fr"),
            strength=st.sampled_from([0.3, 1.0]),
        ),
    ),
)


def require_reconciled(world):
    ledger, truth = world.ledger, world.truth["invoice"]
    payment = ledger["payment"].unique("payment_id", keep="last", maintain_order=True)
    allocation = ledger["allocation"]
    by_payment = (
        allocation.filter(pl.col("payment_id").is_not_null())
        .group_by("payment_id")
        .agg(pl.col("amount").sum().alias("set"), pl.col("amount").abs().sum().alias("moved"))
        .join(payment, on="payment_id", how="full", coalesce=True)
    )
    assert by_payment["amount"].is_not_null().all(), "allocation of an unknown payment"
    over = by_payment.filter(pl.col("moved") > pl.col("amount").abs())
    assert over.height == 0, "more is allocated than was paid"
    turned = by_payment.filter(pl.col("set").is_not_null() & ((pl.col("set") > 0) != (pl.col("amount") > 0)))
    assert turned.height == 0, "a payment is allocated against its sign"

    note = ledger["invoice"].filter(pl.col("document_type") == "credit_note")
    by_note = allocation.group_by("credit_note_id").agg(pl.col("amount").sum().alias("set"))
    used = note.join(by_note, left_on="invoice_id", right_on="credit_note_id")
    assert (used["set"] == used["amount"]).all()

    invoice = ledger["invoice"].filter(pl.col("document_type") == "invoice").unique("invoice_id")
    divided = ledger["instalment"].group_by("invoice_id").agg(pl.col("amount").sum().alias("parts"))
    both = invoice.join(divided, on="invoice_id")
    assert (both["parts"] == both["amount"]).all()

    open_by_invoice = truth.group_by("invoice_id").agg(pl.col("open_amount").sum())
    set_ = allocation.group_by("invoice_id").agg(pl.col("amount").sum().alias("set"))
    rest = (
        invoice.join(set_, on="invoice_id", how="left")
        .join(open_by_invoice, on="invoice_id")
        .filter(pl.col("amount") - pl.col("set").fill_null(Decimal(0)) != pl.col("open_amount"))
    )
    assert rest.height == 0
    assert (truth["open_amount"] >= 0).all()

    back = payment.filter(pl.col("reversal_of").is_not_null()).join(
        payment.select(
            "payment_id", pl.col("amount").alias("first"), pl.col("booking_date").alias("first_date")
        ),
        left_on="reversal_of",
        right_on="payment_id",
    )
    assert (back["amount"] == -back["first"]).all()
    assert (back["booking_date"] > back["first_date"]).all()
    assert (payment["booking_date"] >= payment["value_date"]).all()
    assert (invoice["due_date"] >= invoice["issue_date"]).all()
    paid = allocation.join(invoice.select("invoice_id", "issue_date"), on="invoice_id")
    assert (paid["allocated_at"] >= paid["issue_date"]).all()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WORLDS)
def test_every_world_reconciles_to_the_cent(world_settings):
    require_reconciled(simulate_world(world_settings))


def test_a_full_world_reconciles_to_the_cent(world):
    require_reconciled(world)


def test_what_the_ledger_room_finds_open_is_what_is_open(world, tmp_path):
    write_world(world, tmp_path)
    loaded = load_ledger(tmp_path, load_mapping("canonical"))
    assert loaded.ledger["core_quarantine"].height == 0
    columns = ["invoice_id", "instalment_number", "open_amount"]
    found = loaded.ledger["core_instalment_balance"].select(columns).sort(columns)
    planted = world.truth["invoice"].select(columns).sort(columns)
    assert_frame_equal(found, planted, check_dtypes=False)


def test_no_payment_is_booked_on_a_day_without_banks(world):
    booked = world.ledger["payment"]["booking_date"]
    assert (booked.dt.weekday() <= 5).all()
    closed = booked.dt.strftime("%m-%d").is_in(["01-01", "05-01", "12-25", "12-26"])
    assert not closed.any()


def test_all_kinds_of_bookings_occur(world):
    ledger, truth = world.ledger, world.truth["invoice"]
    assert set(ledger["payment"]["reason_code"]) == {None, "failed_direct_debit", "chargeback", "refund"}
    assert set(ledger["payment"]["method"]) == {"transfer", "direct_debit", "card"}
    assert {"EUR", "GBP", "USD"} <= set(ledger["payment"]["currency"])
    allocation = ledger["allocation"]
    from_nothing = pl.col("payment_id").is_null() & pl.col("credit_note_id").is_null()
    assert allocation.filter(from_nothing).height
    assert allocation.group_by("payment_id").len().filter(pl.col("len") > 5).height
    assert (
        allocation.group_by("invoice_id", "instalment_number")
        .agg(pl.col("payment_id").n_unique().alias("count"))
        .filter(pl.col("count") > 1)
        .height
    )
    assert ledger["payment"].filter(pl.col("customer_id").is_null()).height
    assert 0.05 < (truth["open_amount"] > 0).mean() < 0.13
