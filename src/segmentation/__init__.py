"""Turns an accounts-receivable ledger into the right next step for each customer.

One direction: domain, ledger and simulator, features, risk and segments, treatment, fairness,
publish. The library knows neither Dagster nor Streamlit and never reads the environment.
"""
