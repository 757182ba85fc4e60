"""The published report of what could not be loaded: counts, examples without persons, remedies."""

import polars as pl

from segmentation.domain.core_tables import QUARANTINE
from segmentation.publish.quality import summarise_quarantine


def rows(*given):
    names = ("source_file", "source_line", "table_name", "column_name", "rule", "value", "customer_id")
    frame = pl.DataFrame(
        [dict(zip(names, row, strict=True)) | {"remedy": f"Repair {row[4]}."} for row in given]
    )
    return QUARANTINE.conform(frame)


BAD = rows(
    ("a.csv", 3, "core_invoice", "amount", "not_a_number", "1o0", "C1"),
    ("a.csv", 2, "core_invoice", "amount", "not_a_number", "x", "C1"),
    ("b.csv", 2, "core_invoice", "amount", "not_a_number", "y", "C2"),
    ("b.csv", 9, "core_invoice", "amount", "not_a_number", "z", None),
    ("c.csv", 5, "core_customer", "name", "too_long", "Customer 1001", "C1"),
    ("c.csv", 7, "core_customer", None, "too_few_fields", "1001,Customer 1001", None),
)


def test_rows_are_counted_by_rule_and_column_with_examples_and_remedy():
    found = summarise_quarantine(BAD).filter(rule="not_a_number").row(0, named=True)
    assert (found["row_count"], found["customer_count"], found["remedy"]) == (4, 2, "Repair not_a_number.")
    assert found["examples"] == ["1o0", "x", "y"]


def test_no_name_and_no_whole_line_is_published():
    examples = summarise_quarantine(BAD).filter(table_name="core_customer")["examples"].to_list()
    assert examples == [[], []]


def test_names_of_files_and_lines_do_not_matter():
    renamed = BAD.with_columns(pl.col("source_file") + ".old", pl.col("source_line") + 1)
    assert summarise_quarantine(renamed.reverse()).equals(summarise_quarantine(BAD))


def test_nothing_in_quarantine_is_an_empty_report():
    assert summarise_quarantine(QUARANTINE.empty()).is_empty()
