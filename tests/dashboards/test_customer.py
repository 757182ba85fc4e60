"""The page of one customer."""

from datetime import timedelta

import polars as pl
import pytest

from dashboards import published, rows
from segmentation.publish.cause_findings import FindingStore
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.reader import open_current
from tests.dashboards.conftest import read_everything
from tests.dashboards.published_book import AS_OF, NOW, build_book, publish_book


def customers_of(root) -> pl.DataFrame:
    snapshot = open_current(root)
    return rows.list_customers(
        *(snapshot.read_table(f"out_{name}") for name in ("customers", "invoice_scores", "customer_segments"))
    )


def test_customer_named_in_the_address_is_shown(data_root, open_page):
    wanted = customers_of(data_root).row(-1, named=True)
    app = open_page("customer", customer=wanted["customer_id"])
    assert f"Customer {wanted['customer_id']}" in read_everything(app)


def test_without_an_address_the_one_with_most_overdue_is_shown(data_root, open_page):
    first = customers_of(data_root).row(0, named=True)
    assert f"Customer {first['customer_id']}" in read_everything(open_page("customer"))


@pytest.mark.usefixtures("data_root")
def test_unknown_customer_is_named_in_a_warning(open_page):
    app = open_page("customer", customer="no <such> one")
    assert "no \\<such\\> one" in app.warning[0].value


def test_search_finds_by_name_and_by_number(data_root, open_page):
    wanted = customers_of(data_root).filter(pl.col("name").is_not_null()).row(5, named=True)
    app = open_page("customer")
    app.text_input(key="customer-search").set_value(f"{wanted['name'].upper()} {wanted['customer_id']}").run()
    assert f"Customer {wanted['customer_id']}" in read_everything(app)
    app.text_input(key="customer-search").set_value("nobody has this name").run()
    assert "No customer has all these words" in app.info[0].value
    assert not app.exception


@pytest.mark.usefixtures("data_root")
def test_cause_is_given_as_a_hypothesis_and_reasons_as_sentences(open_page):
    text = read_everything(open_page("customer"))
    assert "Possible reason, not a fact" in text
    assert "Earlier invoices were often paid late, or are overdue now." in text
    assert "What speaks for it" in text


def test_decisions_on_the_customer_are_listed(data_root, open_page):
    snapshot = open_current(data_root)
    step = snapshot.read_table("out_recommendations").filter(pl.col("action") != "wait").row(0, named=True)
    app = open_page()
    app.text_input(key="decider").set_value("Ann").run()
    app.session_state["opened_recommendation"] = step["recommendation_id"]
    app.run()
    app.button(key=f"accept-{step['recommendation_id']}").click().run()
    text = read_everything(open_page("customer", customer=step["customer_id"]))
    assert "Accepted by Ann" in text


def test_a_decision_taken_back_stays_in_the_history(data_root, open_page):
    snapshot = open_current(data_root)
    step = snapshot.read_table("out_recommendations").filter(pl.col("action") != "wait").row(0, named=True)
    with DecisionStore.for_data_root(data_root) as store:
        last = None
        for decision in ("accept", "withdraw"):
            last = store.record_decision(
                snapshot, step, decision, decided_by="Ann", decided_at=NOW, after=last
            )
    text = read_everything(open_page("customer", customer=step["customer_id"]))
    assert text.index("- Taken back by Ann") < text.index("- Accepted by Ann")


def first_step(data_root) -> dict:
    steps = open_current(data_root).read_table("out_recommendations")
    return steps.filter(pl.col("action") != "wait").row(0, named=True)


def test_a_step_can_be_decided_on_the_customers_own_page(data_root, open_page):
    step = first_step(data_root)
    app = open_page("customer", customer=step["customer_id"])
    app.text_input(key="decider").set_value("Ann").run()
    app.button(key=f"accept-{step['recommendation_id']}").click().run()
    assert not app.exception
    with DecisionStore.for_data_root(data_root) as store:
        assert store.read_decisions()["recommendation_id"].to_list() == [step["recommendation_id"]]
    assert "Accepted by Ann" in read_everything(app)


def test_the_message_is_shown_and_what_it_lacks_is_named(data_root, open_page):
    steps = open_current(data_root).read_table("out_recommendations")
    step = steps.filter(
        pl.col("message_missing").list.len() > 0, ~pl.col("action").is_in(["wait", "call"])
    ).row(0, named=True)
    app = open_page("customer", customer=step["customer_id"])
    assert "Message to the customer (Dutch)" in [expander.label for expander in app.expander]
    assert step["message_text"] in [text.value for text in app.text]
    assert "the account to pay to (iban)" in "".join(warning.value for warning in app.warning)
    assert "waiting would be better" in read_everything(app)


def test_an_expired_recommendation_cannot_be_accepted(data_root, open_page, monkeypatch):
    step = first_step(data_root)
    app = open_page("customer", customer=step["customer_id"])
    monkeypatch.setattr(published, "now", lambda: step["valid_until"] + timedelta(minutes=1))
    app.run()
    assert app.button(key=f"accept-{step['recommendation_id']}").disabled
    assert app.button(key=f"adjust-{step['recommendation_id']}").disabled
    assert not app.button(key=f"ignore-{step['recommendation_id']}").disabled
    assert "This advice has expired" in read_everything(app)


def test_a_cause_is_corrected_in_one_choice_and_taken_back_in_one_click(data_root, open_page):
    late = open_current(data_root).read_table("out_customer_segments").filter(pl.col("late_count") > 0)
    customer = late["customer_id"][0]
    app = open_page("customer", customer=customer)
    app.text_input(key="decider").set_value("Ann").run()
    pick = f"cause-pick-{customer}:first"
    app.selectbox(key=pick).set_value("disputing").run()
    assert "They disagree with an invoice" in read_everything(app)
    kept = FindingStore.for_data_root(data_root).latest_finding(customer, AS_OF)
    assert (kept["cause"], kept["found_by"]) == ("disputing", "Ann")
    app.button(key=f"cause-back-{customer}").click().run()
    assert "says Ann" not in read_everything(app)
    again = next(box for box in app.selectbox if str(box.key).startswith("cause-pick"))
    again.set_value("disputing").run()
    assert FindingStore.for_data_root(data_root).read_findings().height == 3


def test_a_reason_that_was_named_more_than_a_year_ago_is_asked_for_again(tmp_path, open_page):
    book = build_book(5)
    customer = book["out_customer_segments"].filter(pl.col("late_count") > 0).row(0, named=True)
    before = publish_book(tmp_path, book, as_of=AS_OF - timedelta(days=366))
    with FindingStore.for_data_root(tmp_path) as store:
        store.record_finding(before, customer, "disputing", found_by="Ann", found_at=NOW, token="form")
    publish_book(tmp_path, book)
    app = open_page("customer", root=tmp_path, customer=customer["customer_id"])
    assert "says Ann" not in read_everything(app)
    assert app.selectbox(key=f"cause-pick-{customer['customer_id']}:first").value is None


def test_without_a_name_nothing_is_kept_about_a_cause(data_root, open_page):
    late = (
        open_current(data_root)
        .read_table("out_customer_segments")
        .filter((pl.col("late_count") > 0) & (pl.col("cause") != "unclear"))
    )
    customer = late["customer_id"][0]
    app = open_page("customer", customer=customer)
    app.button(key=f"cause-right-{customer}").click().run()
    assert "fill in your name first" in app.error[0].value
    assert FindingStore.for_data_root(data_root).read_findings().is_empty()
