"""A book of ordinary size is advised while the reader waits."""

from datetime import date
from time import process_time

from segmentation.domain.settings import TreatmentSettings
from segmentation.treatment.gates import close_gates
from segmentation.treatment.recommendation import recommend_steps
from tests.treatment.random_book import RandomBook


def test_six_hundred_customers_and_twenty_thousand_invoices_take_seconds():
    book = RandomBook(21, 600, date(2026, 3, 2), per_customer=34)
    ledger = book.draw()
    decisions, risks, segments = book.decisions(), book.risks(ledger), book.segments()
    settings = TreatmentSettings()
    close_gates(ledger, decisions, book.as_of, settings)  # imports and calendars are loaded once
    start = process_time()
    gate = close_gates(ledger, decisions, book.as_of, settings)
    recommend_steps(ledger, risks, segments, gate, book.as_of, settings)
    assert process_time() - start < 4
