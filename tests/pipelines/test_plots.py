"""The plots of a backtest are pictures of its report."""

import pytest

from pipelines.plots import save_backtest_plots

PNG = b"\x89PNG\r\n\x1a\n"


def make_report(observed):
    curve = [{"instalment_share": x / 10, "late_share": min(1.0, x / 5)} for x in range(11)]
    points = [{"count": 5, "predicted_prob": 0.2, "observed_share": observed}]
    return {"reliability": points, "gain": {"published": curve, "past_late_rate": curve}}


def test_two_pictures_lie_beside_the_report(tmp_path):
    written = save_backtest_plots(make_report(0.3), tmp_path / "report.json")
    assert [path.name for path in written] == ["report-reliability.png", "report-gain.png"]
    first = {path.name: path.read_bytes() for path in written}
    assert all(content.startswith(PNG) for content in first.values())
    save_backtest_plots(make_report(0.8), tmp_path / "report.json")
    assert written[0].read_bytes() != first["report-reliability.png"]
    assert written[1].read_bytes() == first["report-gain.png"]


def test_a_report_without_the_curve_is_a_mistake(tmp_path):
    with pytest.raises(KeyError):
        save_backtest_plots({"reliability": [], "gain": {}}, tmp_path / "report.json")
