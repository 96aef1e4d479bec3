"""Channel tokens and secrets: by clinic, from the environment or a file it names, or an error.

There is no default. A channel id and its secret are enough: a token of fifteen minutes is issued
for each run. A long-lived token is used where there is no channel id, or LINE issues none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dagster_project.clinic import Clinic

PREFIX = "TAGLINE_LINE_TOKEN_"
SECRET_PREFIX = "TAGLINE_LINE_SECRET_"  # noqa: S105 - the name of a variable
CHANNEL_PREFIX = "TAGLINE_LINE_CHANNEL_ID_"
FILE = "_FILE"  # the same name with this after it names a file that holds the value


class CredentialError(Exception):
    """A clinic without credentials of its own; the text names clinic and variables, no value."""


@dataclass(frozen=True)
class Credentials:
    """What one clinic's channel is opened with: a channel id and secret, a token, or both."""

    channel_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def credentials_of(clinic: Clinic, environ: Mapping[str, str]) -> Credentials:
    """Return the live credentials of one clinic.

    Raises CredentialError when there are none, or when another clinic has the same ones:
    a clinic's messages must not leave through another's account.
    """
    channel_id = _own(clinic, environ, CHANNEL_PREFIX)
    if channel_id is None:
        return Credentials(token=access_token(clinic, environ))
    secret = channel_secret(clinic, environ)
    return Credentials(channel_id, secret, _own(clinic, environ, PREFIX))


def access_token(clinic: Clinic, environ: Mapping[str, str]) -> str:
    """Return the long-lived channel access token of one clinic. Raises CredentialError."""
    token = _own(clinic, environ, PREFIX)
    if token is None:
        name, channel = (f"{each}{clinic.clinic_id.upper()}" for each in (PREFIX, CHANNEL_PREFIX))
        raise CredentialError(
            f"{clinic.clinic_id}: set {name} to its channel access token, or {channel} and its"
            " secret"
        )
    return token


def channel_secret(clinic: Clinic, environ: Mapping[str, str]) -> str:
    """Return the secret that signs a clinic's webhooks. Raises CredentialError without one."""
    name = f"{SECRET_PREFIX}{clinic.clinic_id.upper()}"
    secret = _value(name, environ)
    if not secret:
        raise CredentialError(f"{clinic.clinic_id}: set {name} to its channel secret")
    return secret


def simulator_credentials(clinic: Clinic) -> Credentials:
    """Return what opens a clinic's channel at the simulator, the same way as a live one."""
    secret = simulator_secret(clinic.clinic_id)
    return Credentials(clinic.clinic_id, secret, simulator_token(clinic))


def simulator_token(clinic: Clinic) -> str:
    """Return the token by which the simulator knows a clinic's channel."""
    return f"simulator:{clinic.clinic_id}"


def simulator_secret(clinic_id: str) -> str:
    """Return the secret by which the simulator signs a clinic's webhooks."""
    return f"simulator-secret:{clinic_id}"


def _own(clinic: Clinic, environ: Mapping[str, str], prefix: str) -> str | None:
    """Return a clinic's own value; raises CredentialError where another clinic has the same."""
    name = f"{prefix}{clinic.clinic_id.upper()}"
    value = _value(name, environ)
    if not value:
        return None
    named = {each.removesuffix(FILE) for each in environ if each.startswith(prefix)}
    others = sorted(other for other in named - {name} if _value(other, environ) == value)
    if others:
        what = "token" if prefix == PREFIX else "channel"
        raise CredentialError(
            f"{clinic.clinic_id}: {name} and {' and '.join(others)} hold the same {what}:"
            " set each to that of its own clinic's channel"
        )
    return value


def _value(name: str, environ: Mapping[str, str]) -> str:
    """Return a variable's value, or what the file named in its stead holds; empty without one."""
    if value := environ.get(name, "").strip():
        return value
    path = environ.get(f"{name}{FILE}", "").strip()
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialError(f"{name}{FILE}: cannot be read: {type(error).__name__}") from None
