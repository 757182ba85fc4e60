"""Deciding: what is recorded, what is refused, and where the reader goes next."""

from datetime import timedelta

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import adjustment, decision_form, published, rows
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.reader import open_current
from tests.dashboards.conftest import read_everything
from tests.dashboards.published_book import AS_OF, NOW, build_book, publish_book


def worklist_of(root) -> pl.DataFrame:
    snapshot = open_current(root)
    return rows.join_worklist(
        *(
            snapshot.read_table(f"out_{name}")
            for name in ("recommendations", "customers", "customer_segments")
        )
    )


def todo_of(root) -> list[dict]:
    return worklist_of(root).filter(pl.col("action") != "wait").to_dicts()


def recorded(root) -> pl.DataFrame:
    with DecisionStore.for_data_root(root) as store:
        return store.read_decisions()


def sign_in(app: AppTest, name: str = "Test Reader") -> AppTest:
    return app.text_input(key="decider").set_value(name).run()


@pytest.fixture
def app(data_root, open_page):
    del data_root
    return sign_in(open_page())


def test_first_thing_on_the_page_is_the_step_with_the_highest_expected_value(app, data_root):
    best = todo_of(data_root)[0]
    assert best["customer"].replace("'", "") in app.subheader[0].value.replace("\\", "").replace("'", "")
    text = read_everything(app)
    for part in (
        "**When:**",
        "**Why:**",
        "**How they pay:**",
        "the customer's time",
        "Expected gain of acting",
    ):
        assert part in text


def test_counts_are_those_of_the_snapshot(app, data_root):
    todo = len(todo_of(data_root))
    waiting = worklist_of(data_root).height - todo
    labels = list(app.segmented_control(key="worklist-view").options)
    assert labels == [f"To do ({todo})", f"Waiting ({waiting})", "Decided (0, 0 today)"]


def test_accept_is_recorded_with_name_and_moment_and_the_next_one_opens(app, data_root):
    first, second = todo_of(data_root)[:2]
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    row = recorded(data_root).row(0, named=True)
    assert row["recommendation_id"] == first["recommendation_id"]
    assert row["snapshot_id"] == open_current(data_root).id
    assert (row["decision"], row["decided_by"], row["decided_at"]) == ("accept", "Test Reader", NOW)
    assert (row["action"], row["channel"]) == (first["action"], first["channel"])
    assert app.button(key=f"accept-{second['recommendation_id']}")
    assert f"Accepted: {first['customer']}" in app.toast[0].value
    assert "Decided (1, 1 today)" in app.segmented_control(key="worklist-view").options


def test_decision_survives_a_reload_and_shows_with_who_and_when(app, data_root, open_page):
    first = todo_of(data_root)[0]
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    again = open_page()
    assert not any(b.key == f"accept-{first['recommendation_id']}" for b in again.button)
    again.segmented_control(key="worklist-view").set_value("decided").run()
    table = again.dataframe[0].value
    assert table["decision_words"].to_list() == ["Accepted"]
    assert table["decided_by"].to_list() == ["Test Reader"]


def test_nothing_is_recorded_without_a_name(data_root, open_page):
    app = open_page()
    first = todo_of(data_root)[0]
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    assert "your name first" in app.error[0].value
    assert recorded(data_root).is_empty()


def test_a_login_is_the_name(data_root, open_page):
    app = open_page()
    app.user = {"is_logged_in": True, "name": "Bea Login", "email": "bea@example.org"}
    app.run()
    assert not [box for box in app.text_input if box.key == "decider"]
    first = todo_of(data_root)[0]
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    assert recorded(data_root)["decided_by"].to_list() == ["Bea Login"]


def test_ignore_needs_a_reason(app, data_root):
    key = todo_of(data_root)[0]["recommendation_id"]
    app.button(key=f"ignore-{key}").click().run()
    app.button(key=f"ignore-send-{key}").click().run()
    assert "needs a reason" in app.error[0].value
    assert recorded(data_root).is_empty()
    app.text_input(key=f"ignore-reason-{key}").set_value("Paid in cash today")
    app.button(key=f"ignore-send-{key}").click().run()
    row = recorded(data_root).row(0, named=True)
    assert (row["decision"], row["reason"], row["action"]) == ("ignore", "Paid in cash today", None)


def test_adjust_records_another_channel_with_the_recommended_hours(app, data_root):
    first = todo_of(data_root)[0]
    key = first["recommendation_id"]
    app.button(key=f"adjust-{key}").click().run()
    app.selectbox(key=f"adjust-action-{key}").set_value("call").run()
    channel = app.selectbox(key=f"adjust-channel-{key}")
    assert (channel.options, channel.value) == (["Phone"], "phone"), "the form follows the step"
    app.text_input(key=f"adjust-reason-{key}").set_value("Asked to be called")
    app.button(key=f"adjust-send-{key}").click().run()
    assert not app.error
    row = recorded(data_root).row(0, named=True)
    assert (row["decision"], row["action"], row["channel"]) == ("adjust", "call", "phone")
    assert (row["window_start_at"], row["window_end_at"]) == (
        first["window_start_at"],
        first["window_end_at"],
    )


def test_adjust_to_another_day_keeps_to_contact_hours_in_the_customers_time(app, data_root):
    first = todo_of(data_root)[0]
    key = first["recommendation_id"]
    app.button(key=f"adjust-{key}").click().run()
    app.date_input(key=f"adjust-day-{key}").set_value(AS_OF + timedelta(days=2))
    app.text_input(key=f"adjust-reason-{key}").set_value("Away until Wednesday")
    app.button(key=f"adjust-send-{key}").click().run()
    row = recorded(data_root).row(0, named=True)
    zone = decision_form.customer_zone(first)
    assert row["window_start_at"].astimezone(zone).hour == 8
    assert row["window_end_at"].astimezone(zone).hour == 20
    assert row["window_start_at"].astimezone(zone).date() == AS_OF + timedelta(days=2)


def test_adjust_to_waiting_has_neither_channel_nor_window(app, data_root):
    key = todo_of(data_root)[0]["recommendation_id"]
    app.button(key=f"adjust-{key}").click().run()
    app.selectbox(key=f"adjust-action-{key}").set_value("wait")
    app.text_input(key=f"adjust-reason-{key}").set_value("Payment announced")
    app.button(key=f"adjust-send-{key}").click().run()
    row = recorded(data_root).row(0, named=True)
    assert (row["action"], row["channel"], row["window_start_at"]) == ("wait", None, None)


def test_adjust_without_a_change_is_refused_with_its_remedy(app, data_root):
    key = todo_of(data_root)[0]["recommendation_id"]
    app.button(key=f"adjust-{key}").click().run()
    app.text_input(key=f"adjust-reason-{key}").set_value("No change")
    app.button(key=f"adjust-send-{key}").click().run()
    assert "must differ" in app.error[0].value
    assert recorded(data_root).is_empty()


def test_adjust_to_a_sunday_is_refused(tmp_path, open_page):
    friday = AS_OF + timedelta(days=4)
    publish_book(tmp_path, build_book(20, as_of=friday), as_of=friday)
    app = sign_in(open_page("worklist", tmp_path))
    key = todo_of(tmp_path)[0]["recommendation_id"]
    app.button(key=f"adjust-{key}").click().run()
    app.date_input(key=f"adjust-day-{key}").set_value(friday + timedelta(days=2))
    app.text_input(key=f"adjust-reason-{key}").set_value("Sunday suits them")
    app.button(key=f"adjust-send-{key}").click().run()
    assert "Sunday" in app.error[0].value
    assert recorded(tmp_path).is_empty()


def test_only_open_channels_and_true_steps_are_offered(tmp_path, open_page):
    tables = build_book(20)
    steps = tables["out_recommendations"].with_columns(
        pl.lit(["email", "letter"]).alias("open_channels"),
        pl.lit(0).cast(pl.Decimal(18, 3)).alias("overdue_amount"),
    )
    publish_book(tmp_path, tables | {"out_recommendations": steps})
    app = sign_in(open_page("worklist", tmp_path))
    row = todo_of(tmp_path)[0]
    key = row["recommendation_id"]
    app.button(key=f"adjust-{key}").click().run()
    for step, channels in (
        ("thank_you", ["E-mail", "Letter"]),
        ("self_service_link", ["E-mail"]),
        ("wait", []),
    ):
        app.selectbox(key=f"adjust-action-{key}").set_value(step).run()
        assert app.selectbox(key=f"adjust-channel-{key}").options == channels
    offered = set(adjustment.list_open_actions(row, NOW))
    assert not (offered - {row["action"]}) & {
        "reminder",
        "call",
        "payment_plan_offer",
        "formal_notice",
        "legal_review",
    }
    assert {"wait", "pre_due_notice"} <= offered


def test_undo_adds_a_decision_and_puts_the_step_back(app, data_root):
    first = todo_of(data_root)[0]
    key = first["recommendation_id"]
    app.button(key=f"accept-{key}").click().run()
    app.segmented_control(key="worklist-view").set_value("decided").run()
    app.session_state[decision_form.OPENED] = key
    app.run()
    app.button(key=f"undo-{key}").click().run()
    history = recorded(data_root).sort("sequence")
    assert history.select("decision", "action", "reason").rows()[1] == ("withdraw", None, None)
    assert history["decision"].to_list() == ["accept", "withdraw"]
    assert any("Taken back" in toast.value for toast in app.toast)
    assert app.segmented_control(key="worklist-view").options[0] == f"To do ({len(todo_of(data_root))})"
    app.segmented_control(key="worklist-view").set_value("todo").run()
    assert "Taken back by Test Reader" in app.info[0].value
    assert not any(button.key == f"undo-{key}" for button in app.button)
    assert not app.button(key=f"accept-{key}").disabled
    app.button(key=f"accept-{key}").click().run()
    assert recorded(data_root).height == 3
    with DecisionStore.for_data_root(data_root) as store:
        assert store.latest_decisions()["decision"].to_list() == ["accept"]


def test_skip_shows_the_next_one_and_records_nothing(app, data_root):
    first, second = todo_of(data_root)[:2]
    app.button(key=f"skip-{first['recommendation_id']}").click().run()
    assert app.button(key=f"accept-{second['recommendation_id']}")
    assert recorded(data_root).is_empty()


def test_the_same_click_sent_twice_is_one_decision(app, data_root, monkeypatch):
    """A second message with the old button arrives before the page has been drawn again."""
    calls = []
    record = published.record_decision

    def twice(*args, **kwargs):
        calls.append(record(*args, **kwargs))
        calls.append(record(*args, **kwargs))
        return calls[0]

    monkeypatch.setattr(published, "record_decision", twice)
    app.button(key=f"accept-{todo_of(data_root)[0]['recommendation_id']}").click().run()
    assert len(calls) == 2
    assert calls[0] == calls[1]
    assert recorded(data_root).height == 1


def decide_elsewhere(root, row, decision, **changes):
    """Decide as a colleague at another screen, who has seen all that was decided."""
    with DecisionStore.for_data_root(root) as store:
        last = next(iter(store.history(row["customer_id"])["decision_id"]), None)
        given = {"decided_by": "Ann", "decided_at": NOW, "after": last, "reason": "pays on Friday"}
        store.record_decision(open_current(root), row, decision, **(given | changes))


def test_who_clicks_on_a_page_drawn_before_a_colleagues_decision_is_told_of_it(app, data_root):
    first = todo_of(data_root)[0]
    decide_elsewhere(data_root, first, "ignore")
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    assert "Ann ignored the step for this customer meanwhile: pays on Friday" in app.error[0].value
    assert recorded(data_root)["decision"].to_list() == ["ignore"]
    assert "Decided (1, 1 today)" in app.segmented_control(key="worklist-view").options, "drawn anew"


def test_a_list_that_was_replaced_is_no_longer_decided_on(app, data_root):
    first, second = todo_of(data_root)[:2]
    publish_book(data_root, build_book(40), published_at=NOW + timedelta(hours=1), fingerprint="corrected")
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    assert "This list has been replaced" in app.error[0].value
    assert recorded(data_root).is_empty()
    app.button(key=f"show-{open_current(data_root).id}").click().run()
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    assert recorded(data_root)["snapshot_id"].to_list() == [open_current(data_root).id]
    decide_elsewhere(data_root, second, "accept")
    decide_elsewhere(data_root, second, "withdraw")
    app.button(key=f"accept-{second['recommendation_id']}").click().run()
    assert "took a decision on this customer back" in app.error[0].value
    app.button(key=f"accept-{second['recommendation_id']}").click().run()
    assert recorded(data_root).height == 4


def test_second_half_of_a_double_click_never_decides_on_the_next_customer(app, data_root, monkeypatch):
    monkeypatch.setattr(decision_form, "HASTE_SECONDS", 0.6)
    first, second = todo_of(data_root)[:2]
    app.button(key=f"accept-{first['recommendation_id']}").click().run()
    app.button(key=f"accept-{second['recommendation_id']}").click().run()
    assert recorded(data_root).height == 1
    monkeypatch.setattr(published, "now", lambda: NOW + timedelta(seconds=1))
    app.button(key=f"accept-{second['recommendation_id']}").click().run()
    assert recorded(data_root).height == 2


def test_filters_narrow_the_list_and_can_be_cleared(app, data_root):
    rows_todo = todo_of(data_root)
    target = rows_todo[-1]
    app.text_input(key="filter-search").set_value(target["customer_id"].lower()).run()
    assert app.button(key=f"accept-{target['recommendation_id']}")
    assert "Filters are on" in read_everything(app)
    app.button(key="filter-clear").click().run()
    assert app.segmented_control(key="worklist-view").options[0] == f"To do ({len(rows_todo)})"
    app.multiselect(key="filter-actions").set_value(["formal_notice"]).run()
    expected = sum(row["action"] == "formal_notice" for row in rows_todo)
    assert app.segmented_control(key="worklist-view").options[0] == f"To do ({expected})"
    assert any(button.label == "Approve and accept" for button in app.button)


def test_waiting_customers_show_why_and_until_when(app, data_root):
    app.segmented_control(key="worklist-view").set_value("waiting").run()
    table = app.dataframe[0].value
    waiting = worklist_of(data_root).filter(pl.col("action") == "wait")
    assert len(table) == waiting.height
    assert table["waiting_for"].notna().all()
    assert "Contacted recently" in set(table["waiting_for"])
    assert table["until"].notna().sum() == waiting["earliest_lawful_at"].is_not_null().sum()


def test_text_from_the_ledger_is_never_read_as_markup(tmp_path, open_page):
    tables = build_book(4)
    tables["out_customers"] = tables["out_customers"].with_columns(
        pl.lit("<b>Eve</b> [x](http://evil.example) $a$").alias("name")
    )
    publish_book(tmp_path, tables)
    app = open_page("worklist", tmp_path)
    assert "\\<b\\>Eve" in app.subheader[0].value
    assert "\\[x\\]" in app.subheader[0].value
