"""Gates that follow from the state of the account: money, disputes, promises, plans, blocks, sources.

Belongs here: one function per gate, from ledger tables to closed-gate rows. Does not belong here:
gates about the contact itself (contact_gates).
"""

from datetime import date, datetime, timedelta

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.promises import judge_promises
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import (
    BlockCode,
    BlockReason,
    BlockScope,
    Decision,
    PlanStatus,
    PromiseStatus,
)
from segmentation.treatment.validity import in_force
from segmentation.treatment.wording import amount_text, day_text

_BLOCK_GATES = {
    BlockReason.INSOLVENCY: BlockCode.INSOLVENCY,
    BlockReason.DEBT_MEDIATION: BlockCode.DEBT_MEDIATION,
    BlockReason.VULNERABILITY: BlockCode.VULNERABILITY,
    BlockReason.MANUAL: BlockCode.MANUAL_BLOCK,
}
_BLOCK_WORDS = {
    BlockReason.INSOLVENCY: "Insolvency is on record",
    BlockReason.DEBT_MEDIATION: "Debt mediation is on record",
    BlockReason.VULNERABILITY: "The customer is marked as vulnerable",
    BlockReason.MANUAL: "Somebody set a dunning block",
}
_DECISION_WORDS = {
    Decision.ACCEPT: "accepted",
    Decision.ADJUST: "adjusted",
    Decision.IGNORE: "ignored",
}


def gate_rows(
    frame: pl.DataFrame,
    gate: BlockCode | pl.Expr,
    detail: pl.Expr,
    *,
    channel: pl.Expr | None = None,
    invoice: pl.Expr | None = None,
    lifts_on: pl.Expr | None = None,
) -> pl.DataFrame:
    """Return ``frame`` as closed-gate rows; what is left out is null (all contact, whole account, no date)."""
    code = pl.lit(gate.value) if isinstance(gate, BlockCode) else gate
    return frame.select(
        "customer_id",
        code.cast(pl.String).alias("gate"),
        (pl.lit(None) if channel is None else channel).cast(pl.String).alias("channel"),
        (pl.lit(None) if invoice is None else invoice).cast(pl.String).alias("invoice_id"),
        (pl.lit(None) if lifts_on is None else lifts_on).cast(pl.Date).alias("lifts_on"),
        detail.cast(pl.String).alias("detail"),
    )


def list_open_invoices(ledger: Frames, among: pl.Series) -> pl.DataFrame:
    """Return those of some invoices that are open, with their customer."""
    balance = ledger["core_instalment_balance"].filter("is_open").select("invoice_id", "customer_id")
    return balance.filter(is_known(balance["invoice_id"], among)).unique()


def _sum_in_words(frame: pl.DataFrame, amount: str) -> pl.DataFrame:
    """Return one row per customer with its amounts in every currency as ``amounts``."""
    return (
        frame.sort("customer_id", "currency")
        .with_columns(amount_text(amount, "currency").alias("amounts"))
        .group_by("customer_id", maintain_order=True)
        .agg(pl.col("amounts").str.join(" and "))
    )


def close_on_money(ledger: Frames, settings: TreatmentSettings) -> pl.DataFrame:
    """Return accounts that hold money or credit not yet set against what is open, own or of their payer.

    Parameters
    ----------
    ledger : core_unallocated_cash, core_instalment_balance (over-covered instalments are credit too)
        and core_customer (money on the account of the parent closes the children).
    settings : amounts up to unmatched_tolerance_amount are rounding and close nothing.
    """
    cash = ledger["core_unallocated_cash"]
    over = (
        ledger["core_instalment_balance"]
        .filter(pl.col("open_amount") < 0)
        .group_by("customer_id", "currency")
        .agg((-pl.col("open_amount").sum()).alias("over_amount"))
    )
    credit = (
        cash.select("customer_id", "currency", "credit_amount")
        .join(over, on=["customer_id", "currency"], how="full", coalesce=True)
        .with_columns(
            (pl.col("credit_amount").fill_null(0) + pl.col("over_amount").fill_null(0)).alias("credit_amount")
        )
    )
    parents = ledger["core_customer"].select("customer_id", "parent_customer_id").drop_nulls()
    frames = []
    for gate, frame, column, words in (
        (BlockCode.UNMATCHED_CASH, cash, "unmatched_cash_amount", "was received but not matched on"),
        (BlockCode.UNMATCHED_CASH, cash, "possible_cash_amount", "came in or went back and may concern"),
        (BlockCode.CREDIT_AVAILABLE, credit, "credit_amount", "of credit is not set against anything on"),
    ):
        held = _sum_in_words(frame.filter(pl.col(column) > settings.unmatched_tolerance_amount), column)
        frames.append(
            gate_rows(held, gate, pl.format("{} {} this account: match it first.", "amounts", pl.lit(words)))
        )
        inherited = parents.join(
            held, left_on="parent_customer_id", right_on="customer_id", how="inner"
        ).filter(pl.col("customer_id") != pl.col("parent_customer_id"))
        sentence = pl.format(
            "{} {} the account of parent {}: match it first.",
            "amounts",
            pl.lit(words),
            "parent_customer_id",
        )
        frames.append(gate_rows(inherited, gate, sentence))
    return pl.concat(frames)


def close_on_nothing_open(ledger: Frames, customers: pl.DataFrame) -> pl.DataFrame:
    """Return customers with nothing open."""
    owing = ledger["core_instalment_balance"].filter("is_open")["customer_id"]
    idle = customers.filter(~is_known(customers["customer_id"], owing))
    return gate_rows(idle, BlockCode.NOTHING_OPEN, pl.lit("Nothing is open on this account."))


def close_on_disputes(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return open invoices with an open dispute; a dispute about a part closes the whole invoice."""
    disputed = (
        ledger["core_dispute"]
        .filter(pl.col("opened_at") <= as_of, pl.col("closed_at").is_null() | (pl.col("closed_at") > as_of))
        .group_by("invoice_id")
        .agg(pl.col("opened_at").min())
    )
    disputed = disputed.join(list_open_invoices(ledger, disputed["invoice_id"]), on="invoice_id", how="inner")
    sentence = pl.format(
        "Invoice {} has been in dispute since {}.", "invoice_id", day_text(pl.col("opened_at"))
    )
    return gate_rows(disputed, BlockCode.OPEN_DISPUTE, sentence, invoice=pl.col("invoice_id"))


def close_on_promises(ledger: Frames, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return open invoices with a promise to pay whose day, with the grace in settings, has not passed."""
    promised = (
        judge_promises(ledger, as_of, settings.promise_grace_days)
        .filter(pl.col("state") == PromiseStatus.OPEN, pl.col("made_at") <= as_of)
        .group_by("invoice_id")
        .agg(pl.col("promised_date", "last_day").max())
    )
    promised = promised.join(list_open_invoices(ledger, promised["invoice_id"]), on="invoice_id", how="inner")
    sentence = pl.format(
        "Payment of invoice {} was promised for {}.", "invoice_id", day_text(pl.col("promised_date"))
    )
    lifts_on = pl.col("last_day") + timedelta(days=1)
    return gate_rows(
        promised, BlockCode.OPEN_PROMISE, sentence, invoice=pl.col("invoice_id"), lifts_on=lifts_on
    )


def close_on_plans(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return customers with a running payment plan; it lifts when the plan is completed or broken."""
    days = pl.col("schedule").str.extract_all(r"\d{4}-\d{2}-\d{2}").list.max()
    running = (
        ledger["core_payment_plan"]
        .filter(
            pl.col("status").is_null() | (pl.col("status") == PlanStatus.RUNNING),
            pl.col("started_at") <= as_of,
        )
        .group_by("customer_id")
        .agg(pl.col("started_at").min(), days.max().str.to_date(strict=False).alias("last_day"))
    )
    start = day_text(pl.col("started_at"))
    sentence = (
        pl.when(pl.col("last_day").is_null())
        .then(pl.format("A payment plan has been running since {}.", start))
        .otherwise(
            pl.format(
                "A payment plan has been running since {}; its last day is {}.",
                start,
                day_text(pl.col("last_day")),
            )
        )
    )
    return gate_rows(running, BlockCode.RUNNING_PLAN, sentence)


def close_on_blocks(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return customers and invoices with a dunning block in force.

    Notes
    -----
    Insolvency, debt mediation and vulnerability are about the customer: they close the account even
    when they were recorded on one invoice. A manual block closes what it was set on.
    """
    blocks, invoices = ledger["core_dunning_block"], ledger["core_invoice"]
    owners = invoices.filter(is_known(invoices["invoice_id"], blocks["scope_id"])).select(
        pl.col("invoice_id").alias("scope_id"), pl.col("customer_id").alias("owner_id")
    )
    on_invoice = pl.col("scope") == BlockScope.INVOICE
    is_manual = pl.col("reason") == BlockReason.MANUAL
    placed = (
        blocks.join(owners, on="scope_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(on_invoice).then("owner_id").otherwise("scope_id").alias("customer_id"),
            pl.when(on_invoice & is_manual).then("scope_id").otherwise(None).alias("invoice_id"),
        )
        .filter(pl.col("customer_id").is_not_null())
    )
    current = in_force(placed, ["customer_id", "invoice_id", "reason"], as_of)
    current = current.join(
        list_open_invoices(ledger, current["invoice_id"]).select("invoice_id", pl.lit(True).alias("is_open")),
        on="invoice_id",
        how="left",
    ).filter(pl.col("invoice_id").is_null() | pl.col("is_open"))
    words = pl.col("reason").replace_strict(_BLOCK_WORDS, return_dtype=pl.String)
    since = day_text(pl.col("valid_from"))
    sentence = (
        pl.when(pl.col("invoice_id").is_null())
        .then(pl.format("{} since {}.", words, since))
        .otherwise(pl.format("{} on invoice {} since {}.", words, "invoice_id", since))
    )
    return gate_rows(
        current,
        pl.col("reason").replace_strict(_BLOCK_GATES, return_dtype=pl.String),
        sentence,
        invoice=pl.col("invoice_id"),
        lifts_on=pl.col("lifts_on"),
    )


def close_on_decisions(decisions: pl.DataFrame, as_of: date, settings: TreatmentSettings) -> pl.DataFrame:
    """Return customers on whom a credit manager decided lately; the decision gets time to work.

    Notes
    -----
    Of several decisions on one recommendation the one recorded last counts; where that withdraws the
    decision, nothing is in force and nobody is held back.
    """
    order = ["sequence", "decided_at", "decision_id"]
    recent = (
        decisions.filter(
            pl.col("as_of_date") < as_of,
            pl.col("as_of_date") + timedelta(days=settings.decision_cool_down_days) > as_of,
        )
        .sort(order, nulls_last=False)
        .unique("recommendation_id", keep="last", maintain_order=True)
        .filter(pl.col("decision") != Decision.WITHDRAW)
        .sort("as_of_date", *order, nulls_last=False)
        .group_by("customer_id", maintain_order=True)
        .agg(pl.col("as_of_date").last(), pl.col("decision").last())
    )
    sentence = pl.format(
        "A credit manager {} a step for this customer on the worklist of {}; it gets time to work.",
        pl.col("decision").replace_strict(_DECISION_WORDS, return_dtype=pl.String),
        day_text(pl.col("as_of_date")),
    )
    lifts_on = pl.col("as_of_date") + timedelta(days=settings.decision_cool_down_days)
    return gate_rows(recent, BlockCode.AWAITING_DECISION_EFFECT, sentence, lifts_on=lifts_on)


def close_on_quarantine(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return customers some of whose rows could not be loaded: what is missing may be a payment."""
    quarantine = ledger["core_quarantine"]
    known = pl.col("observed_at").is_null() | (pl.col("observed_at").dt.date() <= as_of)
    is_missed = pl.col("is_corrected").ne_missing(other=True)
    rows = (
        quarantine.filter(pl.col("customer_id").is_not_null(), known, is_missed)
        .select("customer_id", "source_file", "source_line")
        .unique()
        .group_by("customer_id")
        .agg(pl.len().alias("count"))
    )
    sentence = pl.format("{} row(s) of this customer could not be loaded: repair them first.", "count")
    return gate_rows(rows, BlockCode.QUARANTINED_ROWS, sentence)


def close_on_stale_source(
    ledger: Frames, customers: pl.DataFrame, as_of: date, settings: TreatmentSettings
) -> pl.DataFrame:
    """Return every customer when the newest fact of the whole ledger is too old, nobody otherwise."""
    newest = [
        moment
        for name in CANONICAL_TABLES
        if isinstance(moment := ledger[name]["observed_at"].max(), datetime)
    ]
    if not newest:
        return gate_rows(customers.clear(), BlockCode.STALE_SOURCE, pl.lit(""))
    last = max(newest).date()
    age_days = (as_of - last).days
    if age_days <= settings.max_source_age_days:
        return gate_rows(customers.clear(), BlockCode.STALE_SOURCE, pl.lit(""))
    sentence = f"The newest fact in the ledger is {age_days} days old ({last:%-d %B %Y}): load a newer delivery first."
    return gate_rows(customers, BlockCode.STALE_SOURCE, pl.lit(sentence))
