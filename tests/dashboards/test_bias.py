"""The Bias page: the verdict once, a person's override with its end, proxies, trade-off and earlier checks."""

from datetime import timedelta

import polars as pl
import pytest

from segmentation.publish.candidates import publish_candidate
from segmentation.publish.manifest import Override, RunFacts
from segmentation.publish.writer import keep_candidate
from tests.dashboards.conftest import read_everything
from tests.dashboards.published_book import AS_OF, NOW, build_book, publish_book


def keep_blocked(root):
    facts = RunFacts(
        as_of=AS_OF, published_at=NOW, run_id="run-1", fingerprint="f" * 64, data_hash="d", settings_hash="s",
        mapping_name="canonical", model_version="m", fairness_verdict="block",
        fairness_statement="Treated worse: language fr.", documents={"bias_report.html": "<p>Report</p>"},
    )  # fmt: skip
    return keep_candidate(build_book(12), root, facts, {})


@pytest.mark.parametrize(("days", "is_over"), [(3, False), (-1, True)])
def test_an_override_is_shown_on_every_page_with_who_why_and_until_when(tmp_path, open_page, days, is_over):
    override = Override(
        approved_by="Ana *Credit*",
        reason="They pay later.",
        approved_at=NOW,
        until=AS_OF + timedelta(days=days),
    )
    publish_candidate(tmp_path, keep_blocked(tmp_path), override, 5)
    for page in ("worklist", "bias"):
        text = read_everything(open_page(page, tmp_path))
        for words in ("Published in spite of the bias check", r"Ana \*Credit\*", "They pay later."):
            assert text.count(words) == 1
        assert ("the approval has expired" in text) is is_over
        assert ("Out of date" in text) is is_over


def test_the_bias_page_says_its_verdict_once(tmp_path, open_page):
    publish_book(tmp_path, build_book(12), verdict="inconclusive", statement="Nothing is shown.")
    app = open_page("bias", tmp_path)
    assert [box.value for box in app.warning] == ["**Inconclusive.** Nothing is shown."]
    assert "is inconclusive" in read_everything(open_page("worklist", tmp_path))


@pytest.mark.usefixtures("data_root")
def test_proxies_and_earlier_checks_are_listed(open_page):
    app = open_page("bias")
    tables = {tuple(table.value.columns): table.value for table in app.dataframe}
    proxies = next(table for columns, table in tables.items() if "strongest_words" in columns)
    assert proxies["group_words"].to_list() == ["French", "French"]
    assert "relation days" in proxies["strongest_words"].to_list()
    history = next(table for columns, table in tables.items() if "spent_so_far" in columns)
    assert history["verdict"].to_list() == ["Inconclusive", "Gap found"]
    assert "What a smaller gap costs in accuracy" in read_everything(app)


def test_pairs_of_attributes_are_named_in_words(tmp_path, open_page):
    book = build_book(12)
    pairs = book["out_fairness"].with_columns(
        attribute=pl.lit("language × sex"), group=pl.lit("fr × F") + pl.int_range(pl.len()).cast(pl.String)
    )
    publish_book(tmp_path, book | {"out_fairness": pairs})
    app = open_page("bias", tmp_path)
    assert app.selectbox(key="bias-attribute-structural_label_rate").options == ["Language × Sex"]
