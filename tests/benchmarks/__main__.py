"""Runs every benchmark beside this file and writes docs/benchmarks.md: ``python -m tests.benchmarks``.

A benchmark is a script ``bench_<room>.py`` that writes its results with ``--json FILE`` and has a
function ``render_markdown(results)``. Each runs in a process of its own, one after the other.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "benchmarks.md"
LIBRARIES = ("polars", "duckdb", "numba", "numpy", "lightgbm", "pandas")


def run_benchmark(script: Path, arguments: list[str]) -> str:
    """Return the section of one benchmark, run now."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        subprocess.run([sys.executable, str(script), "--json", str(results), *arguments], check=True)
        spec = importlib.util.spec_from_file_location(script.stem, script)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.render_markdown(json.loads(results.read_text(encoding="utf-8")))


def main() -> None:
    """Run all benchmarks and write the page."""
    scripts = sorted(FOLDER.glob("bench_*.py"))
    sections = [run_benchmark(script, sys.argv[1:]) for script in scripts]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    head = (
        "# Benchmarks\n\nWritten by `make bench`; ratios against peers in the same run say more than seconds.\n\n"
        f"Machine: {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}.\n"
    )
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join([head, *sections]).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
