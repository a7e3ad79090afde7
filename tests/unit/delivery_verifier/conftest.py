"""What tests of past days share."""

from tests.unit.delivery_verifier.test_hostile_proofs import bench
from tests.unit.measurement.test_past_days import scene

__all__ = ["bench", "scene"]
