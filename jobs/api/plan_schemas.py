"""What the API takes and tells of a cut that is only planned."""

from typing import Any

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field, model_validator


class PlanIn(BaseModel):  # a Schema would hide the raw body from `wrapped`
    """The parameters may also be the body itself, without `params` around them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"params": {"threshold_db": -28}}})

    params: dict[str, Any] = Field({}, description="Parameters of `silence-cut`; what is left out has its default.")

    @model_validator(mode="before")
    @classmethod
    def wrapped(cls, data: Any) -> Any:
        return data if not isinstance(data, dict) or "params" in data else {"params": data}


class PlanOut(Schema):
    """What a cut would keep."""

    keep: list[tuple[float, float]] = Field(description="Start and end of each range kept as it is, in seconds.")
    source_duration: float
    output_duration: float
    saved: float = Field(description="`source_duration` less `output_duration`.")
    threshold_db: float | None = Field(description="The level in dBFS that it was made with, also when it is “auto”.")
    detector: str | None = Field(description="What silence was found by; null for ranges that were given.")
    muted: list[tuple[float, float]] = Field(description="Where the sound would be taken away; all is kept then.")
    fast: list[tuple[float, float]] = Field(description="What would run faster, with its pitch kept.")
    speed: float | None = Field(description="How many times as fast; null when nothing would.")
