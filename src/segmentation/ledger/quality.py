"""What became of the source rows, and whether the ledger's figures agree with each other.

Belongs here: checks between tables, each a statement with the finding in words. Does not belong here:
checks of one row (conversion), checks of a table against its definition (domain.validation).

Rows learned on or after the as-of day do not count, so that a check says what was known.
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUALITY
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import DocumentType
from segmentation.ledger.as_known import start_of
from segmentation.ledger.balances import list_unmatched_payments
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.moments import read_iso_moment
from segmentation.ledger.movements import list_allocation_lines
from segmentation.ledger.source_rows import PLACE, date_by_leading_part, list_leading_moments

PASS, WARN, FAIL = "pass", "warn", "fail"
_EXAMPLES = 3


def build_quality(raw: Frames, ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return what was checked on the delivery and the ledger, and what was found.

    Parameters
    ----------
    raw : every ``raw_`` table.
    ledger : every canonical table, ``core_quarantine``, ``core_instalment_balance`` and
        ``core_unallocated_cash``, as known on the as-of day.
    as_of : the as-of day.

    Returns
    -------
    ``core_quality``. The verdict is ``fail`` when figures contradict each other, ``warn`` when a person
    should look, else ``pass``.
    """
    findings = [
        *_check_row_counts(raw, ledger, as_of),
        *_check_columns(raw["raw_file"]),
        *_check_invoice_dates(ledger),
        *_check_instalments(ledger),
        *_check_balances(ledger),
        *_check_cash(ledger),
        *_check_references(ledger),
    ]
    return QUALITY.conform(
        pl.DataFrame(
            findings,
            schema={name: QUALITY.polars_schema[name] for name in QUALITY.column_names},
            orient="row",
        )
    )


_Finding = tuple[str, str, int, int, int, str, str]


def _finding(
    check_name: str,
    subject: str,
    verdict: str,
    statement: str,
    rows_in: int,
    *,
    loaded: int | None = None,
    quarantined: int = 0,
) -> _Finding:
    return (
        check_name,
        subject,
        rows_in,
        rows_in - quarantined if loaded is None else loaded,
        quarantined,
        verdict,
        statement,
    )


def _check_row_counts(raw: Frames, ledger: Frames, as_of: date) -> Iterator[_Finding]:
    """Every source row known on the day is loaded or in quarantine, per file and table."""
    quarantine = ledger["core_quarantine"]
    leading = list_leading_moments(raw)
    lines = quarantine.select(*PLACE, "table_name", "rule").unique([*PLACE, "table_name"])
    for name, table in CANONICAL_TABLES.items():
        rows = raw[name.replace("core_", "raw_", 1)]
        identifiers = [column for column in table.key if column.endswith("_id")]
        bad = lines.filter(pl.col("table_name") == name)
        is_known = date_by_leading_part(read_iso_moment(pl.col(OBSERVED_AT))) < start_of(as_of)
        known = rows.join(leading, on=PLACE, how="left").filter(is_known)
        good = known.join(bad, on=PLACE, how="anti").select("source_file", *identifiers)
        loaded = good.join(
            ledger[name].select(identifiers).unique(), on=identifiers, how="semi", nulls_equal=True
        )
        counts = (
            pl.concat(
                [
                    _count(good, "good"),
                    _count(loaded, "loaded"),
                    _count(bad, "quarantined"),
                ],
                how="diagonal",
            )
            .group_by("source_file")
            .agg(pl.col("good", "loaded", "quarantined").sum())
        )
        for count in counts.iter_rows(named=True):
            rows_in = count["good"] + count["quarantined"]
            lost = count["good"] - count["loaded"]
            if lost:
                verdict, statement = FAIL, f"{lost} of {rows_in} rows are neither loaded nor in quarantine"
            elif count["quarantined"]:
                verdict = WARN
                statement = f"{count['quarantined']} of {rows_in} rows are in quarantine: " + _top_rules(
                    quarantine.filter(
                        (pl.col("table_name") == name) & (pl.col("source_file") == count["source_file"])
                    )
                )
            else:
                merged = rows_in > ledger[name].height  # several source rows may say the same thing
                statement = f"all {rows_in} rows are loaded" + (
                    f", into {ledger[name].height} rows of {name}" if merged else ""
                )
                verdict = PASS
            yield _finding(
                "rows_in_equal_loaded_plus_quarantined",
                f"{count['source_file']} → {name}",
                verdict,
                statement,
                rows_in,
                loaded=count["loaded"],
                quarantined=count["quarantined"],
            )


def _count(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return rows.group_by("source_file").agg(pl.len().cast(pl.Int64).alias(name))


def _top_rules(quarantine: pl.DataFrame) -> str:
    top = (
        quarantine.group_by("rule")
        .agg(pl.struct(PLACE).n_unique().alias("rows"))
        .sort("rows", "rule", descending=[True, False])
    )
    return ", ".join(f"{row['rule']} ({row['rows']})" for row in top.head(_EXAMPLES).iter_rows(named=True))


def _check_columns(files: pl.DataFrame) -> Iterator[_Finding]:
    """Every column and file of the delivery is mapped or ignored on purpose."""
    for file in files.iter_rows(named=True):
        if not file["is_mapped"]:
            yield _finding(
                "source_files_are_mapped",
                file["source_file"],
                WARN,
                "the mapping does not read this file: map it, or take it out of the ledger folder",
                0,
            )
            continue
        unmapped = ", ".join(file["unmapped_columns"])
        yield _finding(
            "source_columns_are_mapped_or_ignored",
            file["source_file"],
            WARN if unmapped else PASS,
            f"left out: {unmapped}; map them or name them under `ignored`"
            if unmapped
            else "every column is mapped or ignored on purpose",
            0,
        )


def _check_invoice_dates(ledger: Frames) -> Iterator[_Finding]:
    late = ledger["core_quarantine"].filter(pl.col("rule") == "due_before_issue")
    bad = late.select(PLACE).unique().height
    count = ledger["core_invoice"].height + bad
    yield _finding(
        "core_invoices_due_on_or_after_issue",
        "core_invoice",
        WARN if bad else PASS,
        f"{bad} of {count} documents were due before they were issued and are in quarantine"
        if bad
        else f"all {count} documents are due on or after their issue date",
        count,
        quarantined=bad,
    )


def _check_instalments(ledger: Frames) -> Iterator[_Finding]:
    sums = ledger["core_instalment"].group_by("invoice_id").agg(pl.col("amount").sum().alias("stated"))
    compared = sums.join(ledger["core_invoice"].select("invoice_id", "amount"), on="invoice_id")
    wrong = compared.filter(pl.col("stated") != pl.col("amount")).sort("invoice_id")
    yield _finding(
        "core_instalments_sum_to_invoice_amount",
        "core_instalment",
        FAIL if wrong.height else PASS,
        f"the instalments of {wrong.height} invoices do not add up to the invoice: {_examples(wrong, 'invoice_id')}"
        if wrong.height
        else f"the instalments of all {compared.height} invoices that have them add up",
        compared.height,
    )


def _check_balances(ledger: Frames) -> Iterator[_Finding]:
    """Per currency, what is open equals what was invoiced less what was set against it."""
    balances = ledger["core_instalment_balance"]
    owed = ledger["core_invoice"].filter(pl.col("document_type") != DocumentType.CREDIT_NOTE.value)
    stated = ledger["core_instalment"].select("invoice_id").unique()
    documents = pl.concat(
        [
            owed.join(stated, on="invoice_id", how="anti").select("invoice_id", "amount", "currency"),
            ledger["core_instalment"]
            .join(owed.select("invoice_id", "currency"), on="invoice_id")
            .select("invoice_id", "amount", "currency"),
        ]
    )
    allocated = (
        list_allocation_lines(ledger)
        .join(owed.select("invoice_id", "currency"), on="invoice_id")
        .group_by("currency")
        .agg(pl.col("amount").sum().alias("allocated"))
    )
    totals = (
        documents.group_by("currency")
        .agg(pl.col("amount").sum().alias("invoiced"), pl.len().cast(pl.Int64).alias("rows"))
        .join(allocated, on="currency", how="left")
        .join(
            balances.group_by("currency").agg(pl.col("open_amount").sum().alias("open")),
            on="currency",
            how="full",
            coalesce=True,
        )
        .with_columns(pl.col("invoiced", "allocated", "open", "rows").fill_null(0))
        .sort("currency")
    )
    for total in totals.iter_rows(named=True):
        expected = total["invoiced"] - total["allocated"]
        is_equal = total["open"] == expected
        yield _finding(
            "core_balances_equal_documents_less_allocations",
            total["currency"],
            PASS if is_equal else FAIL,
            f"{total['currency']}: {total['invoiced']:,.2f} invoiced less {total['allocated']:,.2f} allocated is "
            + (
                f"{total['open']:,.2f} open"
                if is_equal
                else f"{expected:,.2f}, but {total['open']:,.2f} is open"
            ),
            total["rows"],
        )
    over = balances.filter(pl.col("open_amount") < 0)
    yield _finding(
        "core_instalments_are_not_over_covered",
        "core_instalment_balance",
        WARN if over.height else PASS,
        f"{over.height} instalments have more set against them than is due: {_examples(over, 'invoice_id')}"
        if over.height
        else "no instalment has more set against it than is due",
        balances.height,
    )


def _check_cash(ledger: Frames) -> Iterator[_Finding]:
    payments = list_unmatched_payments(ledger)
    over = payments.filter(pl.col("unmatched_cash_amount") < 0).filter(~_is_refund(ledger))
    yield _finding(
        "core_allocations_do_not_exceed_payments",
        "core_payment",
        FAIL if over.height else PASS,
        f"{over.height} payments have more allocated than was received: {_examples(over, 'origin_id')}"
        if over.height
        else f"no more is allocated than was received, for all {payments.height} payments",
        payments.height,
    )
    nobody = payments.filter(pl.col("customer_id").is_null() & (pl.col("unmatched_cash_amount") != 0))
    sums = (
        nobody.group_by("currency").agg(pl.col("unmatched_cash_amount").sum().alias("total")).sort("currency")
    )
    yield _finding(
        "core_payments_have_a_customer",
        "core_payment",
        WARN if nobody.height else PASS,
        f"payments that belong to nobody: {nobody.height}, in all "
        + ", ".join(f"{row['total']:,.2f} {row['currency']}" for row in sums.iter_rows(named=True))
        if nobody.height
        else "every payment that is not allocated names its customer",
        payments.height,
    )
    foreign = payments.filter(pl.col("is_foreign"))
    yield _finding(
        "core_allocations_are_in_the_currency_of_the_payment",
        "core_allocation",
        WARN if foreign.height else PASS,
        f"{foreign.height} payments are allocated to another currency and count as allocated in full: "
        + _examples(foreign, "origin_id")
        if foreign.height
        else "no payment is allocated to another currency",
        payments.height,
    )


def _is_refund(ledger: Frames) -> pl.Expr:
    """Money paid out is negative of itself; it is not over-allocated."""
    refunds = ledger["core_payment"].filter(pl.col("reversal_of").is_null() & (pl.col("amount") < 0))
    return pl.col("origin_id").is_in(refunds.get_column("payment_id").implode())


def _check_references(ledger: Frames) -> Iterator[_Finding]:
    allocations = ledger["core_allocation"]
    payments = ledger["core_payment"].select("payment_id")
    notes = ledger["core_invoice"].filter(pl.col("document_type") == DocumentType.CREDIT_NOTE.value)
    loose = pl.concat(
        [
            allocations.filter(pl.col("payment_id").is_not_null()).join(
                payments, on="payment_id", how="anti"
            ),
            allocations.filter(pl.col("credit_note_id").is_not_null()).join(
                notes.select(pl.col("invoice_id").alias("credit_note_id")), on="credit_note_id", how="anti"
            ),
        ]
    )
    yield _finding(
        "core_allocations_refer_to_known_payments",
        "core_allocation",
        WARN if loose.height else PASS,
        f"{loose.height} allocations name a payment or credit note that is not known, and count by their "
        f"booking day: {_examples(loose, 'allocation_id')}"
        if loose.height
        else "every allocation names a known payment or credit note, or is a write-off",
        allocations.height,
    )


def _examples(frame: pl.DataFrame, column: str) -> str:
    names = frame.get_column(column).unique().sort().head(_EXAMPLES).to_list()
    return ", ".join(map(str, names)) + (" ..." if frame.get_column(column).n_unique() > _EXAMPLES else "")
