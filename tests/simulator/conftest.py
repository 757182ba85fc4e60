"""Worlds shared by the simulator's tests."""

import pytest

from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import World, simulate_world


@pytest.fixture(scope="session")
def world() -> World:
    return simulate_world(WorldSettings(customer_count=400, seed=7))


@pytest.fixture(scope="session")
def uncontacted_world() -> World:
    return simulate_world(WorldSettings(customer_count=400, seed=7, with_contacts=False))
