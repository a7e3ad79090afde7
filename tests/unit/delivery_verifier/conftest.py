"""What tests of past days share."""

from tests.unit.delivery_verifier.test_hostile_proofs import bench

__all__ = ["bench"]
