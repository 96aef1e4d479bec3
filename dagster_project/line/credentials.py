"""Channel access tokens: by clinic, from the environment, or an error. There is no default."""

from collections.abc import Mapping

from dagster_project.clinic import Clinic

PREFIX = "TAGLINE_LINE_TOKEN_"


class CredentialError(Exception):
    """A clinic without a token of its own; the text names clinic and variables, never a token."""


def access_token(clinic: Clinic, environ: Mapping[str, str]) -> str:
    """Return the live channel access token of one clinic.

    Raises CredentialError when there is none, or when another clinic has the same one:
    a clinic's messages must not leave through another's account.
    """
    name = f"{PREFIX}{clinic.clinic_id.upper()}"
    token = environ.get(name, "").strip()
    if not token:
        raise CredentialError(f"{clinic.clinic_id}: set {name} to its channel access token")
    others = sorted(
        other
        for other, value in environ.items()
        if other.startswith(PREFIX) and other != name and value.strip() == token
    )
    if others:
        raise CredentialError(
            f"{clinic.clinic_id}: {name} and {' and '.join(others)} hold the same token:"
            " set each to the token of its own clinic's channel"
        )
    return token


def simulator_token(clinic: Clinic) -> str:
    """Return the token by which the simulator knows a clinic's channel."""
    return f"simulator:{clinic.clinic_id}"
