import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers.parquet import read_parquet
from segmentation.ledger.records import LINE


def write(columns, **options):
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target, **options)
    return target.getvalue()


def read_column(values):
    (content,) = read_parquet(write({"value": values}), "a.parquet")
    return content.rows.get_column("value").to_list()


def test_every_type_is_written_without_loss():
    zoned = pa.timestamp("us", "Europe/Amsterdam")
    for values, texts in [
        (pa.array([Decimal("12.30"), Decimal("-0.05")], pa.decimal128(18, 2)), ["12.30", "-0.05"]),
        (pa.array([2**63 - 1, None]), ["9223372036854775807", None]),
        (pa.array([0.1 + 0.2, 12.3]), ["0.30000000000000004", "12.3"]),
        (pa.array([date(2026, 1, 31)]), ["2026-01-31"]),
        (
            pa.array(["2026-01-30T23:00:00", "2026-01-31T08:30:00"]).cast(pa.timestamp("us")).cast(zoned),
            ["2026-01-30T23:00:00.000000Z", "2026-01-31T08:30:00.000000Z"],
        ),
        (pa.array(["2026-01-31T08:30:00.000005"]).cast(pa.timestamp("us")), ["2026-01-31T08:30:00.000005"]),
        (pa.array([datetime(2026, 1, 31, 1, tzinfo=UTC)]), ["2026-01-31T01:00:00.000000Z"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["00012", "  ", " x "]).dictionary_encode(), ["00012", None, "x"]),
        (pa.nulls(1), [None]),
    ]:
        assert read_column(values) == texts


def test_numbers_carry_the_decimal_mark_that_is_declared():
    columns = {
        "exact": pa.array([Decimal("125.500"), None], pa.decimal128(18, 3)),
        "binary": pa.array([12.345, -0.5]),
        "count": pa.array([7, 8]),
        "text": pa.array(["1.234,50", "v1.2"]),
    }
    (content,) = read_parquet(write(columns), "a.parquet", decimal_mark=",")
    assert content.rows.drop(LINE).rows() == [
        ("125,500", "12,345", "7", "1.234,50"),
        (None, "-0,5", "8", "v1.2"),
    ]


def test_a_moment_without_zone_is_not_given_one():
    (text,) = read_column(pa.array(["2026-01-31T08:30:00"]).cast(pa.timestamp("ms")))
    assert not text.endswith("Z")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Amsterdam", "America/New_York", "+01:00", "UTC"])
def test_days_that_a_program_wrote_as_midnights_are_those_days(unit, zone):
    """In UTC the fifth of January in Amsterdam begins on the fourth; in summer an hour earlier still."""
    days = [date(2026, 1, 5), None, date(2026, 7, 5)]
    midnights = pl.Series(days).cast(pl.Datetime("us"))
    if zone == "+01:00":
        midnights = midnights.dt.offset_by("-1h").dt.replace_time_zone("UTC")
    elif zone:
        midnights = midnights.dt.replace_time_zone(zone)
    column = midnights.to_arrow().cast(pa.timestamp(unit, zone))
    data = write({"day": column}, row_group_size=1)
    texts = [text for part in read_parquet(data, "a.parquet") for text in part.rows["day"]]
    assert texts == ["2026-01-05", None, "2026-07-05"]


def test_whole_numbers_that_pandas_kept_as_floating_point_are_whole():
    assert read_column(pa.array([1001.0, None, -3.0, 0.5, 10.25, 2.0**60])) == [
        "1001",
        None,
        "-3",
        "0.5",
        "10.25",
        str(2.0**60).removesuffix(".0"),
    ]


def test_lines_run_on_through_row_groups():
    data = write({"id": [str(number) for number in range(5)]}, row_group_size=2)
    parts = list(read_parquet(data, "a.parquet"))
    assert [part.rows.get_column(LINE).to_list() for part in parts] == [[2, 3], [4, 5], [6]]
    assert [part.rows.get_column("id").to_list() for part in parts] == [["0", "1"], ["2", "3"], ["4"]]


def test_a_file_on_disk_is_read_like_its_bytes(tmp_path):
    data = write({"id": ["1"]})
    (tmp_path / "a.parquet").write_bytes(data)
    (part,) = read_parquet(tmp_path / "a.parquet", "a.parquet")
    assert part.rows.equals(next(read_parquet(data, "a.parquet")).rows)


def test_an_empty_table_keeps_its_header():
    (content,) = read_parquet(write({"id": pa.array([], pa.string())}), "a.parquet")
    assert content.header == ["id"]
    assert content.row_count == 0


@pytest.mark.parametrize("values", [[{"a": 1}], [[1]], [b"1"], [timedelta(1)]])
def test_what_is_not_one_value_in_text_is_refused_by_name(values):
    with pytest.raises(InputRefusedError, match="'value'"):
        read_column(pa.array(values))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([Decimal("1.10")], pa.decimal256(50, 2)),
        pa.array([0], pa.timestamp("us", "Etc/Nowhere")),
    ],
)
def test_types_that_the_engine_does_not_know_are_refused(values):
    with pytest.raises(InputRefusedError, match=r"a\.parquet"):
        read_column(values)


def test_the_same_name_twice_is_refused():
    target = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id "]), target)
    with pytest.raises(InputRefusedError, match="'id' more than once"):
        list(read_parquet(target.getvalue(), "a.parquet"))


@pytest.mark.parametrize("harm", ["cut", "flipped", "text", "empty"])
def test_a_damaged_file_is_refused(harm):
    texts = {"id": ["a text that is found", "another"]}
    data = write(
        texts, write_page_checksum=True, use_dictionary=False, compression="none", write_statistics=False
    )
    damaged = {
        "cut": data[:-20],
        "flipped": data.replace(b"a text that is found", b"a text that is bound"),
        "text": b"id,amount\n1,2\n",
        "empty": b"",
    }[harm]
    with pytest.raises(InputRefusedError, match="cannot be read"):
        list(read_parquet(damaged, "a.parquet"))
