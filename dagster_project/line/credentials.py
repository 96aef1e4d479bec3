"""Channel tokens and secrets: by clinic, from the environment, or an error. No default."""

from collections.abc import Mapping

from dagster_project.clinic import Clinic

PREFIX = "TAGLINE_LINE_TOKEN_"
SECRET_PREFIX = "TAGLINE_LINE_SECRET_"  # noqa: S105 - the name of a variable


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


def channel_secret(clinic: Clinic, environ: Mapping[str, str]) -> str:
    """Return the secret that signs a clinic's webhooks. Raises CredentialError without one."""
    name = f"{SECRET_PREFIX}{clinic.clinic_id.upper()}"
    secret = environ.get(name, "").strip()
    if not secret:
        raise CredentialError(f"{clinic.clinic_id}: set {name} to its channel secret")
    return secret


def simulator_secret(clinic_id: str) -> str:
    """Return the secret by which the simulator signs a clinic's webhooks."""
    return f"simulator-secret:{clinic_id}"
