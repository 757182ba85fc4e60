"""A ledger loaded with pandas, as a careful engineer writes it: the peer of the room in ``bench_load``.

Belongs here: the checks that the room makes on such files, on whole columns. Does not belong here: what is
timed. It does what these files need and no more: one currency format, no instalments, reversals, credit
notes, write-offs, bank statements or balance lists, and nothing that is learned later than its row.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from babel.numbers import list_currencies

_DOCUMENTS = ("invoice", "credit_note", "debit_note", "prepayment")
_PLAIN = r"-?[0-9]{1,15}(?:\.[0-9]{1,3})?"
_REFERS = (
    ("invoice", "customer_id", "customer"),
    ("payment", "customer_id", "customer"),
    ("allocation", "invoice_id", "invoice"),
)
_TOLERATED = 0.1
"""More bad rows than this share of a file's refuse it."""

Kinds = Mapping[str, Mapping[str, str]]
"""Type of each column ("VARCHAR", "DATE", "DECIMAL..."), by table."""


def load_with_pandas(folder: Path, kinds: Kinds, as_of: date) -> dict[str, Any]:
    """Return the figures of a ledger that the room must find too, and what was checked on the way."""
    tables: dict[str, pd.DataFrame] = {}
    refused: list[pd.DataFrame] = []
    counts: dict[str, int] = {}
    for table, columns in kinds.items():
        text = pd.read_csv(folder / "csv" / f"{table}.csv", dtype=str, keep_default_na=False)
        text = text.apply(lambda column: column.str.strip())
        counts[table] = len(text)
        frame, bad = _type_rows(table, text, columns)
        refused.append(bad)
        tables[table], bad = _part_versions(table, frame.drop(index=bad["row"].unique()), as_of)
        refused.append(bad)
    for table, column, referred in _REFERS:
        is_known = tables[table][column].isin(tables[referred][column])
        refused.append(_refuse(table, tables[table][~is_known], column, f"unknown_{referred}"))
        tables[table] = tables[table][is_known]
    quarantine = pd.concat(refused, ignore_index=True).sort_values(["source_file", "source_line"])
    balance, lines = _settle(tables, as_of)
    cash = _add_up_cash(tables)
    return {
        "rows": sum(map(len, tables.values())),
        "quarantined": quarantine.groupby(["table_name", "rule"]).size().sort_index().to_list(),
        "open": _money(balance["open"].sum()),
        "open_count": int((balance["open"] > 0).sum()),
        "days_late": int(balance["days_late"].sum()),
        "on_account": _money(cash.groupby("customer_id")["left"].sum().sum()),
        "checks": sorted(
            [*_account_for_rows(tables, quarantine, counts), *_check(tables, balance, lines, cash)]
        ),
    }


def _type_rows(
    table: str, text: pd.DataFrame, columns: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows typed, and a row of the quarantine for each value that cannot be."""
    line = np.arange(len(text)) + 2
    frame = pd.DataFrame(
        {
            "source_file": f"{table}.csv",
            "source_line": line,
            "source_id": f"{table}.csv:" + pd.Series(line).astype(str),
        }
    )
    broken: list[tuple[str, str, pd.Series]] = []
    for name, kind in columns.items():
        value = text[name]
        broken.append((name, "missing_value", value == ""))
        if kind == "DATE":
            frame[name] = pd.to_datetime(value, format="%Y-%m-%d", errors="coerce")
            broken += [
                (name, "not_a_date", frame[name].isna()),
                (name, "date_out_of_range", ~frame[name].dt.year.between(1990, 2100)),
            ]
        elif kind.startswith("DECIMAL"):
            is_plain = value.str.fullmatch(_PLAIN)
            whole = value.where(is_plain, "0").str.partition(".")
            thousandths = whole[2].str.pad(3, side="right", fillchar="0").replace("", "000")
            frame[name] = whole[0].astype("int64") * 1_000 + thousandths.astype("int64")
            broken.append((name, "not_a_number", ~is_plain))
        else:
            frame[name] = value
        if name == "currency":
            broken.append((name, "not_a_currency", ~value.isin(list_currencies())))
    if table == "invoice":
        broken += [
            ("document_type", "not_in_list", ~frame["document_type"].isin(_DOCUMENTS)),
            ("due_date", "due_before_issue", frame["due_date"] < frame["issue_date"]),
            ("amount", "negative_amount", frame["amount"] < 0),
        ]
    found = [
        _refuse(table, frame[is_bad], name, rule, text.loc[is_bad, name])
        for name, rule, is_bad in broken
        if is_bad.any()
    ]
    return frame, pd.concat([_refuse(table, frame.iloc[:0], None, ""), *found]).drop_duplicates(
        ["source_line", "column_name"]  # of a value that breaks several rules the first counts
    )


def _refuse(
    table: str, rows: pd.DataFrame, column: str | None, rule: str, value: pd.Series | None = None
) -> pd.DataFrame:
    """Return rows of the quarantine."""
    return pd.DataFrame(
        {
            "source_file": rows["source_file"],
            "source_line": rows["source_line"],
            "row": rows.index,
            "table_name": table,
            "column_name": column,
            "rule": rule,
            "value": value if value is not None else rows[column] if column else None,
        }
    )


def _part_versions(table: str, frame: pd.DataFrame, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the latest version of each row known on the day; those that contradict each other are refused."""
    key = f"{table}_id"
    known = frame[frame["observed_at"] < pd.Timestamp(as_of)]
    several = known[known[key].duplicated(keep=False)]
    content = [name for name in known.columns if not name.startswith("source_")]
    said = several.drop_duplicates(content)
    contradicted = said[said.duplicated([key, "observed_at"], keep=False)][key]
    is_refused = known[key].isin(contradicted)
    latest = known[~is_refused].sort_values([key, "observed_at"]).drop_duplicates(key, keep="last")
    return latest, _refuse(table, known[is_refused], key, "conflicting_rows")


def _settle(tables: dict[str, pd.DataFrame], as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the balance of each invoice, and what was set against invoices."""
    invoice, payment = tables["invoice"], tables["payment"]
    paid_with = payment[["payment_id", "value_date", "currency"]]
    lines = tables["allocation"].merge(paid_with, on="payment_id", how="left")
    lines["covering_date"] = lines["value_date"].fillna(lines["allocated_at"])
    lines = lines[lines["covering_date"] < pd.Timestamp(as_of)]
    lines = lines.sort_values(["invoice_id", "covering_date", "allocation_id"])
    lines["covered"] = lines.groupby("invoice_id")["amount"].cumsum()
    paid = lines.groupby("invoice_id", sort=False).agg(paid=("amount", "sum"))
    balance = invoice.merge(paid, left_on="invoice_id", right_index=True, how="left")
    balance["open"] = balance["amount"] - balance["paid"].fillna(0).astype("int64")
    reached = lines.merge(
        invoice[["invoice_id", "amount", "currency"]], on="invoice_id", suffixes=("", "_due")
    )
    first = reached[reached["covered"] >= reached["amount_due"]]
    balance["covered_date"] = balance["invoice_id"].map(first.groupby("invoice_id")["covering_date"].first())
    until = balance["covered_date"].where(balance["open"] <= 0, pd.Timestamp(as_of))
    balance["days_late"] = (until - balance["due_date"]).dt.days
    return balance, reached


def _add_up_cash(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the payments with what is left of each."""
    used = tables["allocation"].groupby("payment_id")["amount"].sum()
    payment = tables["payment"]
    return payment.assign(left=payment["amount"] - payment["payment_id"].map(used).fillna(0).astype("int64"))


def _account_for_rows(
    tables: dict[str, pd.DataFrame], quarantine: pd.DataFrame, counts: dict[str, int]
) -> list[list[Any]]:
    """Return for each file how many rows came in, were loaded and are in quarantine; refuse bad files."""
    found = []
    for table, count in counts.items():
        lines = quarantine.loc[quarantine["table_name"] == table, "source_line"].nunique()
        loaded = int(tables[table]["source_id"].nunique())
        if lines > _TOLERATED * count or loaded + lines != count:
            raise ValueError(f"{table}: {count} rows came, {loaded} were loaded and {lines} refused")
        found.append(["rows_in_equal_loaded_plus_quarantined", count, loaded, lines, bool(lines)])
    return found


def _check(
    tables: dict[str, pd.DataFrame], balance: pd.DataFrame, lines: pd.DataFrame, cash: pd.DataFrame
) -> list[list[Any]]:
    """Return the statements that must hold between the tables: name, rows, loaded, refused, whether to look."""
    invoice, payment, allocation = tables["invoice"], tables["payment"], tables["allocation"]
    owed = invoice.groupby("currency")["amount"].sum()
    currency = lines["invoice_id"].map(invoice.set_index("invoice_id")["currency"])
    allocated = lines.groupby(currency)["amount"].sum()
    opened = balance.groupby("currency")["open"].sum()
    said = {
        "core_balances_equal_documents_less_allocations": (
            len(invoice),
            bool((owed.sub(allocated, fill_value=0) != opened).any()),
        ),
        "core_instalments_are_not_over_covered": (len(balance), bool((balance["open"] < 0).any())),
        "core_allocations_do_not_exceed_payments": (len(payment), bool((cash["left"] < 0).any())),
        "core_allocations_refer_to_known_payments": (
            len(allocation),
            bool(~allocation["payment_id"].isin(payment["payment_id"]).all()),
        ),
        "core_allocations_are_in_the_currency_of_the_payment": (
            len(payment),
            bool((lines["currency"].notna() & (lines["currency"] != lines["currency_due"])).any()),
        ),
        "core_payments_have_a_customer": (
            len(payment),
            bool((payment["customer_id"].eq("") & (cash["left"] != 0)).any()),
        ),
    }
    return [[name, count, count, 0, is_found] for name, (count, is_found) in said.items()]


def _money(thousandths: int) -> str:
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"
