"""The bias report of a run: one page for a credit manager and an auditor, without scripts or links.

Belongs here: which rows the page shows, in which order. Does not belong here: figures (audit), or where
the page is kept (publish).
"""

from datetime import date
from functools import cache

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from segmentation.domain.schema import Frames
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.vocabulary import Verdict
from segmentation.fairness.cells import PRIMARY
from segmentation.fairness.comparison import is_pair
from segmentation.fairness.findings import ALL
from segmentation.fairness.wording import say_code, say_list

REPORT_FILE = "bias_report.html"
_OUTCOMES = {
    Verdict.BLOCK.value: "Publication is blocked",
    Verdict.PASS.value: "No material gap found in what could be assessed",
    Verdict.INCONCLUSIVE.value: "Inconclusive",
    Verdict.NOT_ASSESSABLE.value: "Not assessable",
}
_SEVERITY = {name: rank for rank, name in enumerate(("block", "inconclusive", "pass"))}


def render_report(audited: Frames, settings: FairnessSettings, as_of: date) -> str:
    """Return the bias report of a run as an HTML page.

    Parameters
    ----------
    audited : ``audit_fairness``, ``audit_verdict``, ``audit_proxies``, ``audit_tradeoff``, ``audit_history``.
    settings : that the audit was made with.
    as_of : day of the run.
    """
    audit = audited["audit_fairness"]
    shown = audit.drop_nulls("estimate").sort(
        pl.col("verdict").replace_strict(_SEVERITY, default=len(_SEVERITY)),
        pl.col("gap"),
        *("metric", "attribute", "group"),
        descending=[False, True, False, False, False],
    )
    is_primary = pl.col("family") == PRIMARY
    missing = audit.filter((pl.col("group") == ALL) & ~is_pair()).sort("attribute", "metric")["statement"]
    return _load_template().render(
        as_of=as_of.isoformat(),
        settings=settings,
        verdict=audited["audit_verdict"].row(0, named=True),
        outcome=_OUTCOMES[audited["audit_verdict"].item(0, "verdict")],
        primary_metrics=say_list(settings.primary_metrics),
        comparisons=[
            ("Rates that gate publication", shown.filter(is_primary).to_dicts()),
            ("Rates that are reported", shown.filter(~is_primary).to_dicts()),
        ],
        missing=missing.unique(maintain_order=True).to_list(),
        hidden_count=audit.filter((pl.col("group") != ALL) & pl.col("estimate").is_null()).height,
        has_small_pairs=audit.filter((pl.col("group") == ALL) & is_pair()).height > 0,
        proxies=audited["audit_proxies"].drop_nulls("auc").sort("auc", descending=True).to_dicts(),
        tradeoff=audited["audit_tradeoff"].to_dicts(),
        history=audited["audit_history"].to_dicts(),
    )


@cache
def _load_template() -> Template:
    environment = Environment(
        loader=PackageLoader("segmentation.fairness", "."), autoescape=True, undefined=StrictUndefined
    )
    environment.globals |= {
        "words": say_code,
        "percent": lambda share: f"{100 * share:.1f} %",
        "points": lambda gap: f"{100 * gap:+.1f} points",
        "ratio": lambda value: "–" if value is None else f"{value:.2f}",
    }
    return environment.get_template(f"{REPORT_FILE}.jinja")
