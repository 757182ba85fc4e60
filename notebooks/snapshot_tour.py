# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tour of a published snapshot, and a model of your own
#
# Run `make demo` first. This notebook reads the snapshot that is in force, plots it, and fits a
# model of your own on the same as-of features that the pipeline uses: what was known about a customer
# strictly before each invoice was issued. Open it in Jupyter with the jupytext extension, or run it.

# %%
import os
from pathlib import Path

import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import brier_score_loss, roc_auc_score

from segmentation.features.computation import compute_issue_features
from segmentation.features.definitions import FEATURES
from segmentation.features.feature import Feature, Unit, Window
from segmentation.features.reasons import ReasonGroup
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.publish.reader import find_snapshot

# Jupyter runs in the folder of the notebook and knows no file; a script knows its file and runs anywhere.
PROJECT = Path(__file__).resolve().parents[1] if "__file__" in globals() else Path("..")
ROOT = Path(os.environ.get("SEGMENTATION_PROJECT", PROJECT))
snapshot = find_snapshot(Path(os.environ.get("SEGMENTATION_DATA_ROOT", ROOT / "data")), "current")
scores = snapshot.read_table("out_invoice_scores")
segments = snapshot.read_table("out_customer_segments")
scores.head()

# %% [markdown]
# How sure are we that a customer is a structural late payer, against the share of late instalments seen?

# %%
seen = segments.filter(pl.col("settled_count") > 0).with_columns(
    late_share=pl.col("late_count") / pl.col("settled_count")
)
axes = seen.to_pandas().plot.scatter("late_share", "structural_prob", s="settled_count", alpha=0.4)
axes.set(xlabel="share of instalments paid late", ylabel="probability of being a structural late payer")

# %% [markdown]
# ## A model of your own
#
# The same ledger, as it was known on the snapshot's day. Test on the newest fifth of the invoices whose outcome
# is known; learn from those whose outcome was known before the first of them was issued. Never a random split,
# which would let the model look ahead.

# %%
ledger = load_ledger(ROOT / "data" / "sample", load_mapping("canonical"), snapshot.as_of).ledger
outcome = (
    ledger["core_instalment_balance"]
    .filter(pl.col("due_date") < snapshot.as_of)
    .select(
        "invoice_id",
        "instalment_number",
        is_late=pl.col("days_late") > 0,
        learned=pl.min_horizontal("covered_known_date", pl.col("due_date") + pl.duration(days=1)),
    )
)
keys = ["invoice_id", "instalment_number"]
rows = compute_issue_features(ledger).join(outcome, on=keys).sort("as_of_date", *keys)
start = rows["as_of_date"][rows.height * 4 // 5]
names = [name for name, kind in rows.schema.items() if kind.is_numeric() and name not in keys]
train, test = rows.filter(pl.col("learned") < start), rows.filter(pl.col("as_of_date") >= start)
model = HistGradientBoostingClassifier(max_depth=4, random_state=0).fit(
    train[names].to_numpy(), train["is_late"]
)
late_prob = model.predict_proba(test[names].to_numpy())[:, 1]
print(
    f"AUC {roc_auc_score(test['is_late'], late_prob):.3f}, Brier {brier_score_loss(test['is_late'], late_prob):.3f}"
)

# %% [markdown]
# ## A feature of your own
#
# A feature is one definition: a name that ends in its unit, and a formula over what the sweep knows about a
# customer at a moment (`segmentation/features/state.py` lists the names). What it sees was known at the
# moment; a formula that looks at other rows is refused. Does it help? Fit again, and compare. To keep it, add the definition to `FEATURES`: tables,
# documentation and explanations follow.

# %%
mine = Feature(
    "overdue_of_open_share",
    Unit.SHARE,
    Window.NOW,
    "null when nothing is open",
    pl.when(pl.col("open_count") > 0).then(pl.col("overdue_count") / pl.col("open_count")),
    ReasonGroup.OPEN_OVERDUE_BOOK,
    "instalments overdue, of those open",
)
wider = compute_issue_features(ledger, (*FEATURES, mine)).join(outcome, on=keys).sort("as_of_date", *keys)
train, test = wider.filter(pl.col("learned") < start), wider.filter(pl.col("as_of_date") >= start)
names = [*names, mine.name]
model = HistGradientBoostingClassifier(max_depth=4, random_state=0).fit(
    train[names].to_numpy(), train["is_late"]
)
late_prob = model.predict_proba(test[names].to_numpy())[:, 1]
print(
    f"AUC {roc_auc_score(test['is_late'], late_prob):.3f}, Brier {brier_score_loss(test['is_late'], late_prob):.3f}"
)

# %% [markdown]
# ## Segments and causes of a table of your own
#
# The methods behind segments and causes are scikit-learn estimators. `PunctualitySegmenter` wants a row per customer and a
# column per instalment, newest first: days beyond terms. `CauseClassifier` wants the share of opportunities at which each
# signal was seen, starts from the reviewed file where names agree, and learns from causes that are known.

# %%
from segmentation.segments.estimators import CauseClassifier, PunctualitySegmenter

NEWEST = 20
days = (
    ledger["core_instalment_balance"]
    .filter(pl.col("days_late").is_not_null() & ~pl.col("is_open"))
    .sort(
        "customer_id", "due_date", "invoice_id", "instalment_number", descending=[False, True, False, False]
    )
    .with_columns(place=pl.int_range(pl.len()).over("customer_id"))
    .filter(pl.col("place") < NEWEST)
    .pivot("place", index="customer_id", values="days_late", sort_columns=True)
)
segmenter = PunctualitySegmenter(half_life=10).fit(days.drop("customer_id"))
segmenter.plot(days.drop("customer_id"))
segmenter

# %%
asked = pl.DataFrame({"said_cannot_pay": [0.5, 0.0, 0.1], "disputed_invoice": [0.0, 0.8, None]})
classifier = CauseClassifier().fit(asked, ["cannot_pay", "disputing", "cannot_pay"])
classifier.plot()
classifier.predict_proba(asked).round(2)
