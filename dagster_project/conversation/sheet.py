"""The sheet that reception hands over: one code, as letters and QR, and nothing of a chart."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import segno
from rich.console import Console

from dagster_project.clinic import Clinic, ClinicError, clinic_in
from dagster_project.clinics import fail, the_clinic
from dagster_project.conversation.codes import RELATIONS
from dagster_project.exit_codes import OK
from dagster_project.forget.hashes import LostKeyError
from dagster_project.ingest.cells import clean
from dagster_project.ingest.reachability import patient_id
from dagster_project.ledger.conversation import CODE_LIFE, issue_code
from dagster_project.ledger.forgotten import read_forgotten
from dagster_project.ledger.store import open_ledger
from dagster_project.overrides.commands import name_or_login
from dagster_project.overrides.known import read_known
from dagster_project.settings import Settings

STYLE = """
@page{size:A6;margin:10mm}
body{font-family:"Noto Sans CJK JP",system-ui,sans-serif;color:#222;max-width:24rem;
margin:1rem auto;padding:0 1rem;line-height:1.6}
h1{font-size:1.1rem}
.code{font:700 2rem ui-monospace,monospace;letter-spacing:.12em;text-align:center}
svg{display:block;margin:1rem auto;width:11rem;height:11rem}li{margin:.3rem 0}
.small{font-size:.85rem;color:#555}
"""


def run_link_code(
    settings: Settings,
    clinic: str | None,
    patients: Sequence[str],
    relation: str,
    by: str | None,
    out: Path | None,
    console: Console,
) -> int:
    """Issue a code for charts that are published, write its sheet, and return an exit code."""
    try:
        chosen = clinic_in(settings.exports_dir, the_clinic(settings.exports_dir, clinic))
        known = read_known(settings.published_path(chosen.clinic_id))
        ledger = open_ledger(settings.ledger())
        # Whoever was forgotten and asks for a code is known again when it is sent.
        gone = read_forgotten(ledger, chosen.clinic_id, settings.forget_key_path())
    except FileNotFoundError:
        return fail(console, "まだ公開された夜がありません / run `tagline nightly` first")
    except (ClinicError, LostKeyError) as error:
        return fail(console, str(error))
    try:
        charts = charts_of(patients, relation)
    except ValueError as error:
        return fail(console, str(error))
    there = [each in known.patients or gone.is_patient(each) for each in charts]
    if missing := [each for each, is_there in zip(charts, there, strict=True) if not is_there]:
        return fail(console, f"患者一覧にいません / not in the list: {' '.join(missing)}")
    now = settings.now()
    own = {each: is_what for each, is_what in charts.items() if is_what != relation}
    code = issue_code(ledger, chosen.clinic_id, [*charts], relation, name_or_login(by), now, own)
    path = out or settings.data_dir / "pages" / f"link-{chosen.clinic_id}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    until = (now + CODE_LIFE).strftime("%Y年%m月%d日 %H:%M")
    path.write_text(sheet(chosen, code, until, charts.values()), encoding="utf-8")
    console.print(f"{code[:4]}-{code[4:]}  ({until} まで1回) {path}", highlight=False)
    return OK


def charts_of(said: Sequence[str], relation: str) -> Mapping[str, str]:
    """Return the relation of each chart: its own, as in 00124:parent, or the one of them all.

    Raises ValueError for a relation there is not, and for a chart with two.
    """
    charts: dict[str, str] = {}
    for each in said:
        number, _, own = clean(each).partition(":")
        is_what = own or relation
        if is_what not in RELATIONS:
            raise ValueError(f"続柄が違います / {each}: one of {', '.join(RELATIONS)}")
        if charts.setdefault(patient_id(number), is_what) != is_what:
            raise ValueError(f"一つの診察券に続柄が二つあります / {each}: another relation before")
    return charts


def sheet(clinic: Clinic, code: str, until: str, relations: Iterable[str]) -> str:
    """Return the printable page, which needs no network. It says whose charts, not which."""
    whose = Counter(RELATIONS[each] for each in relations)
    charts = "、".join(f"{who} {count}名" for who, count in whose.items())
    shown = f"{code[:4]}-{code[4:]}"
    steps = (
        "スマートフォンのカメラで下のコードを読み取り、LINEを開きます。",
        "入力欄に出ているコードをそのまま送信します。",
        "受け取りたいお知らせを選びます。選ばなければ何も届きません。",
    )
    listed = "".join(f"<li>{each}</li>" for each in steps)
    return (
        "<!doctype html><html lang=ja><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>LINE連携コード</title><style>{STYLE}</style>"
        f"<h1>{escape(clinic.name)}<br>LINE連携のご案内</h1><ol>{listed}</ol>"
        f"{_qr(link_of(clinic, shown))}<p class=code>{shown}</p>"
        f"<p>連携する診察券: {charts}</p>"
        f"<p class=small>{until}まで、1回だけ使えます。診療に関わる内容がLINEに表示されることは"
        "ありません。連携は「連携解除」、お知らせは「配信停止」と送信すると、いつでも止められます。</p>"
        "</html>"
    )


def link_of(clinic: Clinic, said: str) -> str:
    """Return LINE's address that opens the clinic's chat with a text in the input field.

    Source: https://developers.line.biz/en/docs/messaging-api/using-line-url-scheme/
    """
    return f"https://line.me/R/oaMessage/{quote(clinic.line.channel, safe='')}/?{quote(said)}"


def _qr(text: str) -> str:
    out = BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, svgns=True, scale=4)
    return out.getvalue().decode()
