"""The libraries behind harnesses."""

from __future__ import annotations

import pytest

from tests.support.evm import ANYONE, Contract, Evm


@pytest.fixture(scope="module")
def settlement_math() -> Contract:
    """SettlementMath."""
    return Evm().deploy("SettlementMathHarness", sender=ANYONE)


@pytest.fixture(scope="module")
def delivery_tree() -> Contract:
    """DeliveryTree."""
    return Evm().deploy("DeliveryTreeHarness", sender=ANYONE)


@pytest.fixture(scope="module")
def baseline_math() -> Contract:
    """BaselineMath."""
    return Evm().deploy("BaselineMathHarness", sender=ANYONE)


@pytest.fixture(scope="module")
def calendars() -> Contract:
    """Calendars."""
    return Evm().deploy("CalendarsHarness", sender=ANYONE)


@pytest.fixture(scope="module")
def periods() -> Contract:
    """Periods and Rounding."""
    return Evm().deploy("PeriodsHarness", sender=ANYONE)
