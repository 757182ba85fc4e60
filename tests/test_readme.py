"""What the README tells a newcomer to write works as it is written."""

import re
import textwrap

from pipelines.command_line.app import run_command


def read_example(project_root):
    text = (project_root / "README.md").read_text(encoding="utf-8")
    mapping = re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1)
    export = re.search(r"looks like this:\n\n((?:    .*\n)+)", text).group(1)
    return textwrap.dedent(export), mapping


def test_the_mapping_of_the_readme_loads_the_export_of_the_readme(project_root, tmp_path, capsys):
    export, mapping = read_example(project_root)
    (tmp_path / "export.csv").write_text(export, encoding="utf-8")
    (tmp_path / "my_ledger.yaml").write_text(mapping, encoding="utf-8")
    words = ["check", "--ledger", str(tmp_path / "export.csv"), "--mapping", str(tmp_path / "my_ledger.yaml")]
    assert run_command(words) == 0
    assert "As of the start of 2026-03-20" in capsys.readouterr().out


def test_the_amounts_and_dates_of_the_readme_are_read_as_declared(project_root, tmp_path):
    import datetime as dt
    from decimal import Decimal

    from segmentation.ledger.loading import load_ledger
    from segmentation.ledger.mapping_files import load_mapping

    export, mapping = read_example(project_root)
    (tmp_path / "export.csv").write_text(export, encoding="utf-8")
    (tmp_path / "my_ledger.yaml").write_text(mapping, encoding="utf-8")
    loaded = load_ledger(tmp_path / "export.csv", load_mapping(tmp_path / "my_ledger.yaml"))
    row = loaded.ledger["core_instalment_balance"].row(0, named=True)
    assert row["customer_id"] == "0004711"
    assert row["amount"] == Decimal("1250.000")
    assert row["due_date"] == dt.date(2026, 3, 5)
    assert row["days_late"] == 14


def test_every_path_named_in_the_map_of_rooms_exists(project_root):
    text = (project_root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_/]+)` \| [^|]* \| [^|]* \| `([a-z_.]+)` \|", text, re.MULTILINE)
    assert len(rows) >= 12
    for folder, file in rows:
        assert (project_root / folder / file).is_file(), f"{folder}/{file}"


def test_documents_show_pictures_that_exist(project_root):
    text = (project_root / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures
    for picture in pictures:
        assert (project_root / picture).is_file(), picture
