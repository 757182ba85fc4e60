"""Runs the benchmarks beside this file and writes docs/benchmarks.md: ``python -m tests.benchmarks [load ...]``.

Without names all of them run; with names only these, and the other sections of the page stay. A benchmark
is a script ``bench_<name>.py`` that writes its results with ``--json FILE`` and has a function
``render_markdown(results)``. Each runs in a process of its own, one after the other.
"""

import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "benchmarks.md"
LIBRARIES = ("polars", "duckdb", "numba", "numpy", "lightgbm", "pandas")


def run_benchmark(script: Path) -> str:
    """Return the section of one benchmark, run now."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        subprocess.run([sys.executable, str(script), "--json", str(results)], check=True)
        spec = importlib.util.spec_from_file_location(script.stem, script)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.render_markdown(json.loads(results.read_text(encoding="utf-8")))


def read_sections() -> dict[str, str]:
    """Return the sections of the page by their heading."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.splitlines()[0]: part for part in parts}


def main() -> None:
    """Run the benchmarks that are named, or all, and write the page."""
    names = sys.argv[1:] or sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    sections = read_sections()
    for name in names:
        section = run_benchmark(FOLDER / f"bench_{name}.py")
        sections[section.splitlines()[0]] = section
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    head = (
        "# Benchmarks\n\nWritten by `make bench`; ratios against peers in the same run say more than seconds.\n\n"
        f"Machine: {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}.\n\n"
    )
    PAGE.parent.mkdir(exist_ok=True)
    body = "\n".join(section.rstrip() + "\n" for _, section in sorted(sections.items()))
    PAGE.write_text(head + body, encoding="utf-8")


if __name__ == "__main__":
    main()
