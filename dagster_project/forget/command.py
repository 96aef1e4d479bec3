"""What `tagline forget` does: one person of one clinic, everywhere, and the certificate of it."""

from pathlib import Path

from rich.console import Console

from dagster_project.clinic import Clinic, ClinicError, clinic_in
from dagster_project.clinics import fail, the_clinic
from dagster_project.exit_codes import OK
from dagster_project.forget.certificate import certificate
from dagster_project.forget.forget import UnknownPersonError, forget
from dagster_project.forget.hashes import LostKeyError
from dagster_project.ingest.cells import clean
from dagster_project.ingest.reachability import patient_id
from dagster_project.ledger.erase import UnderWayError
from dagster_project.ledger.store import open_ledger
from dagster_project.runner import BusyError, only_one
from dagster_project.settings import Settings

UNDER_WAY = (
    "この方へのお知らせを送信中です。何も消していません: `tagline send` の後にもう一度"
    " (最長20時間) / a message is under way: nothing was removed, try again after `tagline send`"
)
IN_USE = (
    "消去しましたが、台帳がほかで開かれているため、まだ上書きできていません: 閉じてからもう一度"
    " / another session holds the ledger open: close it and run this again"
)


def run_forget(
    settings: Settings,
    clinic: str | None,
    patient: str,
    by: str,
    reason: str | None,
    out: Path | None,
    console: Console,
) -> int:
    """Forget a patient, write the certificate, and return an exit code; neither names them."""
    try:
        chosen = clinic_in(settings.exports_dir, the_clinic(settings.exports_dir, clinic))
        with only_one(settings, chosen.clinic_id):
            return _forget(settings, chosen, patient, by, reason, out, console)
    except UnderWayError:
        return fail(console, UNDER_WAY)
    except UnknownPersonError:
        return fail(console, "その番号の記録はありません / nothing is known of that number")
    except (ClinicError, BusyError, LostKeyError) as error:
        return fail(console, str(error))


def _forget(
    settings: Settings,
    clinic: Clinic,
    patient: str,
    by: str,
    reason: str | None,
    out: Path | None,
    console: Console,
) -> int:
    if not by.strip():
        return fail(console, "担当者を書いてください: --by NAME / who does it?")
    engine = open_ledger(settings.ledger())
    number = patient_id(clean(patient))
    request = forget(settings, engine, clinic, number, by.strip(), reason)
    if request.finished_at is None:
        return fail(console, IN_USE)
    name = f"{clinic.clinic_id}-{request.id}.html"
    path = out or settings.data_dir / "certificates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(certificate(clinic, request), encoding="utf-8")
    console.print(
        f"{clinic.name}: 消去しました ({sum(request.removed.values())} 件)。証明書: {path}",
        highlight=False,
        soft_wrap=True,
    )
    return OK
