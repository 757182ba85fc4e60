"""What is settled before anybody pays: the calendar, the customers and what they are asked to pay."""

from dataclasses import dataclass

from segmentation.simulator.customers import Population
from segmentation.simulator.days import BusinessDays, day_number
from segmentation.simulator.invoices import Documents, Parts, draw_documents
from segmentation.simulator.population import draw_population
from segmentation.simulator.randomness import Draws
from segmentation.simulator.settings import WorldSettings


@dataclass(frozen=True, slots=True)
class Scene:
    """Settings, calendar, customers, invoices and instalments of a world."""

    settings: WorldSettings
    calendar: BusinessDays
    population: Population
    documents: Documents
    parts: Parts

    @property
    def first(self) -> int:
        """Number of the first day on which invoices are issued."""
        return day_number(self.settings.start_day)

    @property
    def last(self) -> int:
        """Number of the last day of which facts are in the ledger."""
        return day_number(self.settings.end_day)

    def draws(self, topic: str) -> Draws:
        """Return the random numbers of a topic."""
        return Draws(self.settings.seed, topic)


def set_scene(settings: WorldSettings) -> Scene:
    """Return the scene of a world."""
    calendar = BusinessDays(settings.start_day, settings.end_day)
    population = draw_population(settings, calendar)
    documents, parts = draw_documents(settings, population, calendar)
    return Scene(settings, calendar, population, documents, parts)
