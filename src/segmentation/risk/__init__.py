"""Floor 3: the distribution of every open instalment's payment date.

Belongs here: models, baselines, calibration, explanation, backtest, cash forecast. Does not belong
here: segments of customers, or what to do about a risk.
"""
