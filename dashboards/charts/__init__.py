"""Charts: frame in, plotly figure out.

Belongs here: marks, axes with names and units, hover texts; a module per subject, and their look (``style``).
Does not belong here: Streamlit, reading, sentences around a chart.
"""
