"""Charts of segments: how many and how much, and the flow of customers between them.

Belongs here: counts and migrations. Does not belong here: one customer.
"""

import plotly.graph_objects as go
import polars as pl

from dashboards import wording
from dashboards.charts.style import GREY, SEGMENT_COLOURS, lay_out
from dashboards.formats import Formats

LINK_COLOURS = {
    "none": "rgba(107, 119, 133, 0.22)",
    "behaviour": "rgba(0, 114, 178, 0.65)",
    "model": "rgba(230, 159, 0, 0.75)",
}
"""Colour of a flow by the reason for it; text beside the picture and on hover says the same."""


def draw_segments(segments: pl.DataFrame, column: str, axis: str, labels: list[str]) -> go.Figure:
    """Return one bar per segment.

    Parameters
    ----------
    segments : columns ``segment`` and ``column``.
    column : what the length of the bar says.
    axis : name of that quantity with its unit.
    labels : text at the end of each bar.
    """
    names = segments["segment"].to_list()
    figure = go.Figure(
        go.Bar(
            y=[wording.say(wording.SEGMENTS, name) for name in names],
            x=segments[column].to_list(),
            orientation="h",
            marker_color=[SEGMENT_COLOURS.get(name, GREY) for name in names],
            text=labels,
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    largest = max([0.0, *(float(value) for value in segments[column].to_list())])
    figure.update_xaxes(title=axis, range=[0, largest * 1.25 or 1])
    figure.update_yaxes(autorange="reversed", title=None)
    return lay_out(figure, height=90 + 40 * max(1, len(names)))


def draw_migration_flow(migrations: pl.DataFrame, formats: Formats) -> go.Figure:
    """Return a Sankey diagram of customers: previous segment on the left, this one on the right.

    Parameters
    ----------
    migrations : out_segment_migrations.
    """
    order = [segment for segment in wording.SEGMENTS if segment in _segments(migrations)]
    place = {segment: number for number, segment in enumerate(order)}
    before, now = (_count_by(migrations, name) for name in ("from_segment", "to_segment"))
    links = migrations.sort("from_segment", "to_segment", "changed_because").to_dicts()
    figure = go.Figure(
        go.Sankey(
            arrangement="snap",
            node={
                "label": [
                    f"{wording.say(wording.SEGMENTS, segment)}: {formats.number(counts.get(segment, 0))}"
                    for counts in (before, now)
                    for segment in order
                ],
                "color": [SEGMENT_COLOURS[segment] for _ in (before, now) for segment in order],
                "x": [side for side in (0.001, 0.999) for _ in order],
                "y": [
                    _middle(counts, order, number) for counts in (before, now) for number in range(len(order))
                ],
                "pad": 22,
                "thickness": 16,
                "hovertemplate": "%{label}<extra></extra>",
            },
            link={
                "source": [place[link["from_segment"]] for link in links],
                "target": [len(order) + place[link["to_segment"]] for link in links],
                "value": [link["customer_count"] for link in links],
                "color": [LINK_COLOURS[link["changed_because"]] for link in links],
                "customdata": [_describe(link, formats) for link in links],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            textfont={"size": 14, "color": "#1f2933", "shadow": "none"},
        )
    )
    figure.update_layout(
        height=80 + 62 * len(order),
        margin={"l": 8, "r": 8, "t": 32, "b": 16},
        annotations=[
            {
                "x": x,
                "y": 1.0,
                "yshift": 24,
                "xref": "paper",
                "yref": "paper",
                "text": text,
                "showarrow": False,
            }
            for x, text in ((0.0, "<b>Before</b>"), (1.0, "<b>Now</b>"))
        ],
    )
    return figure


def _middle(counts: dict[str, int], order: list[str], number: int) -> float:
    """Height of a segment in its column, so that both columns keep the order of all pages."""
    sizes = [counts.get(segment, 0) for segment in order]
    share = (sum(sizes[:number]) + sizes[number] / 2) / max(sum(sizes), 1)
    return min(max(0.8 * share + 0.2 * number / max(len(order) - 1, 1), 0.01), 0.99)


def _segments(migrations: pl.DataFrame) -> set[str]:
    return {*migrations["from_segment"], *migrations["to_segment"]}


def _count_by(migrations: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(migrations.group_by(column).agg(pl.col("customer_count").sum()).iter_rows())


def _describe(link: dict[str, str | int], formats: Formats) -> str:
    count = formats.number(int(link["customer_count"]))
    before, now = (wording.say(wording.SEGMENTS, str(link[name])) for name in ("from_segment", "to_segment"))
    if link["from_segment"] == link["to_segment"]:
        return f"{count} stayed: {now}"
    return f"{count} moved from {before} to {now}<br>because of {wording.say(wording.CHANGE_REASONS, str(link['changed_because']))}"
