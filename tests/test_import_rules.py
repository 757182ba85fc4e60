"""The direction of imports, checked with import-linter, and what the command line may load."""

import subprocess
import sys


def test_import_contracts_hold(project_root):
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--no-cache",
        ],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_help_imports_no_heavy_library(project_root):
    code = (
        "import sys; from pipelines.command_line.app import run_command; run_command(['--help']);"
        "heavy = {'dagster', 'sklearn', 'lightgbm', 'fairlearn', 'streamlit', 'pandas', 'numba', 'scipy'};"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project_root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
