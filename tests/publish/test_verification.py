"""Whatever happens to a published snapshot, verification finds it and names the file."""

import random
import shutil

import pytest

from segmentation.domain.errors import ExitCode, IntegrityError
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.publish.manifest import Manifest, seal_manifest
from segmentation.publish.reader import open_current
from segmentation.publish.verification import verify_snapshot
from tests.snapshot_factory import AS_OF, publish_example

FILES = (
    "manifest.json",
    "contract.yaml",
    "scored.duckdb",
    *(f"{name}.parquet" for name in PUBLISHED_TABLES),
    *(f"schemas/{name}.json" for name in PUBLISHED_TABLES),
)


@pytest.fixture(scope="module")
def copy(published_root, tmp_path_factory):
    """One copy for all damages of this module; each test repairs what it broke."""
    root = tmp_path_factory.mktemp("damaged") / "root"
    shutil.copytree(published_root, root, symlinks=True)
    return open_current(root).path


def test_a_whole_snapshot_holds(snapshot):
    report = verify_snapshot(snapshot)
    assert report.snapshot_id == snapshot.id
    assert report.file_count == len(FILES)
    assert report.row_counts == {n: facts.row_count for n, facts in snapshot.manifest.tables.items()}
    assert verify_snapshot(snapshot.path) == report


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_is_found(copy, name):
    path = copy / name
    whole = path.read_bytes()
    draw = random.Random(name)
    try:
        for _ in range(25):
            data = bytearray(whole)
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            path.write_bytes(data)
            with pytest.raises(IntegrityError) as refused:
                verify_snapshot(copy)
            assert refused.value.exit_code == ExitCode.INTEGRITY
            assert name in str(refused.value)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["manifest.json", "contract.yaml", "scored.duckdb", "out_changes.parquet"])
@pytest.mark.parametrize("damage", ["truncate", "empty", "append", "remove", "link"])
def test_every_cut_added_or_missing_byte_is_found(copy, tmp_path, name, damage):
    path = copy / name
    whole = path.read_bytes()
    try:
        if damage == "truncate":
            path.write_bytes(whole[:-1])
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "append":
            path.write_bytes(whole + b"\n")
        else:
            path.unlink()
        if damage == "link":
            (tmp_path / "aside").write_bytes(whole)
            path.symlink_to(tmp_path / "aside")
        if (name, damage) == ("manifest.json", "link"):
            verify_snapshot(copy)  # its seal proves its content, wherever it lies
        else:
            with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
                verify_snapshot(copy)
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(whole)


def test_an_added_file_is_found(copy):
    stranger = copy / "schemas" / "out_more.json"
    stranger.write_text("{}")
    try:
        with pytest.raises(IntegrityError, match=r"out_more\.json does not belong"):
            verify_snapshot(copy)
    finally:
        stranger.unlink()


def test_a_renamed_snapshot_is_found(copy):
    moved = copy.rename(copy.with_name("snap-2020-01-01-000000000000"))
    try:
        with pytest.raises(IntegrityError, match="belongs to snapshot"):
            verify_snapshot(moved)
    finally:
        moved.rename(copy)


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda m: m["tables"]["out_customers"].update(row_count=99), "12 rows instead of 99"),
        (lambda m: m["tables"]["out_quality"].update(content_hash="0" * 64), "other content"),
        (lambda m: m["tables"].pop("out_fairness"), "out_fairness is not in both"),
        (lambda m: m["control_totals"]["EUR"].update(open_amount="1.000"), "control totals"),
    ],
    ids=["rows", "content", "table", "totals"],
)
def test_a_manifest_that_was_sealed_anew_over_false_figures_is_found(tmp_path, change, finding):
    published = publish_example(tmp_path, AS_OF)
    content = published.manifest.model_dump(mode="json")
    change(content)
    (published.path / "manifest.json").write_bytes(seal_manifest(Manifest.model_validate(content)))
    with pytest.raises(IntegrityError, match=finding):
        verify_snapshot(published.path)
