"""Every notebook runs from top to bottom on a published snapshot."""

import ast
import runpy
import sys
from pathlib import Path

import jupytext
import nbclient
import pytest

from segmentation.publish import reader

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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_run_as_a_script_finds_the_project_from_any_folder(
    path, project_root, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGMENTATION_DATA_ROOT", raising=False)
    monkeypatch.delenv("SEGMENTATION_PROJECT", raising=False)
    monkeypatch.setattr(reader, "find_snapshot", lambda root, _: sys.exit(str(root)))
    with pytest.raises(SystemExit) as asked:
        runpy.run_path(str(path))
    assert asked.value.code == str(project_root / "data")


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
