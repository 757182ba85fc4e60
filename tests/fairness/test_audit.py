from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.domain.settings import FairnessSettings
from segmentation.domain.validation import find_violations
from segmentation.fairness import audit
from segmentation.fairness.findings import AUDIT_FAIRNESS
from segmentation.fairness.gate import judge_audit
from segmentation.fairness.ledger_audit import audit_bias

AS_OF = date(2026, 1, 1)
SETTINGS = FairnessSettings()


def _audit(book) -> pl.DataFrame:
    return audit_bias(*book, SETTINGS, AS_OF, 7)


def _verdict(found: pl.DataFrame) -> str:
    return judge_audit(found, SETTINGS)["verdict"][0]


def test_even_treatment_passes(make_book, even_book):
    found = _audit(make_book(even_book))
    assert find_violations(found, AUDIT_FAIRNESS) == []
    assert _verdict(found) == "pass"
    primary = found.filter(family="primary")
    assert set(primary["metric"]) >= {"structural_label_rate", "harsh_step_rate"}
    assert set(primary.filter(pl.col("group") != "all")["attribute"]) == {
        "language",
        "region",
        "language × region",
    }


@pytest.mark.parametrize(
    ("column", "value", "metric"),
    [("segment", "structural", "structural_label_rate"), ("action", "legal_review", "harsh_step_rate")],
)
def test_worse_labels_or_steps_for_one_group_block(make_book, even_book, column, value, metric):
    is_hit = (pl.col("region") == "west") & (pl.int_range(pl.len()) // 6 % 8 == 0)
    unfair = even_book.with_columns(pl.when(is_hit).then(pl.lit(value)).otherwise(column).alias(column))
    found = _audit(make_book(unfair))
    blocked = found.filter(verdict="block")
    single = blocked.filter(~pl.col("attribute").str.contains("×"))
    assert ("primary", metric, "region", "west") in single.select(
        "family", "metric", "attribute", "group"
    ).rows()
    assert set(blocked.filter(family="primary")["metric"]) == {metric}
    assert blocked.filter(family="primary")["group"].str.contains("west").all()
    assert _verdict(found) == "block"
    statement = judge_audit(found, SETTINGS)["statement"][0]
    assert "region west" in statement
    assert "last approved snapshot stays current" in statement


def test_a_secondary_gap_is_reported_and_does_not_gate(make_book, even_book):
    fewer_calls = even_book.with_columns(
        action=pl.when((pl.col("language") == "nl") & (pl.col("action") == "reminder"))
        .then(pl.lit("call"))
        .otherwise("action")
    )
    found = _audit(make_book(fewer_calls))
    worse = found.filter(verdict="block", metric="no_call_rate", attribute="language")
    assert worse["group"].to_list() == ["fr"]
    assert worse["family"].to_list() == ["secondary"]
    assert _verdict(found) != "block"


def test_without_group_data_one_row_says_what_to_supply(make_book):
    found = _audit(make_book(pl.DataFrame({"customer_id": ["A", "B"]})))
    assert found.height == 1
    row = found.row(0, named=True)
    assert (row["verdict"], row["count"]) == ("not_assessable", 2)
    assert "no group data" in row["statement"]
    assert "customer.language" in row["statement"]
    assert _verdict(found) == "not_assessable"


def test_an_attribute_without_data_is_named_and_does_not_pass_silently(make_book, even_book):
    found = _audit(make_book(even_book))
    missing = found.filter(attribute="sex")
    assert missing["verdict"].to_list() == ["not_assessable"]
    assert "customer_audit.sex" in missing["statement"][0]
    assert (
        "not assessed for want of data: age band, letter only rate, party type, sex and size band"
        in judge_audit(found, SETTINGS)["statement"][0]
    )


def test_a_group_too_small_for_a_figure_prevents_a_pass(make_book, even_book):
    is_few = pl.int_range(pl.len()) < 20
    few = even_book.with_columns(language=pl.when(is_few).then(pl.lit("de")).otherwise("language"))
    found = _audit(make_book(few))
    assert found.filter(group="de", family="primary")["estimate"].null_count() == 2
    assert _verdict(found) == "inconclusive"


def test_a_small_book_is_inconclusive(make_book, even_book):
    assert _verdict(_audit(make_book(even_book.head(300)))) == "inconclusive"


def test_an_empty_book_is_not_assessable(make_book, even_book):
    assert _verdict(_audit(make_book(even_book.head(0)))) == "not_assessable"


def test_shuffled_rows_give_the_same_audit(make_book, even_book):
    ledger, decided = make_book(even_book)
    mixed = {name: frame.sample(fraction=1.0, shuffle=True, seed=2) for name, frame in ledger.items()}
    reversed_ = {name: frame.reverse() for name, frame in decided.items()}
    other = audit_bias(mixed, reversed_, SETTINGS, AS_OF, 7)
    assert _audit((ledger, decided)).equals(other)


def test_rates_are_plain_shares_whoever_computes_them():
    rng = np.random.default_rng(3)
    score, truth, group = rng.random(3000), rng.integers(0, 2, 3000), rng.choice(["a", "b", "c"], 3000)
    found = audit(score, truth, {"g": group}, threshold=0.7)
    for name in "abc":
        row = found.filter(metric="false_positive_rate", group=name).row(0, named=True)
        chosen = (group == name) & (truth == 0)
        assert row["count"] == chosen.sum()
        assert row["estimate"] == pytest.approx((score[chosen] >= 0.7).mean())
        others = (group != name) & (truth == 0)
        assert row["gap"] == pytest.approx(row["estimate"] - (score[others] >= 0.7).mean())
        missed = found.filter(metric="false_negative_rate", group=name)["estimate"][0]
        assert missed == pytest.approx((score[(group == name) & (truth == 1)] < 0.7).mean())


def test_without_outcomes_the_rate_of_flags_is_primary():
    found = audit([1.0] * 50 + [0.0] * 50, None, pl.DataFrame({"g": ["a", None] * 50}))
    assert set(found["metric"]) == {"selection_rate"}
    assert set(found["family"]) == {"primary"}
    assert set(found["group"]) == {"a", "unknown"}


@pytest.mark.parametrize(
    ("scores", "truth", "groups"),
    [
        ([1.0], [1.0, 0.0], {"g": ["a"]}),
        ([1.0, 0.0], [1.0, 0.0], {"g": ["a"]}),
        ([1.0], [1.0], {}),
        ([float("nan")], [1.0], {"g": ["a"]}),
        ([1.0], [0.5], {"g": ["a"]}),
        ([1.0], [float("nan")], {"g": ["a"]}),
    ],
)
def test_tables_that_do_not_belong_together_are_refused(scores, truth, groups):
    with pytest.raises(ValueError, match=r"belong together|needs a score"):
        audit(scores, truth, groups)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.sampled_from(["a", "b", None])), min_size=1, max_size=200
    )
)
def test_any_table_gives_a_valid_audit(rows):
    flagged, outcome, group = ([row[i] for row in rows] for i in range(3))
    found = audit(flagged, outcome, pl.DataFrame({"g": group}, schema={"g": pl.String}))
    assert find_violations(found, AUDIT_FAIRNESS) == []
    shown = found.filter(pl.col("estimate").is_not_null())
    assert (shown["estimate_low"] <= shown["estimate"]).all()
    assert (shown["estimate"] <= shown["estimate_high"]).all()
    assert (shown["gap"] <= shown["gap_high"]).all()


def _small_book(count: int = 60) -> pl.DataFrame:
    """Sixty customers, five of them men; two of these are treated harshly, and all who cannot pay are women."""
    number = np.arange(count)
    return pl.DataFrame(
        {
            "customer_id": [f"C{i:04d}" for i in number],
            "party_type": ["consumer"] * count,
            "sex": np.where(number < 5, "m", "f"),
            "language": np.array(["nl", "fr", "de"])[np.where(number < 7, 2, number % 2)],
            "segment": np.where(number % 9 == 1, "structural", "incidental"),
            "action": np.where(number % 3 == 0, "formal_notice", "reminder"),
            "cause": np.where(number >= 57, "cannot_pay", "unclear"),
        }
    )


def test_below_the_minimum_neither_counts_nor_statements_tell_about_few_people(make_book):
    book = make_book(_small_book())
    found = _audit(book)
    shown = found.filter(pl.col("estimate").is_not_null())
    assert shown.filter(pl.col("count") < SETTINGS.min_count_report).height == 0
    hidden = found.filter(pl.col("estimate").is_null())
    figures = ("estimate_low", "estimate_high", "gap", "gap_high", "ratio", "p_value")
    assert hidden.select(pl.all_horizontal(pl.col(figures).is_null().all())).item()
    assert hidden.filter(pl.col("count").is_between(1, SETTINGS.min_count_report - 1)).height == 0
    assert hidden.filter((pl.col("group") != "all") & (pl.col("count") > 0)).height == 0
    numbers = hidden["statement"].str.extract_all(r"\d+").explode().drop_nulls().cast(pl.Int64)
    assert set(numbers) <= {SETTINGS.min_count_report, 60}
    alone = found.filter(metric="no_plan_rate", attribute="sex")
    assert alone.select("group", "count").rows() == [("all", 0)]
    assert "fewer than 30" in alone["statement"][0]
    assert not set(alone["statement"][0].split()) & {"f", "m", "3"}
    statement = judge_audit(found, SETTINGS)["statement"][0]
    assert "too small for a figure" in statement
    assert not any(mark.isdigit() for mark in statement.split("such as")[-1])


def test_figures_about_large_groups_do_not_tell_about_a_small_one_by_subtraction(make_book):
    facts = _small_book(200)
    changed = facts.with_columns(
        action=pl.when(language="de").then(pl.lit("legal_review")).otherwise("action"),
        segment=pl.when(language="de").then(pl.lit("structural")).otherwise("segment"),
    )
    one, other = (_audit(make_book(book)).filter(attribute="language") for book in (facts, changed))
    assert one.filter(metric="harsh_step_rate", group="nl")["estimate"].is_not_null().all()
    assert one.filter(family="primary").equals(other.filter(family="primary"))


def test_a_pair_of_groups_is_found_that_no_single_group_shows(make_book, even_book):
    """Half of the French in the north and of the Dutch in the south: every language and region looks alike."""
    number = pl.int_range(pl.len())
    is_pair = ((pl.col("language") == "fr") & (pl.col("region") == "north")) | (
        (pl.col("language") == "nl") & (pl.col("region") == "south")
    )
    unfair = even_book.filter(pl.col("region") != "west").with_columns(
        segment=pl.when(is_pair & (number // 6 % 5 < 2)).then(pl.lit("structural")).otherwise("segment")
    )
    found = _audit(make_book(unfair))
    blocked = found.filter(verdict="block", metric="structural_label_rate")
    pairs = blocked.filter(attribute="language × region")["group"].to_list()
    assert sorted(pairs) == ["fr × north", "nl × south"]
    assert "language × region Dutch × south" in judge_audit(found, SETTINGS)["statement"][0]
    alone = SETTINGS.model_copy(update={"with_pairs": False})
    assert not audit_bias(*make_book(unfair), alone, AS_OF, 7)["attribute"].str.contains("×").any()


def test_a_pair_is_hidden_with_the_small_one_that_it_would_give_away(make_book, even_book):
    """Ten of the French live in the north: their total less the French elsewhere would tell about them."""
    number = pl.int_range(pl.len())
    moved = even_book.with_columns(
        region=pl.when((pl.col("language") == "fr") & (pl.col("region") == "north") & (number >= 60))
        .then(pl.lit("west"))
        .otherwise("region")
    )
    found = _audit(make_book(moved)).filter(metric="structural_label_rate", attribute="language × region")
    shown = found.drop_nulls("estimate")["group"].to_list()
    assert "fr × north" not in shown
    assert sum(group.startswith("fr") for group in shown) == 1
    assert sum(group.endswith("north") for group in shown) == 0
    assert found.filter(pl.col("estimate").is_null()).select("group", "count").rows() == [("all", 0)]


def test_a_run_that_may_spend_less_blocks_less(make_book, even_book):
    is_hit = (pl.col("region") == "west") & (pl.int_range(pl.len()) // 6 % 15 == 0)
    unfair = even_book.with_columns(segment=pl.when(is_hit).then(pl.lit("structural")).otherwise("segment"))
    book = make_book(unfair)
    row = {"metric": "structural_label_rate", "attribute": "region", "group": "west"}
    first = audit_bias(*book, SETTINGS, AS_OF, 7, 0.05).filter(**row)
    later = audit_bias(*book, SETTINGS, AS_OF, 7, 1e-12).filter(**row)
    assert (first["verdict"][0], later["verdict"][0]) == ("block", "inconclusive")
    assert later["alpha"][0] == 1e-12


def test_scores_and_causes_are_audited_too(make_book, even_book):
    is_hit = (pl.col("region") == "west") & (pl.int_range(pl.len()) // 6 % 4 == 0)
    unfair = even_book.with_columns(
        late_30_prob=pl.when(is_hit).then(0.8).otherwise(0.1),
        cause=pl.when(is_hit).then(pl.lit("will_not_pay")).otherwise(pl.lit("unclear")),
    )
    found = _audit(make_book(unfair)).filter(attribute="region", verdict="block")
    assert set(found["metric"]) >= {"high_score_rate", "unwilling_cause_rate"}
    assert set(found["group"]) == {"west"}


@pytest.mark.parametrize(
    "name", ["metric", "is_harmed", "count", "harmed", "_flagged", "_outcome", "shift × site"]
)
def test_attributes_of_any_table_have_names_of_their_own(name):
    with pytest.raises(ValueError, match="cannot be named"):
        fairness_of_any_table(name)


@pytest.mark.parametrize("name", ["attribute", "group", "left", "verdict", "estimate"])
def test_other_names_of_attributes_are_free(name):
    assert set(fairness_of_any_table(name)["attribute"]) == {name}


def fairness_of_any_table(name):
    return audit([0.1, 0.9] * 200, [0] * 400, {name: ["day", "night"] * 200})
