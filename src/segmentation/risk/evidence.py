"""Evidence: the invoices behind a reason, so that a person can look them up.

Belongs here: which of a customer's invoices show what a reason says. Does not belong here: how much a
reason weighs (explanation), its words (domain.reasons).
"""

from collections.abc import Mapping

import polars as pl

from segmentation.domain.reasons import DOWN, STILL_OPEN, UP
from segmentation.domain.schema import Frames
from segmentation.risk.explanation import directed_code

SHOWN = 3
"""Invoices named for a reason."""

_OWN_GROUPS = ("own_state", "amount_size", "terms", "calendar", STILL_OPEN)
"""Reasons that are about the invoice itself."""

_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "late": (f"past_lateness_{UP}", f"recent_lateness_{UP}", f"typical_delay_{UP}", f"trend_{UP}"),
    "prompt": (f"past_lateness_{DOWN}", f"recent_lateness_{DOWN}", f"typical_delay_{DOWN}"),
    "settled": (f"trend_{DOWN}", f"payment_habits_{UP}", f"payment_habits_{DOWN}"),
    "open": (f"open_overdue_book_{UP}",),
    "disputed": (f"disputes_credits_{UP}", f"disputes_credits_{DOWN}"),
    "promised": (f"promises_plans_{UP}", f"promises_plans_{DOWN}"),
    "taken back": (f"failed_debits_{UP}",),
    "reminded": (f"reminder_response_{UP}", f"reminder_response_{DOWN}"),
}
"""Reasons that a kind of earlier invoice shows; the rest are about the customer as a whole."""


def find_evidence(ledger: Frames) -> pl.DataFrame:
    """Return customer_id, reason_code and evidence_invoice_ids, at most three, the most telling first.

    Parameters
    ----------
    ledger : core_ tables as known on the as-of day.

    Notes
    -----
    Of settled invoices the latest come first, of open ones those longest overdue. An invoice whose lateness
    was the supplier's doing is no evidence. Reasons about the invoice itself are filled in by
    ``add_evidence``; for reasons about the customer as a whole there is no invoice to show.
    """
    kinds = pl.concat(_list_kinds(ledger))
    shown = (
        kinds.sort("kind", "customer_id", "rank", "invoice_id", descending=[False, False, True, False])
        .unique(("kind", "customer_id", "invoice_id"), keep="first", maintain_order=True)
        .group_by("kind", "customer_id", maintain_order=True)
        .agg(pl.col("invoice_id").head(SHOWN).alias("evidence_invoice_ids"))
    )
    codes = pl.DataFrame(
        [(kind, code) for kind, codes in _BY_KIND.items() for code in codes],
        schema={"kind": pl.String, "reason_code": pl.String},
        orient="row",
    )
    return shown.join(codes, on="kind").select("customer_id", "reason_code", "evidence_invoice_ids")


def add_evidence(reasons: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Return ``reasons`` (``explanation.build_reasons``) with evidence_invoice_ids for those with a rank.

    The list is empty where a reason has no rank, or is about the customer as a whole.
    """
    own = pl.when(pl.col("reason_code").is_in(_OWN_GROUPS)).then(pl.concat_list("invoice_id"))
    key = ("invoice_id", "instalment_number", "reason_code")
    top = reasons.drop_nulls("rank").with_columns(directed_code().alias("directed_code"))
    found = top.join(
        evidence,
        left_on=("customer_id", "directed_code"),
        right_on=("customer_id", "reason_code"),
        how="left",
    ).select(*key, pl.coalesce(own, "evidence_invoice_ids").alias("evidence_invoice_ids"))
    joined = reasons.join(found, on=key, how="left", maintain_order="left")
    return joined.with_columns(pl.col("evidence_invoice_ids").fill_null([]))


def _list_kinds(ledger: Frames) -> list[pl.DataFrame]:
    """Return kind, customer_id, invoice_id and rank of every invoice that shows something."""
    balance = ledger["core_instalment_balance"].filter(
        ~pl.col("is_supplier_caused").fill_null(value=False), pl.col("document_type") != "credit_note"
    )
    paid = balance.filter(pl.col("covered_by") == "payment")
    learned = pl.coalesce("covered_known_date", "covered_date").cast(pl.Int32)
    late = pl.col("days_late") > 0
    owner = balance.select("invoice_id", "customer_id").unique()

    def about(table: str, rank: str) -> pl.DataFrame:
        named = ledger[table].drop_nulls("invoice_id")
        return named.select("invoice_id", pl.col(rank).cast(pl.Date).cast(pl.Int32).alias("rank")).join(
            owner, on="invoice_id"
        )

    reversed_ = ledger["core_payment"].filter(pl.col("reversal_of").is_not_null())
    taken_back = (
        ledger["core_allocation"]
        .join(reversed_.select(payment_id="reversal_of"), on="payment_id", how="semi")
        .select("invoice_id", pl.col("allocated_at").cast(pl.Int32).alias("rank"))
        .join(owner, on="invoice_id")
    )
    overdue = balance.filter("is_open", late)
    found = {
        "late": pl.concat(
            [
                paid.filter(late).select("customer_id", "invoice_id", learned.alias("rank")),
                overdue.select("customer_id", "invoice_id", pl.col("due_date").cast(pl.Int32).alias("rank")),
            ]
        ),
        "prompt": paid.filter(~late).select("customer_id", "invoice_id", learned.alias("rank")),
        "settled": paid.select("customer_id", "invoice_id", learned.alias("rank")),
        "open": balance.filter("is_open").select(
            "customer_id", "invoice_id", pl.col("days_late").cast(pl.Int32).alias("rank")
        ),
        "disputed": about("core_dispute", "opened_at"),
        "promised": about("core_promise_to_pay", "made_at"),
        "reminded": about("core_contact_event", "sent_at"),
        "taken back": taken_back,
    }
    return [
        frame.select(pl.lit(kind).alias("kind"), "customer_id", "invoice_id", "rank")
        for kind, frame in found.items()
    ]
