"""What LINE's refusals say: the status, and in a 400 which property is to blame."""

import json
import re

from dagster_project.line.replies import Kind

# The documented answer to a user id that cannot be written to has no details, only this text.
NAMED_IN_TEXT = re.compile(r"The property, '?([^',]+)'?, in the request body is invalid")
PUSH_FAILED = "Failed to send messages"  # of a push: its one user does not exist


def meaning(status: int, body: str, *, is_push: bool) -> tuple[Kind, str]:
    """Return what a refusal other than 409 and 429 means, and what it blames."""
    if status == 401:
        return Kind.UNAUTHORIZED, "token expired or revoked"
    if status == 403:
        return Kind.FORBIDDEN, "the account may not send"
    if status == 413:
        return Kind.REJECTED, "HTTP 413"
    if status == 400:
        # LINE itself has answered a bare 400 in an outage; only a named property is final.
        named = named_properties(body, is_push=is_push)
        return (Kind.REJECTED, ", ".join(named)) if named else (Kind.UNKNOWN, "bare 400")
    return Kind.UNKNOWN, f"HTTP {status}"


def named_properties(body: str, *, is_push: bool) -> list[str]:
    """Return the properties an error names, in its details or in its text."""
    try:
        error = json.loads(body)
        details = [str(each["property"]) for each in error.get("details", []) if "property" in each]
        message = str(error.get("message", ""))
    except (ValueError, AttributeError, TypeError):
        return []
    if details:
        return details
    if is_push and message == PUSH_FAILED:
        return ["to"]
    return NAMED_IN_TEXT.findall(message)
