"""A ledger that is worked on in pieces is the ledger that is worked on whole, findings in words included."""

import tempfile
from datetime import date

import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.hashing import hash_frame
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.conversion import convert_each
from segmentation.ledger.loading import ROWS_AT_ONCE, load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.pieces import divide_facts
from segmentation.ledger.sources import read_blocks
from segmentation.ledger.tables_on_disk import TablesOnDisk
from tests.ledger import ledger_files as files

LENIENT = LedgerSettings(max_quarantined_share=1)
AS_OF = date(2026, 2, 20)
SAID = (
    "structured_reference",
    "end_to_end_id",
    "remittance_text",
    "payer_name",
    "payer_account",
    "reason_code",
)


def many_customers(seed, groups=4):
    """Several random ledgers as one, no row of one naming anything of another; nothing is to be matched."""
    tables = {}
    for group in range(groups):
        for name, rows in files.random_canonical(seed * groups + group).items():
            named = [
                {
                    c: f"{group}-{v}" if v and (c.endswith("_id") or c == "reversal_of") else v
                    for c, v in row.items()
                }
                for row in rows
            ]
            if name == "payment":
                blanks = dict.fromkeys(SAID, "")
                named = [
                    row | blanks | {"customer_id": row["customer_id"] or f"{group}-customer-0"}
                    for row in named
                ]
            tables.setdefault(name, []).extend(named)
    return tables


def load(folder, mapping, as_of, rows_at_once):
    return load_ledger(folder, mapping, as_of, LENIENT, rows_at_once=rows_at_once)


def hashes(loaded):
    return {name: hash_frame(loaded.ledger[name]) for name in LEDGER_TABLES} | {"as_of": loaded.as_of}


@pytest.mark.parametrize(("as_of", "rows_at_once"), [(AS_OF, 200), (None, 400)])
def test_pieces_give_the_ledger_of_the_whole(tmp_path, as_of, rows_at_once):
    tables = many_customers(1)
    tables["customer"].append(tables["customer"][-1] | {"observed_at": "2062-01-01T00:00:00Z"})
    folder = files.write_canonical(tables, tmp_path / "ledger")
    whole = load(folder, "canonical", as_of, ROWS_AT_ONCE)
    assert not isinstance(whole.ledger, TablesOnDisk)
    assert whole.ledger["core_quality"]["verdict"].n_unique() == 3
    pieces = load(folder, "canonical", as_of, rows_at_once)
    assert isinstance(pieces.ledger, TablesOnDisk)
    assert hashes(pieces) == hashes(whole)


def test_rows_that_come_from_one_line_stay_together(tmp_path):
    folder = files.write_flat(files.random_flat(3), tmp_path / "ledger")
    pieces = load(folder, "b2b_ledger", AS_OF, 20)
    assert isinstance(pieces.ledger, TablesOnDisk)
    assert hashes(pieces) == hashes(load(folder, "b2b_ledger", AS_OF, ROWS_AT_ONCE))


def test_customers_are_told_apart(tmp_path):
    folder = files.write_canonical(many_customers(1), tmp_path / "ledger")
    mapping = load_mapping("canonical")
    converted = convert_each(read_blocks(folder, mapping), mapping, LENIENT)
    pieces = [piece["core_customer"]["customer_id"] for piece in divide_facts(converted, mapping, 80)]
    filled = [set(ids) for ids in pieces if len(ids)]
    assert len(filled) > 2  # of at least four groups, some of which may happen to be in one piece
    assert sum(map(len, filled)) == len(set.union(*filled))


@pytest.mark.parametrize("what", ["payment", "control_total"])
def test_what_is_told_of_all_customers_is_told_of_the_whole(tmp_path, what):
    tables = many_customers(1)
    if what == "payment":  # may be anybody's
        tables[what] += [
            files.blank(what)
            | {"payment_id": f"P{n}", "value_date": "2026-01-09", "amount": "10", "currency": "EUR"}
            | {"remittance_text": f"{n}-invoice-first", "observed_at": "2026-01-10T00:00:00Z"}
            for n in range(4)
        ]
    else:
        count = len(tables["customer"])
        stated = {"subject": "customer", "stated_date": "2026-12-31", "row_count": str(count)}
        tables[what] = [files.blank(what) | stated | {"observed_at": "2027-01-01T00:00:00Z"}]
    folder = files.write_canonical(tables, tmp_path / "ledger")
    day = date(2027, 2, 1)
    pieces = load(folder, "canonical", day, 400)
    assert not isinstance(pieces.ledger, TablesOnDisk)
    assert hashes(pieces) == hashes(load(folder, "canonical", day, ROWS_AT_ONCE))
    assert what != "payment" or pieces.ledger["core_payment_match"].height


def test_a_delivery_that_is_not_as_stated_is_refused_in_pieces_too(tmp_path):
    tables = many_customers(1)
    stated = {"subject": "payment", "stated_date": "2026-12-31", "row_count": "1"}
    tables["control_total"] = [
        files.blank("control_total") | stated | {"observed_at": "2027-01-01T00:00:00Z"}
    ]
    folder = files.write_canonical(tables, tmp_path / "ledger")
    with pytest.raises(InputRefusedError, match="not as its control total says"):
        load(folder, "canonical", date(2027, 2, 1), 400)


def test_nothing_is_left_on_disk(tmp_path, monkeypatch):
    folder = files.write_canonical(many_customers(1), tmp_path / "ledger")
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    pieces = load(folder, "canonical", AS_OF, 400)
    kept = list(aside.iterdir())
    assert kept
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in kept)
    del pieces
    assert not list(aside.iterdir())
