"""Two pages in Japanese: the channels, and one user's chat as their phone shows it."""

import secrets
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
.phone{max-width:28rem;margin:0 auto}form{margin:.7rem 0}
.chat{background:#8cabd8;border-radius:.8rem;padding:0 1rem;height:58vh;overflow-y:auto;
display:flex;flex-direction:column-reverse}.chat>div{padding:1rem 0;margin-bottom:auto}
.bubble{background:#fff;border-radius:1rem;padding:.7rem .9rem;margin:.2rem 0 0;
width:fit-content;max-width:85%;box-sizing:border-box;white-space:pre-wrap;overflow-wrap:anywhere}
.at{font-size:.75rem;color:#23385c;margin:0 0 .9rem}
.mine{margin-left:auto;background:#8de055}
.at.mine{background:none;text-align:right}h1 .code{font-weight:400}
.notice{background:#fff3cd;padding:.5rem .8rem}
.taps{display:flex;flex-wrap:wrap;gap:.4rem;margin:.7rem 0}.taps form{margin:0}
.typing{display:flex;gap:.4rem}.typing input{flex:1;min-width:0}
input,button{font:inherit;padding:.5rem .8rem;border:1px solid #b9c0c8;border-radius:.6rem}
button{background:#06c755;color:#000;border-color:#06a648;cursor:pointer}
button.quiet{background:#fff;border-color:#b9c0c8}:focus-visible{outline:3px solid #23385c}
.code{overflow-wrap:anywhere;font-family:ui-monospace,monospace;font-size:.8rem}
"""
# An answer comes a moment after the page: the talk is looked at again, what is being typed stays.
AGAIN = """<script>setInterval(async()=>{const r=await fetch(location.href);if(!r.ok)return;
const page=new DOMParser().parseFromString(await r.text(),'text/html');
for(const id of['talk','taps']){const old=document.getElementById(id),now=page.getElementById(id);
if(old&&now&&old.innerHTML!==now.innerHTML)old.innerHTML=now.innerHTML}},1000)</script>"""


async def overview(request: web.Request, state: State) -> web.StreamResponse:  # noqa: ARG001
    """GET /: every channel, and how many messages each user has."""
    parts = ["<h1>LINE シミュレーター</h1>"]
    if not state.channels:
        parts.append(
            "<p>まだチャネルがありません。<code>make nightly</code> を実行してください。</p>"
        )
    for clinic_id, channel in sorted(state.channels.items()):
        counts = Counter(copy["user"] for copy in channel.inbox)
        counts.update({each["user"]: 0 for each in channel.talk})
        limit = (
            "上限なし" if channel.monthly_limit is None else f"上限 {channel.monthly_limit:,} 通"
        )
        parts.append(
            f"<h2>{escape(clinic_id)}</h2><p>友だち {len(channel.friends):,} 人、"
            f"ブロック {len(channel.blocked):,} 人、{limit}、配信済み {len(channel.inbox):,} 通</p>"
        )
        if counts:
            parts.append("<table><tr><th>ユーザー</th><th class=n>配信</th></tr>")
        parts += [
            f"<tr><td class=code><a href='/chat?clinic_id={escape(clinic_id)}&user={escape(user)}'>"
            f"{escape(user[:12])}…</a></td><td class=n>{count}</td></tr>"
            for user, count in sorted(counts.items())
        ]
        parts.append("</table>" if counts else "")
        newcomer = f"U{secrets.token_hex(16)}"
        label = "新しい友だちとして話してみる"
        parts.append(_form(clinic_id, newcomer, "follow", "", label))
    return _page("LINE シミュレーター", parts)


async def chat(request: web.Request, state: State) -> web.StreamResponse:
    """GET /chat?clinic_id=&user=: this person's talk, oldest first, and what they may do in it."""
    clinic_id, user = request.query["clinic_id"], request.query["user"]
    channel = state.channel(clinic_id)
    copies = [{**each, "type": "reply"} for each in channel.inbox if each["user"] == user]
    said = [each for each in channel.talk if each["user"] == user]
    talk = sorted([*copies, *said], key=lambda each: each["at"])
    who = f"<span class=code>{escape(user[:12])}…</span>"
    parts = [f"<div class=phone><h1>{escape(clinic_id)} のトーク {who}</h1>"]
    parts.append("".join(_notice(request.query.get("delivered", ""))))
    parts.append("<div class=chat id=talk role=log aria-label=トーク tabindex=0><div>")
    for each in talk:
        parts += _turn(each)
    parts.append("</div></div>")
    last = next((each for each in reversed(talk) if each["type"] == "reply"), None)
    parts += _quick_replies(clinic_id, user, last)
    parts += _keyboard(clinic_id, user, is_blocked=user in channel.blocked)
    parts.append(f"<p><a href='/'>一覧へ戻る</a></p></div>{AGAIN}")
    return _page("トーク", parts)


def _notice(delivered: str) -> list[str]:
    """Return a line where an event reached nobody: the service may not be running."""
    if delivered in {"", "200"}:
        return []
    command = "<code>tagline webhook</code>"
    return [f"<p class=notice>Webhook に届いていません。{command} を起動してください。</p>"]


def _turn(each: dict[str, Any]) -> list[str]:
    at = f"<p class=at>{escape(each['at'][:16].replace('T', ' '))}</p>"
    if each["type"] == "reply":
        shown = (f"<p class=bubble>{escape(_shown(one))}</p>" for one in each["messages"])
        return [*shown, at]
    words = {"follow": "(友だち追加)", "unfollow": "(ブロック)"}.get(each["type"], each["text"])
    return [
        f"<p class='bubble mine'>{escape(words)}</p>",
        at.replace("class=at", "class='at mine'"),
    ]


def _quick_replies(clinic_id: str, user: str, last: dict[str, Any] | None) -> list[str]:
    actions: list[dict[str, Any]] = []
    for message in last["messages"] if last else []:
        actions += message.get("template", {}).get("actions", [])
        actions += _buttons(message.get("contents", {}))
    if last:  # as LINE does, those of the last message alone
        quick = last["messages"][-1].get("quickReply", {}).get("items", [])
        actions += [each["action"] for each in quick]
    taps = [each for each in actions if each["type"] == "postback"]
    return [
        "<div class=taps id=taps role=group aria-label=選択肢>",
        *(
            _form(clinic_id, user, "postback", tap["data"], tap["label"], shown=tap["label"])
            for tap in taps
        ),
        "</div>",
    ]


def _buttons(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the actions of a Flex container's buttons, from top to bottom."""
    inner = [part[name] for name in ("header", "hero", "body", "footer") if name in part]
    actions = [part["action"]] if part.get("type") == "button" else []
    return actions + [each for one in [*inner, *part.get("contents", [])] for each in _buttons(one)]


def _keyboard(clinic_id: str, user: str, *, is_blocked: bool) -> list[str]:
    typing = (
        "<form method=post action=/chat class=typing>"
        f"{_hidden(clinic_id=clinic_id, user=user, type='message')}"
        "<input name=said required maxlength=5000 autofocus autocomplete=off"
        " placeholder='メッセージを入力' aria-label='メッセージ'><button>送信</button></form>"
    )
    other = ("follow", "友だち追加") if is_blocked else ("unfollow", "ブロック")
    button = _form(clinic_id, user, other[0], "", other[1])
    return ["" if is_blocked else typing, button.replace("<button>", "<button class=quiet>")]


def _form(clinic_id: str, user: str, kind: str, said: str, label: str, shown: str = "") -> str:
    fields = _hidden(clinic_id=clinic_id, user=user, type=kind, said=said, shown=shown)
    return f"<form method=post action=/chat>{fields}<button>{escape(label)}</button></form>"


def _hidden(**values: str) -> str:
    return "".join(
        f"<input type=hidden name={name} value='{escape(value)}'>" for name, value in values.items()
    )


def _shown(message: dict[str, Any]) -> str:
    """Return the words of a message as the talk shows them; the alternative text is elsewhere."""
    said = "\n".join(_texts(message.get("contents", {})))
    return said or str(message.get("text") or message.get("altText") or "")


def _texts(part: dict[str, Any]) -> list[str]:
    """Return the texts of a Flex container, from top to bottom."""
    inner = [part[name] for name in ("header", "hero", "body", "footer") if name in part]
    said = [str(part["text"])] if part.get("type") in {"text", "span"} and "text" in part else []
    return said + [each for one in [*inner, *part.get("contents", [])] for each in _texts(one)]


def _page(title: str, parts: list[str]) -> web.Response:
    head = (
        "<!doctype html><html lang=ja><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><main>"
    )
    return web.Response(text=head + "".join(parts) + "</main></html>", content_type="text/html")
