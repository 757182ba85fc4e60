"""Fixtures shared by all rooms."""

import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

hypothesis.settings.register_profile("no_timers", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("no_timers")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in continuous integration in which anything was skipped: there, everything can run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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


@pytest.fixture(scope="session")
def small_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated ledger of 120 customers in canonical format."""
    from segmentation.simulator.world import WorldSettings, simulate_world
    from segmentation.simulator.writing import write_world

    folder = tmp_path_factory.mktemp("small_ledger")
    write_world(simulate_world(WorldSettings(customer_count=120, seed=7)), folder)
    return folder


@pytest.fixture(scope="session")
def quick_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings with small models: how well they predict is tested in tests/risk, not in whole runs."""
    path = tmp_path_factory.mktemp("settings") / "quick.yaml"
    path.write_text(
        "risk: {trees: 20, hazard_trees: 20, validation_folds: 1, bootstrap_replicates: 100, forecast_draws: 100}\n"
    )
    return path


@pytest.fixture(scope="session")
def published_small(
    small_ledger: Path, quick_settings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Data root with a snapshot of the small ledger as of 1 September 2026; copy it before you change it."""
    from pipelines.command_line.app import run_command

    root = tmp_path_factory.mktemp("published_small")
    words = ["run", "--ledger", small_ledger, "--mapping", "canonical", "--data-root", root]
    words += ["--as-of", "2026-09-01", "--settings", quick_settings]
    assert run_command([str(word) for word in words]) == 0
    return root


@pytest.fixture(scope="session")
def published_sample(
    sample_ledger: Path, quick_settings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Data root with a snapshot published from the sample ledger; treat it as read-only."""
    from pipelines.execution import run_pipeline
    from pipelines.resources import Run

    root = tmp_path_factory.mktemp("published_sample")
    run_pipeline(Run(ledger=str(sample_ledger), data_root=str(root), settings_file=str(quick_settings)))
    return root
