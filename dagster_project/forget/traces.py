"""What else lies in the state folder: unfinished builds, pages, and the simulator's journal."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from dagster_project.forget.hashes import Forgotten
from dagster_project.settings import Settings

ACCOUNT = re.compile(rb"U[0-9a-f]{32}")
NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z-]+(?![0-9A-Za-z])")


def remove_traces(settings: Settings, forgotten: Forgotten) -> None:
    """Remove what can be made again, and overwrite what cannot.

    A build that is under way ends with an error, and the next night begins anew.
    """
    data = settings.data_dir.resolve()
    shutil.rmtree(settings.work_path(forgotten.clinic_id).parent, ignore_errors=True)
    for command in ("replay", "backtest"):  # of one that was killed
        for left in data.glob(f"{command}-*"):
            shutil.rmtree(left, ignore_errors=True)
    for page in data.glob("pages/*.html"):
        if _is_named(page.read_text(encoding="utf-8"), forgotten):
            page.unlink()
    overwrite_accounts(data.glob("simulator/*.jsonl"), forgotten)


def overwrite_accounts(journals: Iterable[Path], forgotten: Forgotten) -> None:
    """Put the hash in the place of each forgotten account, byte for byte, where it stands.

    A simulator that is running may add to its journal meanwhile.
    """
    for path in journals:
        with path.open("r+b") as file:
            for found in list(ACCOUNT.finditer(file.read())):
                user = found.group().decode()
                if forgotten.is_account(user):
                    file.seek(found.start())
                    file.write(forgotten.of_account(user).encode())


def _is_named(text: str, forgotten: Forgotten) -> bool:
    accounts = {each.decode() for each in ACCOUNT.findall(text.encode())}
    numbers = set(NUMBER.findall(text))
    return any(map(forgotten.is_account, accounts)) or any(map(forgotten.is_patient, numbers))
