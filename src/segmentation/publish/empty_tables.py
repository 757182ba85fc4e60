"""Why a published table can be empty, in words.

Belongs here: one sentence per published table. Does not belong here: counting rows.
"""

_REASONS = {
    "out_invoice_scores": "No invoice was open on the as-of day.",
    "out_risk_reasons": "No invoice was open on the as-of day, or nothing moved its score.",
    "out_customer_risk": "No invoice was open on the as-of day.",
    "out_customer_segments": "The ledger holds no customer.",
    "out_segment_definitions": "Segments were not defined.",
    "out_segment_model": "No model of segments was fitted.",
    "out_segment_migrations": "There is no earlier snapshot, or none of its customers is still there.",
    "out_segment_comparison": "Models of paying behaviour were not compared.",
    "out_recommendations": "No customer had anything open on the as-of day.",
    "out_gates": "No gate was closed for any customer on the as-of day.",
    "out_cash_forecast": "No inflow is expected: no invoice was open on the as-of day.",
    "out_portfolio": "The ledger holds no invoice.",
    "out_fairness": "Nothing could be compared: the ledger holds no customer.",
    "out_fairness_history": "No audit was made.",
    "out_fairness_proxies": "Nothing could be compared: the ledger holds no group data.",
    "out_fairness_tradeoff": "No mitigation is switched on (settings: fairness.mitigation).",
    "out_quality": "No check was recorded.",
    "out_quarantine": "Every source row was loaded.",
    "out_changes": "Nothing changed since the previous snapshot.",
    "out_customers": "The ledger holds no customer.",
    "out_timeline": "The ledger holds no event.",
    "out_model_comparison": "The ledger is too short to compare models on it.",
    "out_monitoring": "The ledger holds no feature that could be watched.",
    "out_model_card": "No model was described.",
    "out_reliability": "The ledger is too short to compare predictions with what came true.",
}


def explain_empty(table_name: str) -> str:
    """Return why the published table of that name has no rows."""
    return _REASONS[table_name]
