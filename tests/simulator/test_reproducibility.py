"""The same settings give the same bytes; topics do not disturb each other."""

import polars as pl
from polars.testing import assert_frame_equal

from segmentation.simulator.settings import SAMPLE_SETTINGS, WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world


def read_files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.csv")}


def test_the_committed_sample_is_made_by_its_settings(tmp_path, sample_ledger):
    write_world(simulate_world(SAMPLE_SETTINGS), tmp_path, with_truth=False)
    made, committed = read_files(tmp_path), read_files(sample_ledger)
    assert made.keys() == committed.keys()
    assert [name for name in made if made[name] != committed[name]] == []


def test_the_committed_sample_is_small_but_whole(sample_ledger):
    size = sum(path.stat().st_size for path in sample_ledger.rglob("*") if path.is_file())
    assert size <= 4_000_000
    lines = (sample_ledger / "invoice.csv").read_bytes().count(b"\n")
    assert lines > 17_500


def test_same_seed_same_bytes_and_another_seed_another_world(tmp_path):
    settings = WorldSettings(customer_count=80, seed=5)
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        write_world(simulate_world(settings.model_copy(update={"seed": seed})), tmp_path / name)
    first, again, other = (read_files(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    different = {name for name in first if first[name] != other[name]}
    assert {"invoice.csv", "payment.csv", "customer.csv", "truth/customer.csv"} <= different


def test_contacts_change_payments_and_nothing_that_comes_before_them(world, uncontacted_world):
    contacted, alone = world.ledger, uncontacted_world.ledger
    assert_frame_equal(contacted["customer"], alone["customer"])
    columns = ["invoice_id", "customer_id", "issue_date", "due_date", "amount"]
    issued = [
        ledger["invoice"]
        .filter(pl.col("document_type") == "invoice")
        .select(columns)
        .unique()
        .sort("invoice_id")
        for ledger in (contacted, alone)
    ]
    assert_frame_equal(*issued)
    planted = ["invoice_id", "instalment_number", "late_prob", "is_late", "planned_days_late"]
    assert_frame_equal(
        world.truth["invoice"].select(planted), uncontacted_world.truth["invoice"].select(planted)
    )
    assert not contacted["payment"].equals(alone["payment"])


def test_a_larger_world_is_no_other_kind_of_world():
    small, large = (simulate_world(WorldSettings(customer_count=n, seed=9)) for n in (300, 1200))
    rates = [world.truth["invoice"]["is_late"].mean() for world in (small, large)]
    assert abs(rates[0] - rates[1]) < 0.12
