"""What a credit manager does in the morning, in a real browser."""

import re
import threading
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from playwright.sync_api import expect

from dashboards import rows
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.reader import open_current
from tests.dashboards.published_book import build_book, publish_book

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT = 60_000
PAGES = ("Worklist", "Customer", "Portfolio", "Bias", "Runs")


def book_day():
    """Tomorrow, so that the windows of all steps are ahead at whatever hour these tests run."""
    return datetime.now(UTC).date() + timedelta(days=1)


@pytest.fixture
def data_root(tmp_path):
    root = tmp_path / "data"
    publish_book(root, build_book(30, as_of=book_day()), as_of=book_day(), published_at=datetime.now(UTC))
    return root


def todo_of(root) -> list[dict]:
    snapshot = open_current(root)
    names = ("recommendations", "customers", "customer_segments")
    joined = rows.join_worklist(*(snapshot.read_table(f"out_{name}") for name in names))
    return joined.filter(pl.col("action") != "wait").to_dicts()


def decisions_of(root) -> pl.DataFrame:
    with DecisionStore.for_data_root(root) as store:
        return store.read_decisions()


def card_of(page, row):
    return page.locator(f".st-key-card-{row['recommendation_id']}")


def sign_in(page, name="Test Reader"):
    box = page.get_by_label("Your name")
    box.fill(name)
    box.press("Enter")
    expect(box).to_have_value(name)


def expect_no_error(page):
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_open_worklist_read_why_accept_reload_still_accepted(data_root, serve, visit):
    first, second = todo_of(data_root)[:2]
    page = visit(serve(data_root))
    expect(card_of(page, first)).to_contain_text("Why:", timeout=WAIT)
    expect(card_of(page, first)).to_contain_text(first["reason_text"])
    sign_in(page)
    card_of(page, first).get_by_role("button", name=re.compile("ccept")).click()
    expect(card_of(page, second)).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("radio", name="Decided (1, 1 today)")).to_be_visible()

    page.reload()
    expect(card_of(page, second)).to_be_visible(timeout=WAIT)
    expect(card_of(page, first)).to_have_count(0)
    expect(page.get_by_role("radio", name="Decided (1, 1 today)")).to_be_visible()
    card_of(page, second).get_by_role("link", name="Open customer").click()
    expect(page.get_by_role("heading", name="What to do")).to_be_visible(timeout=WAIT)
    page.goto(f"{page.url.split('?')[0]}?customer={first['customer_id']}")
    expect(page.get_by_text("Accepted by Test Reader").first).to_be_visible(timeout=WAIT)
    expect_no_error(page)
    recorded = decisions_of(data_root)
    assert recorded["recommendation_id"].to_list() == [first["recommendation_id"]]
    assert page.away == []


def test_double_click_on_accept_is_one_decision_on_one_customer(data_root, serve, visit):
    first = todo_of(data_root)[0]
    page = visit(serve(data_root))
    expect(card_of(page, first)).to_be_visible(timeout=WAIT)
    sign_in(page)
    card_of(page, first).get_by_role("button", name=re.compile("ccept")).dblclick()
    expect(card_of(page, first)).to_have_count(0, timeout=WAIT)
    expect(page.get_by_role("radio", name="Decided (1, 1 today)")).to_be_visible()
    assert decisions_of(data_root).height == 1


def wait_until_idle(page):
    idle = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(idle).to_have_count(1, timeout=WAIT)
    page.wait_for_timeout(500)
    expect(idle).to_have_count(1, timeout=WAIT)


def test_choosing_a_row_opens_it_and_ignoring_it_is_kept_with_its_reason(data_root, serve, visit):
    third = todo_of(data_root)[2]
    page = visit(serve(data_root))
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible(timeout=WAIT)
    sign_in(page)
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    table.locator(".dvn-scroller").click(position={"x": 16, "y": 36 + 2 * 35 + 17})
    card = card_of(page, third)
    expect(card).to_be_visible(timeout=WAIT)
    wait_until_idle(page)  # what is clicked while the page is still being drawn closes again
    card.get_by_role("button", name="Ignore", exact=True).click()
    card.get_by_label("Why is this step not right?").fill("Agreed something else by phone")
    card.get_by_role("button", name="Ignore this step").click()
    expect(card).to_have_count(0, timeout=WAIT)
    row = decisions_of(data_root).row(0, named=True)
    assert (row["recommendation_id"], row["decision"], row["reason"]) == (
        third["recommendation_id"],
        "ignore",
        "Agreed something else by phone",
    )


def test_snapshots_published_while_somebody_clicks_show_after_a_refresh(data_root, serve, visit):
    page = visit(serve(data_root))
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible(timeout=WAIT)
    failures: list[Exception] = []

    def publish():
        try:
            for number in range(1, 4):
                day = book_day() + timedelta(days=number)
                publish_book(
                    data_root, build_book(30 + number, as_of=day), as_of=day, published_at=datetime.now(UTC)
                )
        except Exception as error:  # noqa: BLE001  shown by the assertion below
            failures.append(error)

    publisher = threading.Thread(target=publish)
    publisher.start()
    for name in (*PAGES[1:], *PAGES):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible(timeout=WAIT)
        expect_no_error(page)
    publisher.join(120)
    assert not publisher.is_alive()
    assert failures == []

    page.get_by_role("link", name="Worklist", exact=True).click()
    expect(page.get_by_role("button", name="Show the snapshot in force")).to_be_visible(timeout=WAIT)
    page.reload()
    newest = open_current(data_root)
    assert newest.as_of == book_day() + timedelta(days=3)
    expect(page.get_by_text(f"snapshot {newest.id}").first).to_be_visible(timeout=WAIT)
    expect_no_error(page)
