"""What all charts share: colours, ticks, layout.

Belongs here: the look. Colours are those of Okabe and Ito (2008) and never carry a meaning alone: shape, position
or text says the same. Does not belong here: any one chart.
"""

import plotly.graph_objects as go

BLUE, ORANGE, GREEN, VERMILION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, SKY, GREY = "#cc79a7", "#56b4e9", "#6b7785"

SEGMENT_COLOURS = {
    "prompt": GREEN,
    "incidental": SKY,
    "structural": VERMILION,
    "undecided": ORANGE,
    "insufficient_history": GREY,
}

ROW_HEIGHT = 26
DAY_TICKS = "%-d %b\n%Y"
MONTH_TICKS = "%b\n%Y"
AS_OF_LINE = {"color": GREY, "dash": "dot", "width": 2}


def lay_out(figure: go.Figure, *, height: int, legend: bool = False) -> go.Figure:
    """Return the figure with its height in pixels, margins, and room for titles; the legend above it."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 28 if legend else 12, "b": 8},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
        hoverlabel={"align": "left"},
        bargap=0.3,
    )
    figure.update_xaxes(automargin=True, title_standoff=8)
    figure.update_yaxes(automargin=True, title_standoff=8)
    return figure
