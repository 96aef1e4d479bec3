"""Two pages in Japanese: the channels, and one user's chat as their phone shows it."""

from collections import Counter
from html import escape
from typing import Any

from aiohttp import web

from dagster_project.simulator.state import State

STYLE = """
body{font-family:system-ui,"Noto Sans CJK JP",sans-serif;margin:0;background:#f4f5f7;color:#222}
main{max-width:44rem;margin:0 auto;padding:1rem}
h1{font-size:1.2rem}h2{font-size:1rem;margin:1.5rem 0 .5rem}
table{border-collapse:collapse;width:100%;background:#fff}
td,th{padding:.5rem .7rem;border-bottom:1px solid #e3e5e8;text-align:left}
td.n,th.n{text-align:right}a{color:#06623b}
.chat{background:#8cabd8;border-radius:.8rem;padding:1rem;max-width:26rem}
.bubble{background:#fff;border-radius:1rem;padding:.7rem .9rem;margin:.2rem 0 0;
white-space:pre-wrap;overflow-wrap:anywhere}.at{font-size:.75rem;color:#23385c;margin:0 0 .9rem}
.code{font-family:ui-monospace,monospace;font-size:.8rem}
"""


async def overview(request: web.Request, state: State) -> web.StreamResponse:  # noqa: ARG001
    """GET /: every channel, and how many messages each user has."""
    parts = ["<h1>LINE シミュレーター</h1>"]
    if not state.channels:
        parts.append(
            "<p>まだチャネルがありません。<code>make nightly</code> を実行してください。</p>"
        )
    for clinic_id, channel in sorted(state.channels.items()):
        counts = Counter(copy["user"] for copy in channel.inbox)
        limit = (
            "上限なし" if channel.monthly_limit is None else f"上限 {channel.monthly_limit:,} 通"
        )
        parts.append(
            f"<h2>{escape(clinic_id)}</h2><p>友だち {len(channel.friends):,} 人、"
            f"ブロック {len(channel.blocked):,} 人、{limit}、配信済み {len(channel.inbox):,} 通</p>"
            "<table><tr><th>ユーザー</th><th class=n>通数</th></tr>"
        )
        parts += [
            f"<tr><td class=code><a href='/chat?clinic_id={escape(clinic_id)}&user={escape(user)}'>"
            f"{escape(user[:12])}…</a></td><td class=n>{count}</td></tr>"
            for user, count in sorted(counts.items())
        ]
        parts.append("</table>")
    return _page("LINE シミュレーター", parts)


async def chat(request: web.Request, state: State) -> web.StreamResponse:
    """GET /chat?clinic_id=&user=: what this person received, oldest first."""
    clinic_id, user = request.query["clinic_id"], request.query["user"]
    copies = [copy for copy in state.channel(clinic_id).inbox if copy["user"] == user]
    parts = [f"<h1>{escape(clinic_id)}</h1><p class=code>{escape(user)}</p><div class=chat>"]
    for copy in copies:
        parts += [f"<p class=bubble>{escape(_shown(message))}</p>" for message in copy["messages"]]
        parts.append(f"<p class=at>{escape(copy['at'][:16].replace('T', ' '))}</p>")
    parts += ["</div>", "<p><a href='/'>一覧へ戻る</a></p>"]
    return _page("トーク", parts)


def _shown(message: dict[str, Any]) -> str:
    return str(message.get("text") or message.get("altText") or "")


def _page(title: str, parts: list[str]) -> web.Response:
    head = (
        "<!doctype html><html lang=ja><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><main>"
    )
    return web.Response(text=head + "".join(parts) + "</main></html>", content_type="text/html")
