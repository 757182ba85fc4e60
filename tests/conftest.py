"""Fixtures shared by all rooms."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

if "PYTEST_XDIST_WORKER" in os.environ:
    # as many processes as cores run tests: more threads only wait for each other, and should not do so awake
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

hypothesis.settings.register_profile("no_timers", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("no_timers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that take long, so that no process is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
def make_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Give a folder that ``make`` filled, once for all processes that run tests side by side."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def give(name: str, make: Callable[[Path], object]) -> Path:
        folder, is_made = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a failure left
                folder.mkdir()
                make(folder)
                is_made.touch()
        return folder

    return give


@pytest.fixture(scope="session")
def small_ledger(make_once) -> Path:
    """A simulated ledger of 120 customers in canonical format."""
    from segmentation.simulator.world import WorldSettings, simulate_world
    from segmentation.simulator.writing import write_world

    world = WorldSettings(customer_count=120, seed=7)
    return make_once("small_ledger", lambda folder: write_world(simulate_world(world), folder))


@pytest.fixture(scope="session")
def quick_settings(make_once) -> Path:
    """Settings with small models: how well they predict is tested in tests/risk, not in whole runs."""
    text = "risk: {trees: 20, hazard_trees: 20, validation_folds: 1, bootstrap_replicates: 100, forecast_draws: 100}\n"
    return make_once("settings", lambda folder: (folder / "quick.yaml").write_text(text)) / "quick.yaml"


@pytest.fixture(scope="session")
def published_small(make_once, small_ledger: Path, quick_settings: Path) -> Path:
    """Data root with a snapshot of the small ledger as of 1 September 2026; copy it before you change it."""
    from pipelines.command_line.app import run_command

    def publish(root: Path) -> None:
        words = ["run", "--ledger", small_ledger, "--mapping", "canonical", "--data-root", root]
        words += ["--as-of", "2026-09-01", "--settings", quick_settings]
        assert run_command([str(word) for word in words]) == 0

    return make_once("published_small", publish)


@pytest.fixture(scope="session")
def published_sample(make_once, sample_ledger: Path, quick_settings: Path) -> Path:
    """Data root with a snapshot published from the sample ledger; treat it as read-only."""
    from pipelines.execution import run_pipeline
    from pipelines.resources import Run

    def publish(root: Path) -> None:
        run_pipeline(Run(ledger=str(sample_ledger), data_root=str(root), settings_file=str(quick_settings)))

    return make_once("published_sample", publish)
