"""A submission for a whole fleet, off chain: from Parquet of signed records to root, leaves and paths.

    built = build(FleetFiles(event=..., devices=..., records=(...,), history=(...,)), folder)

in `flexbond.fleet.building`; `flexbond.fleet.built` opens what was built, `showing` adds the records, `exporting` makes the files
of a record book. `docs/fleets.md` says what the files hold. A submission says what `flexbond.model.delivery.measure_event` says
of one device after the other, to the last byte. Needs the extra `flexbond[fleet]`.
"""

from __future__ import annotations

from importlib.util import find_spec

from flexbond.errors import FlexbondError

if find_spec("numba") is None or find_spec("pyarrow") is None:
    raise FlexbondError(
        "A submission for a whole fleet needs numba and pyarrow, which are not installed.",
        next_step="Install them with pip install 'flexbond[fleet]'.",
    )
