"""The dashboard stays open while the pipeline publishes: no error on either side, and the new day shows."""

import shutil
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from segmentation.publish.reader import open_current

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT = 60_000
PAUSE = 2_000
LONGEST_RUN_SECONDS = 400
PAGES = ("Customer", "Portfolio", "Bias", "Runs", "Worklist")


def test_a_run_publishes_while_somebody_reads(
    published_small, small_ledger, quick_settings, project_root, tmp_path, serve, visit
):
    root = tmp_path / "root"
    shutil.copytree(published_small, root, symlinks=True)
    page = visit(serve(root))
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible(timeout=WAIT)

    words = ["run", "--ledger", small_ledger, "--mapping", "canonical", "--as-of", "2026-09-02"]
    words += ["--data-root", root, "--settings", quick_settings]
    command = [sys.executable, "-m", "pipelines.command_line.app", *map(str, words)]
    with (tmp_path / "run.log").open("w") as log:
        run = subprocess.Popen(command, cwd=project_root, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    while run.poll() is None and time.monotonic() < deadline:
        for name in PAGES:
            page.get_by_role("link", name=name, exact=True).click()
            expect(page.get_by_role("heading", name=name, level=1)).to_be_visible(timeout=WAIT)
            expect(page.get_by_test_id("stException")).to_have_count(0)
            page.wait_for_timeout(PAUSE)  # somebody reads, and the run goes on
    if run.poll() is None:
        run.kill()
    assert run.wait() == 0, (tmp_path / "run.log").read_text()

    newest = open_current(root)
    assert newest.as_of.isoformat() == "2026-09-02"
    page.reload()
    expect(page.get_by_text(f"snapshot {newest.id}").first).to_be_visible(timeout=WAIT)
    expect(page.get_by_test_id("stException")).to_have_count(0)
