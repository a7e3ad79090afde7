"""What tests of past days share."""

from tests.unit.measurement.test_past_days import scene

__all__ = ["scene"]
