"""The whole journey from the command line, on good input: published, valid, repeatable, no look-ahead."""

import datetime as dt
import shutil

import polars as pl
import pytest

from pipelines.command_line.app import run_command
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.validation import find_violations
from segmentation.publish.cause_findings import FindingStore
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.reader import open_current
from segmentation.publish.verification import verify_snapshot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(quick_settings):
    def run_ledger(ledger, root, as_of, mapping="canonical"):
        words = ["run", "--ledger", ledger, "--mapping", mapping, "--data-root", root, "--as-of", as_of]
        return run_command([str(word) for word in [*words, "--settings", quick_settings]])

    return run_ledger


def content_hashes(root):
    return {name: facts.content_hash for name, facts in open_current(root).manifest.tables.items()}


def test_every_table_of_the_contract_is_published_and_valid(published_small):
    snapshot = open_current(published_small)
    for name, table in PUBLISHED_TABLES.items():
        frame = snapshot.read_table(name)
        assert not find_violations(frame, table), name
        assert frame.height == snapshot.manifest.tables[name].row_count
    verify_snapshot(snapshot.path)


def test_every_customer_with_something_open_has_one_next_step(published_small):
    snapshot = open_current(published_small)
    open_customers = snapshot.read_table("out_invoice_scores")["customer_id"].unique().sort()
    steps = snapshot.read_table("out_recommendations")
    assert set(open_customers) <= set(steps["customer_id"])
    assert steps["customer_id"].is_unique().all()
    assert "wait" in set(steps["action"])


def test_rows_in_are_loaded_or_quarantined(published_small):
    quality = open_current(published_small).read_table("out_quality")
    loads = quality.filter(pl.col("rows_in") > 0)
    assert loads.height > 0
    assert (loads["rows_in"] == loads["rows_loaded"] + loads["rows_quarantined"]).all()


def test_a_second_run_says_that_nothing_changed(run, published_small, small_ledger, capsys):
    before = open_current(published_small)
    assert run(small_ledger, published_small, "2026-09-01") == 0
    assert "Nothing changed" in capsys.readouterr().out
    assert open_current(published_small).manifest.published_at == before.manifest.published_at


def test_a_run_without_the_facts_observed_later_gives_the_same_content(
    run, published_small, small_ledger, tmp_path
):
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    for path in small_ledger.glob("*.csv"):
        frame = pl.read_csv(path, infer_schema=False)
        frame.filter(pl.col("observed_at") < "2026-09-01").write_csv(ledger / path.name)
    assert run(ledger, tmp_path / "root", "2026-09-01") == 0
    assert content_hashes(tmp_path / "root") == content_hashes(published_small)
    assert open_current(tmp_path / "root").id == open_current(published_small).id


def test_what_people_decide_and_find_out_feeds_the_run_of_the_next_day(
    run, published_small, small_ledger, tmp_path
):
    root = tmp_path / "root"
    shutil.copytree(published_small, root, symlinks=True)
    snapshot = open_current(root)
    step = snapshot.read_table("out_recommendations").filter(pl.col("action") != "wait").row(0, named=True)
    with DecisionStore(root / "decisions.sqlite") as store:
        store.record_decision(
            snapshot,
            step,
            "accept",
            decided_by="tester",
            decided_at=dt.datetime(2026, 9, 1, 9, tzinfo=dt.UTC),
            after=None,
        )
    before = snapshot.read_table("out_customer_segments")
    late = before.filter((pl.col("segment") == "structural") & (pl.col("cause") != "disputing"))
    with FindingStore(root / "decisions.sqlite") as store:
        store.record_finding(
            snapshot,
            late.row(0, named=True),
            "disputing",
            found_by="tester",
            found_at=dt.datetime(2026, 9, 1, 9, tzinfo=dt.UTC),
            token="once",
        )
    assert run(small_ledger, root, "2026-09-02") == 0
    segments = open_current(root).read_table("out_customer_segments")
    assert segments.filter(customer_id=late["customer_id"][0])["cause"].item() == "disputing"
    migrations = open_current(root).read_table("out_segment_migrations")
    assert migrations["customer_count"].sum() == before.join(segments, "customer_id").height
    steps = open_current(root).read_table("out_recommendations")
    mine = steps.filter(pl.col("customer_id") == step["customer_id"]).row(0, named=True)
    assert "awaiting_decision_effect" in mine["blocked_by"]
    assert mine["action"] == "wait"


IBM = ("ibm_accounts_receivable", "ibm_accounts_receivable/WA_Fn-UseC_-Accounts-Receivable.csv")
B2B = ("b2b_ledger", "b2b_ledger_2019/ledger.csv")


@pytest.mark.real_ledger
@pytest.mark.parametrize(
    ("mapping", "file", "as_of", "issued", "settled", "date_format"),
    [
        (*IBM, "2013-10-25", "InvoiceDate", ["SettledDate", "DaysToSettle", "DaysLate"], "%m/%d/%Y"),
        (*B2B, "2019-06-01", "posting_date", ["clear_date"], "%Y-%m-%d"),
    ],
)
def test_real_ledgers_publish_and_do_not_know_the_future(
    run, real_ledgers, tmp_path, mapping, file, as_of, issued, settled, date_format
):
    assert run(real_ledgers / file, tmp_path / "all", as_of, mapping=mapping) == 0
    snapshot = open_current(tmp_path / "all")
    for name, table in PUBLISHED_TABLES.items():
        assert not find_violations(snapshot.read_table(name), table), name
        facts = snapshot.manifest.tables[name]
        assert facts.row_count or facts.note, f"{name} is empty and does not say why"
    assert snapshot.manifest.fairness.verdict == "not_assessable"

    day = dt.date.fromisoformat(as_of)
    rows = pl.read_csv(real_ledgers / file, infer_schema=False)
    is_settled = pl.col(settled[0]).str.to_date(date_format, strict=False) < day
    known = rows.filter(pl.col(issued).str.to_date(date_format) < day).with_columns(
        pl.when(is_settled).then(pl.col(name)).otherwise(pl.lit("")).alias(name) for name in settled
    )
    (tmp_path / "known").mkdir()
    known.write_csv(tmp_path / "known" / "another name.csv", quote_style="never")
    assert run(tmp_path / "known", tmp_path / "cut", as_of, mapping=mapping) == 0
    assert content_hashes(tmp_path / "cut") == content_hashes(tmp_path / "all")
    assert open_current(tmp_path / "cut").id == snapshot.id


class TestUnchanged:
    """When a run has nothing to do it says so; when there is something to mend it runs."""

    @pytest.fixture
    def root(self, published_small, tmp_path):
        copy = tmp_path / "root"
        shutil.copytree(published_small, copy, symlinks=True)
        return copy

    def test_a_decision_on_this_snapshot_is_for_the_next_day(self, run, root, small_ledger, capsys):
        snapshot = open_current(root)
        step = snapshot.read_table("out_recommendations").row(0, named=True)
        with DecisionStore(root / "decisions.sqlite") as store:
            moment = dt.datetime(2026, 9, 1, 9, tzinfo=dt.UTC)
            store.record_decision(
                snapshot, step, "accept", decided_by="tester", decided_at=moment, after=None
            )
        assert run(small_ledger, root, "2026-09-01") == 0
        shown = capsys.readouterr().out
        assert "Nothing changed" in shown
        assert "✓" not in shown, "a stage ran"

    def test_a_damaged_snapshot_is_published_afresh(self, run, root, small_ledger):
        target = open_current(root).path / "out_timeline.parquet"
        target.chmod(0o644)
        target.write_bytes(target.read_bytes()[:-1])
        assert run(small_ledger, root, "2026-09-01") == 0
        verify_snapshot(open_current(root).path)

    def test_a_file_of_the_same_name_in_another_folder_counts(self, tmp_path):
        from pipelines.run_facts import hash_files

        for month in ("jan", "feb"):
            (tmp_path / month).mkdir()
            (tmp_path / month / "invoice.csv").write_text(month)
        before = hash_files(tmp_path)
        (tmp_path / "jan" / "invoice.csv").write_text("corrected")
        assert hash_files(tmp_path) != before
        assert len(before) == 2


def test_only_one_run_at_a_time_holds_a_data_root_however_it_was_started(small_ledger, tmp_path):
    import dagster as dg

    from pipelines.assets.ledger import raw_ledger
    from pipelines.resources import Run, lock_data_root

    with lock_data_root(tmp_path):
        asked = Run(ledger=str(small_ledger), data_root=str(tmp_path))
        with pytest.raises(dg.DagsterError) as error:
            dg.materialize([raw_ledger], resources={"run": asked}, instance=dg.DagsterInstance.ephemeral())
    assert "Another run" in str(error.value.__cause__)
