"""Suites as data: what each check is called, says and blocks, without importing GX."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SUITES = Path(__file__).with_name("suites")
BLOCKING = "blocking"
WARNING = "warning"


@dataclass(frozen=True)
class CheckSpec:
    """One expectation of a suite."""

    name: str
    description: str
    severity: str  # blocking | warning
    type: str
    kwargs: dict[str, Any]
    shows: tuple[str, ...]  # profile columns a person needs to see beside the verdict
    may_be_approved: bool = False  # a person may answer for what failed it, for one day

    @property
    def is_blocking(self) -> bool:
        """Return whether a failure may stop something."""
        return self.severity == BLOCKING


@cache
def read_suite(name: str) -> tuple[CheckSpec, ...]:
    """Return the checks of a suite, in its order."""
    suite = json.loads((SUITES / f"{name}.json").read_text(encoding="utf-8"))
    return tuple(
        CheckSpec(
            name=each["meta"]["check"],
            description=each["description"],
            severity=BLOCKING if each["severity"] == "critical" else WARNING,
            type=each["type"],
            kwargs=each["kwargs"],
            shows=tuple(each["meta"]["shows"]),
            may_be_approved=each["meta"].get("may_be_approved", False),
        )
        for each in suite["expectations"]
    )
