"""Whatever happens to a file on its way, it is loaded right, row by row refused, or refused as a whole."""

import random
import tempfile
from decimal import Decimal
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.domain.errors import InputRefusedError
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping

FLAT = load_mapping("b2b_ledger")
LENIENT = LedgerSettings(max_quarantined_share=1)
HEADER = "doc_id,cust_number,posting_date,due_date,clear_date,amount,currency\n"
AMOUNTS = {f"A{number}": Decimal(f"{number * 7}.{number:02d}") for number in range(10, 30)}
ROWS = "".join(
    f"{name},00{number % 4},2026-01-{number:02d},2026-02-{number - 3:02d},"
    f"{'' if number % 3 else f'2026-02-{number - 2:02d}'},{AMOUNTS[name]},EUR\n"
    for number, name in enumerate(AMOUNTS, start=5)
)
NOISE = [
    b'"',
    b",",
    b"\n",
    b"\r\n",
    b";",
    b"\x00",
    b"\xff",
    b"\xc3\xa9",
    b"-",
    b"1",
    b" ",
    b"\xef\xbb\xbf",
    b"'",
]


def damage(seed):
    rng = random.Random(seed)
    data = bytearray((HEADER + ROWS).encode())
    for _ in range(rng.choice([1, 1, 2, 3, 8])):
        place = rng.randrange(min(len(HEADER), len(data) - 1) if rng.random() < 0.9 else 0, len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[place:place] = rng.choice(NOISE)
        elif kind == 1:
            del data[place : place + rng.choice([1, 1, 5, 60])]
        elif kind == 2:
            data[place : place + 1] = rng.choice(NOISE)
        elif rng.random() < 0.2:
            del data[place:]
        else:
            data[place:place] = data[place - rng.randrange(80) : place]
    return bytes(data)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_a_damaged_file_never_crashes_and_never_loses_a_row(seed):
    data = damage(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.csv"
        path.write_bytes(data)
        try:
            loaded = load_ledger(path, FLAT, None, LENIENT)
        except InputRefusedError:
            return
    counts = loaded.ledger["core_quality"].filter(
        pl.col("check_name") == "rows_in_equal_loaded_plus_quarantined"
    )
    assert "fail" not in counts["verdict"].to_list()
    invoices = counts.filter(pl.col("subject").str.ends_with("core_invoice")).row(0, named=True)
    assert invoices["rows_in"] == invoices["rows_loaded"] + invoices["rows_quarantined"]
    assert invoices["rows_in"] == loaded.files.item(0, "row_count")
    for row in loaded.ledger["core_invoice"].iter_rows(named=True):
        line = data.split(b"\n")[int(row["source_id"].rsplit(":", 1)[1]) - 1]
        if b'"' not in line and b"\r" not in data:
            text = line.decode().split(",")[5].strip()
            assert Decimal(text) == row["amount"]
