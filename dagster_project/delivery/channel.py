"""What sending needs of a LINE channel."""

from typing import Protocol

from dagster_project.line.replies import Quota, Reply


class Channel(Protocol):
    """One clinic's channel; every answer, even none, comes back as a Reply."""

    def send(self, body: bytes, retry_key: str) -> Reply:
        """Send frozen bytes under a retry key. Raises before anything leaves, or never."""

    def quota(self) -> Quota:
        """Return this month's quota. Raises ConnectionError when it cannot be read."""

    def aggregation_units(self) -> set[str]:
        """Return the unit names LINE has seen this month."""
