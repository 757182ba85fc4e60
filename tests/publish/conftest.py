"""One made-up snapshot for all tests of the room, and copies of it to damage."""

import shutil

import pytest

from segmentation.publish.reader import open_current
from tests.snapshot_factory import publish_example


@pytest.fixture(scope="session")
def published_root(tmp_path_factory):
    """A data root with one snapshot; tests only read it."""
    root = tmp_path_factory.mktemp("published_root")
    publish_example(root)
    return root


@pytest.fixture(scope="session")
def snapshot(published_root):
    return open_current(published_root)


@pytest.fixture
def damaged_root(published_root, tmp_path):
    """A copy of the data root that a test may damage."""
    root = tmp_path / "copy"
    shutil.copytree(published_root, root, symlinks=True)
    return root


@pytest.fixture
def unvalidated(monkeypatch):
    """Publish faster where a test is about files: the made-up tables are known to keep their definitions."""
    monkeypatch.setattr("segmentation.publish.writer.require_valid", lambda frame, _table: frame)
    monkeypatch.setattr("segmentation.publish.verification.find_violations", lambda _frame, _table: [])
