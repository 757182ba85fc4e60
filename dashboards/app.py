"""Start of the dashboard: ``streamlit run dashboards/app.py -- --data-root PATH``.

Belongs here: navigation, nothing else. Every page is a file, so that it can be opened by address,
reloaded and tested by itself.
"""

import streamlit as st

st.set_page_config(page_title="Payment segmentation", page_icon="✅", layout="wide")

PAGES = {
    "Today": [
        st.Page("views/worklist.py", title="Worklist", icon=":material/checklist:", default=True),
        st.Page("views/customer.py", title="Customer", icon=":material/person_search:", url_path="customer"),
    ],
    "Overview": [
        st.Page("views/portfolio.py", title="Portfolio", icon=":material/donut_small:", url_path="portfolio"),
    ],
    "Accountability": [
        st.Page("views/bias.py", title="Bias", icon=":material/balance:", url_path="bias"),
        st.Page("views/runs.py", title="Runs", icon=":material/history:", url_path="runs"),
    ],
}

st.navigation(PAGES).run()
