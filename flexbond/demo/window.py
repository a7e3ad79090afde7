"""What all service windows of the demonstration have, whoever measures them and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flexbond.demo.plan import Sale
    from flexbond.demo.terms import Tariff
    from flexbond.model.types import Direction, DispatchKind


class Window(Protocol):
    """A service window of a story."""

    @property
    def slug(self) -> str:
        """Short name, unique in the report."""

    @property
    def title(self) -> str:
        """What it is about."""

    @property
    def start(self) -> int:
        """UTC seconds."""

    @property
    def end(self) -> int:
        """UTC seconds, exclusive."""

    @property
    def direction(self) -> Direction:
        """What was bought."""

    @property
    def rules(self) -> str:
        """Name of the rule."""

    @property
    def tariff(self) -> Tariff:
        """At what prices."""

    @property
    def sales(self) -> tuple[Sale, ...]:
        """By whom."""

    @property
    def units(self) -> int:
        """How much, all buyers together."""

    @property
    def kind(self) -> DispatchKind | None:
        """How it is called; None: never."""

    @property
    def course(self) -> str:
        """What happens, in a sentence or two."""

    @property
    def why(self) -> str:
        """Why this one."""
