"""Channel access tokens: by clinic, from the environment, or an error. There is no default."""

from collections.abc import Mapping

from dagster_project.clinic import Clinic


class CredentialError(Exception):
    """A clinic without a token of its own; the text names the clinic and the variable."""


def access_token(clinic: Clinic, environ: Mapping[str, str]) -> str:
    """Return the live channel access token of one clinic."""
    name = f"TAGLINE_LINE_TOKEN_{clinic.clinic_id.upper()}"
    token = environ.get(name, "").strip()
    if not token:
        raise CredentialError(f"{clinic.clinic_id}: set {name} to its channel access token")
    return token


def simulator_token(clinic: Clinic) -> str:
    """Return the token by which the simulator knows a clinic's channel."""
    return f"simulator:{clinic.clinic_id}"
