"""What the command prints can be read in a terminal of eighty columns."""

import io

from rich.console import Console

from pipelines.command_line.reports import figure_table


def test_no_figure_is_cut_off_in_eighty_columns():
    figures = ("AUC", "AP", "Brier", "loss", "ECE", "AP 30", "days", "80 %", "width")
    table = figure_table("model", *figures, title="All customers: 4,565 instalments")
    table.add_row("customer median", *(["0.826"] * 8), "1234.5")
    shown = io.StringIO()
    Console(file=shown, width=80).print(table)
    text = shown.getvalue()
    assert "…" not in text
    assert text.count("0.826") == 8
    assert "1234.5" in text
    assert "customer median" in text
