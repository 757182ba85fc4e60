"""Fixtures shared by all rooms."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sample_ledger() -> Path:
    """The committed sample ledger in canonical format."""
    return ROOT / "data" / "sample"


@pytest.fixture(scope="session")
def real_ledgers() -> Path:
    """Folder of the two real ledgers beside the project; skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real ledgers are not beside the project")
    return folder
