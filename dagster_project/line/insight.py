"""What LINE counted of a unit, through its own SDK: explicit timeouts, no hidden retries.

Nothing here can send. Errors name what was asked and the status, never a token or a unit.
"""

from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from dagster_project.line.account import Account
from dagster_project.line.loopback import require_loopback
from dagster_project.line.replies import Counts, NothingThereError, TooManyRequestsError

if TYPE_CHECKING:
    from linebot.v3.insight import Insight

CONNECT_TIMEOUT = 5  # seconds


class Insights:
    """One clinic's channel, as far as it tells what became of messages."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @cached_property
    def _api(self) -> "Insight":
        # The SDK takes half a second to load: only where there is something to ask.
        from linebot.v3.insight import ApiClient, Configuration, Insight  # noqa: PLC0415

        if not self._account.live:
            require_loopback(self._account.base_url)
        configuration = Configuration(host=self._account.base_url, access_token=self._account.token)
        configuration.retries = False
        return Insight(ApiClient(configuration))

    def basic_id(self) -> str:
        """Return the account's basic ID. Raises as `Account.basic_id`."""
        return self._account.basic_id()

    def names_left(self) -> int:
        """Return how many new unit names this month has left. Raises as `Account.units_left`."""
        return self._account.units_left()

    def names(self) -> set[str]:
        """Return this month's unit names. Raises as `Account.unit_names`."""
        return self._account.unit_names()

    def counts(self, unit: str, first: date, last: date) -> Counts:
        """Return what people did with a unit's messages from a day to a day in Japan.

        `last` is at most 30 days after `first`. Raises TooManyRequestsError when this hour's
        requests are used up, PermissionError when LINE refuses the token, NothingThereError when
        it refuses the question, and ConnectionError when it does not say.
        """
        from linebot.v3.insight.exceptions import ApiException  # noqa: PLC0415 - as above

        api = self._api
        try:
            found = api.get_statistics_per_unit(
                unit,
                f"{first:%Y%m%d}",
                f"{last:%Y%m%d}",
                _request_timeout=(CONNECT_TIMEOUT, self._account.timeout),
            )
        except ApiException as error:
            raise _meaning(error.status) from None
        except Exception as error:  # noqa: BLE001 - whatever went wrong on the way, nobody answered
            raise ConnectionError(f"statistics unread: {type(error).__name__}") from None
        return Counts(found.overview.unique_impression, found.overview.unique_click)


def _meaning(status: int | None) -> Exception:
    said = f"statistics unread: HTTP {status}"
    if status == 429:
        return TooManyRequestsError(said)
    if status in {401, 403}:
        return PermissionError(said)
    return NothingThereError(said) if status in {400, 404} else ConnectionError(said)
