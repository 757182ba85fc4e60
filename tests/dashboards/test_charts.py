"""Charts: axes have names and units, colour never says anything alone."""

import polars as pl
import pytest

from dashboards import wording
from dashboards.charts.customer import EVENT_MARKS, draw_behaviour, draw_payment_dates, draw_timeline
from dashboards.charts.fairness import VERDICT_MARKS, draw_groups
from dashboards.charts.models import draw_models, draw_reliability
from dashboards.charts.portfolio import draw_ageing, draw_cash_forecast
from dashboards.charts.segments import draw_segments
from dashboards.formats import Formats, find_locale, find_zone
from segmentation.domain.published_tables import PUBLISHED_TABLES
from tests.dashboards.published_book import AS_OF, build_book

FORMATS = Formats(find_locale("en-GB"), find_zone("Europe/Brussels"))
BOOK = build_book(30)


def figures():
    scores = BOOK["out_invoice_scores"]
    segment = BOOK["out_customer_segments"].drop_nulls("structural_prob").row(0, named=True)
    fairness = BOOK["out_fairness"].drop_nulls("estimate").head(3)
    forecast = BOOK["out_cash_forecast"].filter(pl.col("currency") == "EUR")
    models = BOOK["out_model_comparison"].filter(pl.col("depth") == "all")
    ageing = pl.DataFrame({"bucket": ["Not due", "1–30"], "value": [10.0, 0.0]})
    counts = pl.DataFrame({"segment": ["prompt", "structural"], "customer_count": [3, 0]})
    return {
        "ageing": draw_ageing(ageing, "EUR", FORMATS),
        "forecast": draw_cash_forecast(forecast, "EUR", FORMATS),
        "segments": draw_segments(counts, "customer_count", "Customers", ["3", "0"]),
        "behaviour": draw_behaviour(segment),
        "dates": draw_payment_dates(scores.head(4), AS_OF, FORMATS),
        "timeline": draw_timeline(BOOK["out_timeline"].head(20), FORMATS),
        "groups": draw_groups(fairness, "Share"),
        "models": draw_models(models, "late_brier", "Brier score (lower is better)"),
        "reliability": draw_reliability(BOOK["out_reliability"]),
    }


FIGURES = figures()


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_named_unless_their_labels_name_themselves(name):
    layout = FIGURES[name].layout
    assert layout.xaxis.title.text
    words = {"segments", "behaviour", "timeline", "groups", "models"}
    assert layout.yaxis.title.text or name in words


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_sent_to_a_browser(name):
    assert FIGURES[name].to_json()


def test_money_axes_name_the_currency():
    assert FIGURES["ageing"].layout.yaxis.title.text.endswith("(EUR)")
    assert FIGURES["forecast"].layout.yaxis.title.text.endswith("(EUR)")


def test_every_kind_of_event_and_verdict_has_its_own_shape():
    assert set(EVENT_MARKS) == set(wording.EVENT_KINDS)
    told = next(
        column for column in PUBLISHED_TABLES["out_timeline"].columns if column.name == "kind"
    ).description
    assert set(told.replace(" or ", ", ").split(", ")) == set(EVENT_MARKS)
    symbols = [symbol for symbol, _ in EVENT_MARKS.values()]
    assert len(symbols) == len(set(symbols))
    verdicts = [symbol for symbol, _ in VERDICT_MARKS.values()]
    assert len(verdicts) == len(set(verdicts))


def test_the_model_in_use_is_told_apart_by_text_and_pattern():
    trace = FIGURES["models"].data[0]
    assert sum("in use" in label for label in trace.y) == 1
    assert "/" in trace.marker.pattern.shape


def test_intervals_reach_from_their_lower_to_their_upper_end():
    rates = BOOK["out_fairness"].drop_nulls("estimate").head(1)
    row = rates.row(0, named=True)
    trace = draw_groups(rates, "Share").data[0]
    assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(row["estimate_low"])
    assert trace.x[0] + trace.error_x.array[0] == pytest.approx(row["estimate_high"])


def test_segment_without_interval_still_draws():
    assert draw_behaviour({"structural_prob": 0.5, "late_propensity": None}).data
    assert draw_behaviour({"structural_prob": None, "late_propensity": None}).to_json()
