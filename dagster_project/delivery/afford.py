"""How many people may still be written to this month, and which batches fit."""

from collections.abc import Sequence
from itertools import groupby

from dagster_project.ledger.batches import Batch
from dagster_project.line.replies import Quota


def people(rows: Sequence[Batch]) -> int:
    """Return how many people batches are addressed to."""
    return sum(row.recipients for row in rows)


def room(quota: Quota, own_limit: int | None, under_way: int) -> int | None:
    """Return how many more people fit this month, None without any limit.

    What is under way may still count. The clinic's own limit counts as well: an account
    without a cap at LINE could run up any bill.
    """
    limits = [limit for limit in (quota.limit, own_limit) if limit is not None]
    return min(limits) - quota.used - under_way if limits else None


def fitting(frozen: Sequence[Batch], left: int | None) -> tuple[list[Batch], list[Batch]]:
    """Return the batches of the occurrences that fit whole, by priority, and all the others.

    Nothing is started that could not be finished.
    """
    if left is None:
        return list(frozen), []
    fits: list[Batch] = []
    waits: list[Batch] = []
    for _, group in groupby(frozen, key=lambda row: row.occurrence_id):
        rows = list(group)
        if people(rows) > left:
            waits += rows
            continue
        left -= people(rows)
        fits += rows
    return fits, waits
