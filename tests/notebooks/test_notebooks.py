"""Every notebook runs from top to bottom on a published snapshot."""

import ast
from pathlib import Path

import jupytext
import nbclient
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, published_sample, project_root, monkeypatch):
    monkeypatch.setenv("SEGMENTATION_DATA_ROOT", str(published_sample))
    monkeypatch.setenv("SEGMENTATION_PROJECT", str(project_root))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = jupytext.read(path)
    nbclient.NotebookClient(notebook, timeout=180, kernel_name="python3").execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_model_is_refitted_in_under_twenty_statements():
    text = jupytext.writes(jupytext.read(NOTEBOOKS[0]), fmt="py:percent").split("## A feature of your own")[0]
    cells = jupytext.reads(text, fmt="py:percent").cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    statements = [
        node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert len(statements) < 20


def test_there_is_a_notebook():
    assert NOTEBOOKS
