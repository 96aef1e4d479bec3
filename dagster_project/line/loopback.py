"""Which hosts are this machine: the only ones spoken to unless the environment says live."""

from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def require_loopback(url: str) -> None:
    """Raise ValueError for any host but this machine's own."""
    if urlsplit(url).hostname not in LOOPBACK:
        raise ValueError(f"{url} is not this machine: live sending is not declared")
