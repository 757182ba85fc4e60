"""The same customer has the same number wherever it turns up."""

import datetime as dt

import polars as pl

from segmentation.features.encoding import Calendar, number_customers


def test_customers_keep_their_number_across_frames_of_any_order():
    names = [f"C{i}" for i in range(5_000)]
    frames = [pl.DataFrame({"customer_id": part}) for part in (names, names[::-1], [], names[1::3])]
    codes, count = number_customers(*frames)
    assert count == len(names)
    seen: dict[str, int] = {}
    for frame, numbers in zip(frames, codes, strict=True):
        assert len(numbers) == frame.height
        for name, number in zip(frame["customer_id"], numbers, strict=True):
            assert seen.setdefault(name, number) == number
    assert len(set(seen.values())) == count


def test_no_customers_at_all():
    codes, count = number_customers(pl.DataFrame({"customer_id": []}, schema={"customer_id": pl.String}))
    assert count == 0
    assert len(codes[0]) == 0


def test_the_calendar_knows_weekdays_and_months():
    base = (dt.date(2024, 2, 1) - dt.date(1970, 1, 1)).days
    calendar = Calendar.since(base)
    for offset in range(800):
        day = dt.date(2024, 2, 1) + dt.timedelta(days=offset)
        last = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
        found = (calendar.weekday[offset], calendar.month_day[offset], calendar.month_length[offset])
        assert found == (day.weekday(), day.day, last.day)
