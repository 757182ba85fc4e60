"""Exports hold what was published, and no spreadsheet runs it as a formula."""

import csv
import json
from dataclasses import replace

import jsonschema
import polars as pl
import pytest

from segmentation.domain.errors import IntegrityError, UsageError
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.publish.contract import build_json_schema
from segmentation.publish.export import export_snapshot, neutralise_formulas
from segmentation.publish.reader import open_current

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("file_format", ["csv", "parquet", "jsonl"])
def test_every_table_is_exported_in_every_format(snapshot, tmp_path, file_format):
    files = export_snapshot(snapshot, tmp_path / "new" / "folder", file_format)
    assert [path.name for path in files] == [f"{name}.{file_format}" for name in PUBLISHED_TABLES]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(
        path.name for path in files
    )


def test_csv_keeps_amounts_dates_and_lists(snapshot, tmp_path):
    export_snapshot(snapshot, tmp_path, "csv")
    with (tmp_path / "out_recommendations.csv").open(newline="", encoding="utf-8") as stream:
        rows = {row["customer_id"]: row for row in csv.DictReader(stream)}
    published = snapshot.read_table("out_recommendations").rows_by_key("customer_id", named=True, unique=True)
    for customer, row in rows.items():
        assert row["open_amount"] == str(published[customer]["open_amount"])
        assert json.loads(row["blocked_by"]) == published[customer]["blocked_by"]
        assert row["as_of_date"] == published[customer]["as_of_date"].isoformat()
    assert rows["C003"]["window_start_at"] == "2026-03-03T08:00:00.000000Z"


def test_parquet_is_exported_unchanged(snapshot, tmp_path):
    export_snapshot(snapshot, tmp_path, "parquet", with_names=True)
    for name in PUBLISHED_TABLES:
        assert pl.read_parquet(tmp_path / f"{name}.parquet").equals(snapshot.read_table(name))


def test_json_lines_keep_the_published_json_schema(snapshot, tmp_path):
    export_snapshot(snapshot, tmp_path, "jsonl")
    for table in PUBLISHED_TABLES.values():
        validator = jsonschema.Draft202012Validator(build_json_schema(table))
        for line in (tmp_path / f"{table.name}.jsonl").read_text(encoding="utf-8").splitlines()[:20]:
            validator.validate(json.loads(line))


@pytest.mark.parametrize("with_names", [True, False])
def test_names_of_persons_leave_only_when_asked_for(snapshot, tmp_path, with_names):
    export_snapshot(snapshot, tmp_path, "csv", with_names=with_names)
    assert (
        any("Sofie Peeters" in path.read_text(encoding="utf-8") for path in tmp_path.iterdir()) is with_names
    )


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_cell_that_looks_like_a_formula_is_neutralised(text):
    frame = pl.DataFrame({"x": [text, "plain", None, "a=b"]})
    assert frame.select(neutralise_formulas(pl.col("x")))["x"].to_list() == [f"'{text}", "plain", None, "a=b"]


def test_a_formula_in_a_name_or_identifier_reaches_no_cell_and_numbers_stay_numbers(
    snapshot, tmp_path, monkeypatch
):
    read = type(snapshot).read_table

    def with_formula(self, name):
        frame = read(self, name)
        return (
            frame.with_columns(pl.lit('=cmd|"/c calc"!A1').alias("name"))
            if "name" in frame.columns
            else frame
        )

    monkeypatch.setattr(type(snapshot), "read_table", with_formula)
    export_snapshot(snapshot, tmp_path, "csv", with_names=True)
    for path in tmp_path.iterdir():
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                for name, cell in row.items():
                    is_number = cell.removeprefix("-").replace(".", "").isdigit()
                    assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (
                        path.name,
                        name,
                    )
    with (tmp_path / "out_invoice_scores.csv").open(newline="", encoding="utf-8") as stream:
        assert any(row["days_late"].startswith("-") for row in csv.DictReader(stream))


def test_an_unknown_format_and_an_unwritable_folder_are_refused(snapshot, tmp_path):
    with pytest.raises(UsageError, match="csv, jsonl, parquet"):
        export_snapshot(snapshot, tmp_path, "xlsx")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="may write to"):
        export_snapshot(snapshot, tmp_path / "file", "csv")


def test_a_damaged_table_is_not_exported(damaged_root, tmp_path):
    damaged = open_current(damaged_root)
    path = damaged.path / "out_customers.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError):
        export_snapshot(replace(damaged), tmp_path / "out", "csv")
    assert not (tmp_path / "out" / "out_customers.csv").exists()
