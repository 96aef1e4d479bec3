"""How this side speaks HTTP without the SDK: no redirect is followed, no proxy to this machine."""

from typing import Any
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener


class _NoRedirect(HTTPRedirectHandler):
    """A secret goes to the host it is for, and an answer sends it nowhere else."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing: the answer counts as a failure."""


def opener(*, live: bool) -> Any:  # noqa: ANN401 - urllib's own type says no more
    """Return what opens a URL; a proxy of the environment is for the world outside only."""
    return build_opener(*((_NoRedirect(),) if live else (_NoRedirect(), ProxyHandler({}))))
