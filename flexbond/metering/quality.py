"""Quality codes of a file to estimated flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flexbond.metering.errors import BadFlagError
from flexbond.metering.findings import Code
from flexbond.metering.values import shown

if TYPE_CHECKING:
    from flexbond.metering.batch import Reader
    from flexbond.metering.profiles import Profile


def judge_quality(reader: Reader, file: str, frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Rows with `flag` by the profile's quality codes; withheld readings and unknown codes are listed."""
    quality = profile.quality
    if quality is None or "quality" not in frame.columns:
        return frame
    withheld = _is_one_of(quality.withheld)
    reader.note(
        frame.filter(withheld),
        Code.WITHHELD,
        file,
        lambda row: (
            f"its quality {shown(row['quality'])} says that there is no reading.",
            "Ask the meter's operator for it.",
        ),
    )
    frame = frame.filter(~withheld)
    known = _is_one_of(quality.measured) | _is_one_of(quality.estimated)
    reader.refuse(
        frame.filter(~known),
        file,
        BadFlagError,
        lambda row: f"{shown(row['quality'])} is not a quality code of the profile {profile.name}.",
    )
    estimated = pl.when(_is_one_of(quality.estimated)).then(pl.lit("true")).otherwise(pl.lit("false"))
    return frame.filter(known).with_columns(flag=estimated)


def _is_one_of(codes: tuple[str, ...]) -> pl.Expr:
    """Whether the quality begins with one of the codes; the empty code means an empty field."""
    text = pl.col("quality").fill_null("")
    begins = [text == "" if code == "" else text.str.starts_with(code) for code in codes]
    return pl.any_horizontal(begins) if begins else pl.lit(False)
