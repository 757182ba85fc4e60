"""Pages as a reader opens them, on snapshots published for the test."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import decision_form, published
from tests.dashboards.published_book import NOW, build_book, publish_book

APP = Path(__file__).parents[2] / "dashboards" / "app.py"
PAGES = ("worklist", "customer", "portfolio", "bias", "runs")


@pytest.fixture(scope="session")
def published_root(tmp_path_factory):
    """A data root with one snapshot of forty customers; never written to by a test."""
    root = tmp_path_factory.mktemp("book")
    publish_book(root, build_book(40))
    return root


@pytest.fixture
def data_root(published_root, tmp_path, monkeypatch):
    """A data root of the test's own, with the snapshot in force, at half past seven on its as-of day."""
    root = tmp_path / "data"
    shutil.copytree(published_root, root, symlinks=True)
    set_data_root(monkeypatch, root)
    return root


def set_data_root(monkeypatch, root: Path) -> None:
    monkeypatch.setenv(published.DATA_ROOT_VARIABLE, str(root))
    monkeypatch.setattr(published, "now", lambda: NOW)
    monkeypatch.setattr(decision_form, "HASTE_SECONDS", 0.0)


@pytest.fixture
def open_page(monkeypatch):
    """Open a page of the dashboard; the data root is the one of ``data_root`` unless given."""

    def open_(page: str = "worklist", root: Path | None = None, **query: str) -> AppTest:
        if root is not None:
            set_data_root(monkeypatch, root)
        app = AppTest.from_file(APP, default_timeout=60)
        app.run()
        if page != "worklist":
            app.query_params.update(query)
            app.switch_page(f"views/{page}.py").run()
        assert not app.exception, app.exception
        return app

    return open_


def read_everything(app: AppTest) -> str:
    """All text on the page, tables left out."""
    kinds = (
        app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.success, app.code,
    )  # fmt: skip
    words = [element.value for kind in kinds for element in kind]
    words += [f"{metric.label} {metric.value}" for metric in app.metric]
    return "\n".join(str(word) for word in words)
