"""Spark gives the same features as one machine, row for row and bit for bit."""

import os
import shutil
import sys

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segmentation.domain.errors import UsageError
from segmentation.features.computation import (
    compute_customer_features,
    compute_issue_features,
    compute_open_features,
)
from segmentation.features.definitions import FEATURE_TABLES
from tests.features.ledgers import day, known_on, random_corrected_facts

pytestmark = pytest.mark.slow

AS_OF = day(500)


@pytest.fixture(scope="module")
def spark():
    pyspark_sql = pytest.importorskip("pyspark.sql", reason="Spark is not installed (extra 'spark')")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed: Spark needs version 17 or newer")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        pyspark_sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        # plans over a few hundred rows take longer to compile and adapt than to run
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.session.timeZone", "Europe/Brussels")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def ledger():
    return known_on(random_corrected_facts(8, invoices=600, customers=20, span=600), day(1500))


@pytest.fixture(scope="module")
def tables(spark, ledger, tmp_path_factory):
    from segmentation.features.spark import TABLES_READ

    folder = tmp_path_factory.mktemp("ledger")
    for name in TABLES_READ:
        ledger[name].write_parquet(folder / f"{name}.parquet")
    return {name: spark.read.parquet(str(folder / f"{name}.parquet")) for name in TABLES_READ}


@pytest.mark.parametrize("name", FEATURE_TABLES)
def test_spark_equals_one_machine(tables, ledger, name):
    from segmentation.features.spark import compute_features_on_spark

    expected = {
        "feat_instalment_at_issue": lambda: compute_issue_features(ledger),
        "feat_open_instalment": lambda: compute_open_features(ledger, AS_OF),
        "feat_customer": lambda: compute_customer_features(ledger, AS_OF),
    }[name]()
    found = pl.DataFrame(compute_features_on_spark(tables, name, AS_OF).toArrow())
    key = FEATURE_TABLES[name].key
    assert found.height > 15
    assert_frame_equal(
        found.sort(key), expected.sort(key), check_exact=True, check_column_order=True, check_row_order=True
    )


def test_a_table_that_does_not_exist_is_refused(tables):
    from segmentation.features.spark import compute_features_on_spark

    with pytest.raises(UsageError, match="feat_nothing is no feature table"):
        compute_features_on_spark(tables, "feat_nothing")
    with pytest.raises(UsageError, match="Give the as-of day"):
        compute_features_on_spark(tables, "feat_customer")
