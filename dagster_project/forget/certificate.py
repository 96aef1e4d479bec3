"""The certificate for the person: what was removed, by counts, when and by whom; never whose."""

from pathlib import Path

from dagster_project.clinic import Clinic
from dagster_project.ledger.forgotten import Forgetting
from dagster_project.ledger.store import moment_of
from dagster_project.pages import render_page

OTHER = "その他の記録"
LABELS = {
    "account": "LINEアカウントとの連携",
    "line_event": "トークの記録 (連携、同意、停止、メッセージ)",
    "link_code_patient": "連携コードの宛先",
    "override": "手入力のタグ",
    "intent": "お知らせの宛先 (符号に置き換え)",
    "landing": "電子カルテなどから取り込んだ行",
    "tags": "タグ",
    "warehouse": "集計用データと履歴の行",
}


def certificate(clinic: Clinic, request: Forgetting) -> str:
    """Return the printable page of a finished request; it needs no network."""
    counts = {label: request.removed.get(kind, 0) for kind, label in LABELS.items()}
    counts[OTHER] = sum(n for kind, n in request.removed.items() if kind not in LABELS)
    return render_page(
        Path(__file__).with_name("certificate.html.j2"),
        clinic=clinic.name,
        number=request.id,
        began=_moment(request.began_at),
        finished=_moment(request.finished_at or request.began_at),
        by=request.made_by,
        rows=counts.items(),
    )


def _moment(text: str) -> str:
    return f"{moment_of(text):%Y年%m月%d日 %H:%M}"
