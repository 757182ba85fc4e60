"""The reviewed file of cause signals, read and checked.

Belongs here: reading ``cause_signals.yaml``. Does not belong here: counting signals (signals),
or weighing them (causes).
"""

from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from segmentation.domain.vocabulary import Cause

_ROUNDING = 1e-6
CAUSES = tuple(cause for cause in Cause if cause is not Cause.UNCLEAR)


class CauseSignal(BaseModel):
    """One signal: when it is seen, what that says about each cause, and why.

    Parameters
    ----------
    reason : why the signal says something about the cause.
    evidence : sentence shown when the signal was seen.
    contrary : sentence shown when it could have been seen and mostly was not; None to stay silent.
    counts_for : opportunities of one customer that count at most.
    is_background : shifts the balance between causes, but supports none on its own.
    seen, not_seen : likelihood ratio per opportunity by cause; 1 for a cause that is not named.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    reason: str = Field(min_length=20)
    evidence: str
    contrary: str | None = None
    counts_for: float = Field(gt=0)
    is_background: bool = False
    seen: dict[Cause, float]
    not_seen: dict[Cause, float] = {}

    @model_validator(mode="after")
    def _check_coherence(self) -> "CauseSignal":
        for cause in CAUSES:
            seen, missed = self.seen.get(cause, 1.0), self.not_seen.get(cause, 1.0)
            if min(seen, missed) <= 0 or (seen - 1.0) * (missed - 1.0) > 0:
                raise ValueError(
                    f"{cause}: ratios {seen} when seen and {missed} when not contradict each other"
                )
        return self

    @property
    def windows(self) -> dict[str, int]:
        """Windows, levels and bounds of the signal, by name."""
        return {name: int(value) for name, value in (self.model_extra or {}).items()}

    def number(self, name: str) -> int:
        """Return one window, level or bound of the signal."""
        return self.windows[name]


class Learning(BaseModel):
    """How much weight the file has against what credit managers found out (``learning``).

    Parameters
    ----------
    prior_counts_for : findings that the prior counts for.
    ratios_count_for : opportunities, with each cause, that a signal's likelihood ratios count for.
    finding_prob : probability of a cause that a credit manager named, for that customer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prior_counts_for: float = Field(gt=0)
    ratios_count_for: float = Field(gt=0)
    finding_prob: float = Field(gt=0.5, lt=1)


class CauseModel(BaseModel):
    """All signals, with the probability of each cause before anything is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    learning: Learning
    prior: dict[Cause, float]
    signals: dict[str, CauseSignal]

    @model_validator(mode="after")
    def _check_prior(self) -> "CauseModel":
        if set(self.prior) != set(CAUSES) or abs(sum(self.prior.values()) - 1.0) > _ROUNDING:
            raise ValueError("the prior must name every cause but unclear, and add up to 1")
        return self

    def signal(self, name: str) -> CauseSignal:
        """Return the signal of that name."""
        return self.signals[name]


@cache
def load_cause_model() -> CauseModel:
    """Return the cause model that ships with the library."""
    import yaml

    source = files("segmentation.segments").joinpath("cause_signals.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(source)
    return CauseModel.model_validate(content)
