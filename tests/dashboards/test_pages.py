"""Every page opens, whatever the snapshot holds, and says what the reader must know."""

import shutil
import sys
from datetime import date, timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import published
from dashboards.model_panels import _sum_up
from segmentation.publish.layout import CURRENT, published_directory, table_file
from tests.dashboards.conftest import APP, PAGES, read_everything
from tests.dashboards.published_book import AS_OF, build_book, empty_tables, publish_book
from tests.snapshot_factory import publish_example


def test_a_sample_is_looked_at_on_its_own_day_and_says_so(published_root, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["app.py", "--data-root", str(published_root), "--today", AS_OF.isoformat()]
    )
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert published.now().date() == AS_OF
    assert "A sample: the clock stands on" in read_everything(app)
    assert not any(
        "has expired" in box.value or "Out of date" in box.value for box in (*app.warning, *app.error)
    )


@pytest.mark.usefixtures("data_root")
def test_every_page_opens_on_a_full_book(open_page):
    app = open_page()
    for page in PAGES:
        app.switch_page(f"views/{page}.py").run()
        assert not app.exception, (page, app.exception)
        assert not app.error, (page, app.error)
        assert app.title[0].value.lower() == page
        assert "As of **Mon 2 Mar 2026**" in read_everything(app)


def test_every_page_opens_on_an_assembled_snapshot(tmp_path, open_page):
    publish_example(tmp_path)
    visit_all(open_page("worklist", tmp_path))


def test_every_page_opens_when_every_table_is_empty(tmp_path, open_page):
    publish_book(tmp_path, empty_tables(), verdict="not_assessable", statement="No group data.")
    visit_all(open_page("worklist", tmp_path))


@pytest.mark.parametrize(
    "missing",
    [
        ("out_recommendations", "out_timeline", "out_fairness", "out_reliability", "out_customers"),
        (
            "out_customer_segments",
            "out_portfolio",
            "out_cash_forecast",
            "out_model_comparison",
            "out_quality",
        ),
        ("out_invoice_scores",),
    ],
)
def test_every_page_opens_when_some_tables_are_empty(missing, tmp_path, open_page):
    publish_book(tmp_path, build_book(12) | {name: empty_tables()[name] for name in missing})
    visit_all(open_page("worklist", tmp_path))


def visit_all(app):
    for page in PAGES:
        app.switch_page(f"views/{page}.py").run()
        assert not app.exception, (page, app.exception)
        assert read_everything(app)


def test_every_page_says_which_command_to_run_when_nothing_is_published(tmp_path, open_page):
    app = open_page("worklist", tmp_path / "nowhere")
    for page in PAGES:
        app.switch_page(f"views/{page}.py").run()
        assert "nothing to show yet" in app.info[0].value
        assert app.code[0].value == "segmentation demo"
        assert f"--data-root {tmp_path / 'nowhere'}" in app.code[1].value


def test_out_of_date_snapshot_is_announced_in_red(tmp_path, open_page):
    old = AS_OF - timedelta(days=30)
    publish_book(tmp_path, build_book(5, as_of=old), as_of=old)
    app = open_page("worklist", tmp_path)
    assert "Out of date" in app.error[0].value
    assert "Mon 2 Mar 2026" in app.error[0].value


def test_bias_verdict_that_is_no_pass_is_announced(tmp_path, open_page):
    publish_book(tmp_path, build_book(5), verdict="inconclusive", statement="Language fr: 4 points more.")
    app = open_page("worklist", tmp_path)
    assert "is inconclusive" in app.warning[0].value
    app.switch_page("views/bias.py").run()
    assert "Language fr: 4 points more." in read_everything(app)


def test_damaged_table_is_named_and_nothing_of_it_is_shown(data_root, open_page):
    table = (published_directory(data_root) / CURRENT).resolve() / table_file("out_recommendations")
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    app = open_page("worklist")
    assert "was changed after publication" in app.error[0].value
    assert not app.dataframe
    assert not app.metric


def test_damaged_manifest_is_named(data_root, open_page):
    manifest = (published_directory(data_root) / CURRENT).resolve() / "manifest.json"
    manifest.write_text(manifest.read_text().replace("canonical", "Canonical"))
    app = open_page("portfolio")
    assert "manifest was changed" in app.error[0].value


def test_session_stays_with_its_snapshot_until_asked_for_the_new_one(data_root, open_page):
    app = open_page("portfolio")
    tomorrow = AS_OF + timedelta(days=1)
    publish_book(data_root, build_book(41, as_of=tomorrow), as_of=tomorrow)
    app.run()
    assert "As of **Mon 2 Mar 2026**" in read_everything(app)
    assert "Tue 3 Mar 2026" in app.info[0].value
    button = next(b for b in app.button if b.label == "Show the snapshot in force")
    button.click().run()
    assert "As of **Tue 3 Mar 2026**" in read_everything(app)
    assert "As of **Tue 3 Mar 2026**" in read_everything(open_page("portfolio"))


def test_session_moves_on_when_its_snapshot_is_removed(data_root, open_page):
    app = open_page("portfolio")
    old = (published_directory(data_root) / CURRENT).resolve()
    tomorrow = AS_OF + timedelta(days=1)
    publish_book(data_root, build_book(41, as_of=tomorrow), as_of=tomorrow)
    shutil.rmtree(old)
    app.run()
    assert not app.exception
    assert "As of **Tue 3 Mar 2026**" in read_everything(app)


@pytest.mark.usefixtures("data_root")
def test_numbers_and_dates_follow_the_reader(open_page):
    app = open_page("portfolio")
    app.context = {"locale": "nl-BE", "timezone": "Europe/Brussels"}
    app.run()
    assert "ma 2 mrt 2026" in read_everything(app)
    assert any("€\xa0" in metric.value for metric in app.metric)


def test_runs_lists_snapshots_and_proves_the_chosen_one_intact(data_root, open_page):
    publish_book(data_root, build_book(9, as_of=date(2026, 2, 27)), as_of=date(2026, 2, 27))
    app = open_page("runs")
    assert app.dataframe[0].value.shape[0] == 2
    app.button(key="runs-verify").click().run()
    assert "Intact: " in app.success[0].value


def test_runs_says_what_was_damaged(data_root, open_page):
    app = open_page("runs")
    snapshot = (published_directory(data_root) / CURRENT).resolve()
    (snapshot / "scored.duckdb").write_bytes(b"not a database")
    app.button(key="runs-verify").click().run()
    assert "scored.duckdb was changed" in app.error[0].value


@pytest.mark.usefixtures("data_root")
def test_measure_without_inputs_is_a_dash_and_never_a_nought(open_page):
    app = open_page("portfolio")
    tile = next(metric for metric in app.metric if metric.label == "Promises kept")
    assert tile.value == "–"
    assert "**Formula:**" in tile.help


@pytest.mark.usefixtures("data_root")
def test_bias_page_says_what_to_supply(open_page):
    text = read_everything(open_page("bias"))
    assert "Supply birth\\_year in customer\\_audit to assess it" in text
    assert "not proof that there is none" in text


@pytest.mark.usefixtures("data_root")
def test_segments_are_explained_where_they_are_shown(open_page):
    portfolio = read_everything(open_page("portfolio"))
    assert "Who moved since the last snapshot" in portfolio
    assert "because of their payments, or time passing (blue)" in portfolio
    assert "because of a change of the model (orange)" in portfolio
    assert "What structural is. And why." in portfolio
    assert "Punctual half a year ago" in portfolio
    assert "Foretold more of what came later" in read_everything(open_page("runs"))
    customer = read_everything(open_page("customer", customer="C000001"))
    assert "means (definition 1): What" in customer
    assert "**Early sign:**" in customer
    assert "**Early sign:**" not in read_everything(open_page("customer", customer="C000002"))


def test_who_is_called_often_late_already_is_no_early_sign(tmp_path, open_page):
    book = build_book(5)
    told = book["out_customer_segments"].with_columns(
        pl.lit("structural").alias("segment"), turning_prob=0.42
    )
    publish_book(tmp_path, book | {"out_customer_segments": told})
    assert "Nobody reaches 20%." in read_everything(open_page("portfolio", root=tmp_path))
    customer = read_everything(open_page("customer", customer="C000001"))
    assert "How they pay" in customer
    assert "**Early sign:**" not in customer


@pytest.mark.parametrize(
    ("verdicts", "says", "is_well"),
    [
        (("not_assessable", "not_assessable", "not_assessable"), "0 of 3 figures could be compared", False),
        (("pass", "pass", "not_assessable"), "2 of 3", False),
        (("pass", "pass", "warn"), "3 of 3", False),
        (("pass", "pass", "pass"), "3 of 3", True),
    ],
)
def test_all_is_called_well_only_where_something_of_each_kind_was_compared(verdicts, says, is_well):
    kinds = ("input_drift", "score_drift", "calibration")
    told = _sum_up(pl.DataFrame({"kind": kinds, "verdict": verdicts}))
    assert says in told
    assert ("scores came true" in told) == is_well
