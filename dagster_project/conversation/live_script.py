"""A clinic's script while the webhook runs: read again when one of its files changes."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from dagster_project.authoring.finding import Finding
from dagster_project.conversation.script import Script, script_of

LOOK_SECONDS = 1.0
Stamps = tuple[tuple[str, int, int], ...]  # each file, when it was written (ns), its size (bytes)
Tell = Callable[[str, Sequence[Finding]], None]  # the version that is wrong, and what is wrong
log = logging.getLogger(__name__)


class LiveScript:
    """Returns the script when called, from any thread.

    A version with anything wrong in it is told of once and the last good one stands; of the
    first one, which has none before it, stands what is not wrong.
    """

    def __init__(self, folder: Path, tell: Tell, phone: str | None = None) -> None:
        self._folder, self._tell, self._phone = folder, tell, phone
        self._lock = Lock()
        self._read: Stamps | None = None  # what the script, or what was told, is of
        self._seen = _stamps(folder)
        self._looked = float("-inf")
        self._script = replace(script_of(folder)[0], phone=phone)

    def __call__(self) -> Script:
        """Return the script as it is now; the files are looked at once a second at most."""
        with self._lock:
            if time.monotonic() >= self._looked + LOOK_SECONDS:
                self._looked = time.monotonic()
                try:
                    self._look()
                except OSError as error:
                    # Taken away while it was read, or not ours to read: the next look sees.
                    log.warning("%s: %s", self._folder.name, type(error).__name__)
            return self._script

    def _look(self) -> None:
        now = _stamps(self._folder)
        # What has changed since the look before may still be half written.
        is_settled, self._seen = now == self._seen, now
        if not is_settled or now == self._read:
            return
        script, wrong = script_of(self._folder)
        if wrong:
            version = hashlib.sha256(repr(now).encode()).hexdigest()[:16]
            self._tell(version, wrong)
        else:
            self._script = replace(script, phone=self._phone)
        self._read = now


def _stamps(folder: Path) -> Stamps:
    paths = [*sorted((folder / "questionnaires").glob("*.yaml")), folder / "replies.yaml"]
    return tuple(
        (path.name, stat.st_mtime_ns, stat.st_size)
        for path in paths
        if path.exists()
        for stat in [path.stat()]
    )
