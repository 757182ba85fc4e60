from datetime import date

import polars as pl
import pytest

from segmentation.fairness.groups import band_ages, read_groups

AS_OF = date(2026, 1, 1)


def _groups(ledger, *attributes: str) -> dict[tuple[str, str], str]:
    rows = read_groups(ledger, attributes, AS_OF)
    return {(row[0], row[1]): row[2] for row in rows.iter_rows()}


def test_ages_fall_into_bands():
    ages = pl.DataFrame({"age": [17, 18, 29, 30, 44, 45, 64, 65, 99, None]})
    bands = ages.select(band_ages(pl.col("age"))).to_series().to_list()
    assert bands == ["under 18", "18-29", "18-29", "30-44", "30-44", "45-64", "45-64", "65+", "65+", None]


def test_unknown_is_a_group_and_sex_and_age_are_those_of_people(make_book):
    facts = pl.DataFrame(
        {
            "customer_id": ["A", "B", "C", "D"],
            "party_type": ["consumer", "sole_trader", "legal_person", None],
            "sex": ["f", None, None, "m"],
            "birth_year": [1990, 1950, None, None],
            "size_band": [None, "small", "large", None],
        }
    )
    found = _groups(make_book(facts)[0], "sex", "age_band", "size_band", "party_type")
    assert {key: value for key, value in found.items() if key[1] == "sex"} == {
        ("A", "sex"): "f",
        ("B", "sex"): "unknown",
        ("D", "sex"): "m",
    }
    assert found["B", "age_band"] == "65+"
    assert found["D", "age_band"] == "unknown"
    assert ("A", "size_band") not in found
    assert found["D", "party_type"] == "unknown"


def test_an_attribute_without_any_data_has_no_rows(make_book):
    ledger = make_book(pl.DataFrame({"customer_id": ["A"], "language": ["nl"]}))[0]
    assert set(_groups(ledger, "sex", "language", "region")) == {("A", "language")}


def test_an_attribute_nobody_knows_is_refused(make_book):
    ledger = make_book(pl.DataFrame({"customer_id": ["A"]}))[0]
    with pytest.raises(ValueError, match="shoe_size"):
        read_groups(ledger, ["shoe_size"], AS_OF)
