"""How operations say what they do: plain sentences to whoever wants to hear them."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Takes one plain sentence at a time. `print` is one; what it returns is ignored."""

    def __call__(self, sentence: str, /) -> object:
        """Hear a sentence."""


def silent(sentence: str, /) -> None:
    """Says nothing."""
