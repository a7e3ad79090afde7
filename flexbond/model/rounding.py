"""Division that says which way it rounds: down is toward minus infinity, up toward plus infinity."""

from __future__ import annotations


def div_down(a: int, b: int) -> int:
    """`a / b` rounded down; `b` is positive."""
    return a // b


def div_up(a: int, b: int) -> int:
    """`a / b` rounded up; `b` is positive."""
    return -(-a // b)
