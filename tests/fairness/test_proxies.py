import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from segmentation.domain.settings import FairnessSettings
from segmentation.domain.validation import find_violations
from segmentation.fairness.proxies import AUDIT_PROXIES, assess_proxies, measure_auc

SETTINGS = FairnessSettings(attributes=("language", "sex"))
COUNT = 1500


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(4)
    names = [f"C{i:04d}" for i in range(COUNT)]
    is_french = rng.random(COUNT) < 0.3
    features = pl.DataFrame(
        {
            "customer_id": names,
            "relation_days": np.where(is_french, 300.0, 600.0) + rng.normal(0, 200, COUNT),
            "invoice_count": rng.integers(1, 40, COUNT),
            "mean_delay_days": [None, *rng.normal(size=COUNT - 1)],
        }
    )
    segment = pl.DataFrame(
        {
            "customer_id": names,
            "segment": np.where(is_french & (rng.random(COUNT) < 0.3), "structural", "incidental"),
            "cause": ["unclear"] * COUNT,
        }
    )
    groups = pl.DataFrame(
        {
            "customer_id": names,
            "attribute": ["language"] * COUNT,
            "group": np.where(np.arange(COUNT) < 10, "de", np.where(is_french, "fr", "nl")),
        }
    )
    return assess_proxies(groups, features, segment, SETTINGS, 1)


def test_a_planted_proxy_is_named_first_and_the_segment_gives_the_group_away(found):
    row = found.filter(group="fr", source="features").row(0, named=True)
    assert row["auc"] > 0.75
    assert row["auc_low"] < row["auc"] < row["auc_high"]
    assert row["strongest"][0] == "relation_days"
    assert "relation days" in row["statement"]
    segment = found.filter(group="fr", source="segment").row(0, named=True)
    assert 0.55 < segment["auc"] < row["auc"]
    assert segment["strongest"][0] == "structural, unclear"


def test_what_cannot_be_assessed_says_so(found):
    assert find_violations(found, AUDIT_PROXIES) == []
    missing = found.filter(attribute="sex")
    assert missing["group"].unique().to_list() == ["all"]
    assert "customer_audit.sex" in missing["statement"][0]
    few = found.filter(group="de")
    assert few["auc"].null_count() == 2
    assert few["count"].to_list() == [0, 0]
    assert "fewer than 30" in few["statement"][0]


def test_noise_is_hardly_a_proxy():
    rng = np.random.default_rng(5)
    names = [f"C{i:04d}" for i in range(COUNT)]
    features = pl.DataFrame({"customer_id": names, **{f"f{i}": rng.normal(size=COUNT) for i in range(30)}})
    segment = pl.DataFrame(
        {"customer_id": names, "segment": rng.choice(["prompt", "incidental"], COUNT), "cause": "unclear"}
    )
    groups = pl.DataFrame({"customer_id": names, "attribute": "sex", "group": rng.choice(["F", "M"], COUNT)})
    found = assess_proxies(groups, features, segment, SETTINGS, 1).filter(attribute="sex")
    assert ((found["auc_low"] < 0.5) & (found["auc_high"] > 0.45)).all()


def test_the_auc_is_the_usual_one_and_its_interval_covers_it():
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(200):
        member = rng.random(150) < 0.3
        score = rng.normal(size=150) + member
        auc, low, high = measure_auc(score, member)
        assert auc == pytest.approx(roc_auc_score(member, score))
        covered += low <= 0.7602 <= high  # Φ(1/√2)
    assert 180 <= covered <= 198
