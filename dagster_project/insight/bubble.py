"""What a phone shows of a message: the banner on a locked screen, and the bubble in the chat.

Plain HTML, near enough to be read before it leaves. Pictures are named, not loaded: the page
asks nothing of the network.
"""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

BLOCKS = ("hero", "header", "body", "footer")
BANNER = 60  # letters a locked phone shows, about


def banner(message: Mapping[str, Any]) -> str:
    """Return what a locked screen shows of a message."""
    said = " ".join(str(message.get("altText") or message.get("text") or "").split())
    return said if len(said) <= BANNER else f"{said[:BANNER]}…"


def bubble(message: Mapping[str, Any]) -> Markup:
    """Return the HTML of a message as the chat shows it; all its words are escaped."""
    if message.get("type") != "flex":
        return Markup('<div class="bubble text">{}</div>').format(str(message.get("text") or ""))
    contents = message.get("contents") or {}
    several = contents.get("type") == "carousel"
    bubbles = contents.get("contents") or [] if several else [contents]
    inner = Markup().join(_bubble(each) for each in bubbles)
    return Markup('<div class="carousel">{}</div>').format(inner)


def _bubble(contents: Mapping[str, Any]) -> Markup:
    blocks = Markup().join(
        Markup('<div class="block {}">{}</div>').format(name, _component(contents[name]))
        for name in BLOCKS
        if name in contents
    )
    return Markup('<div class="bubble flex">{}</div>').format(blocks)


def _component(part: Mapping[str, Any]) -> Markup:
    kind = part.get("type")
    children = part.get("contents") or []
    if kind == "box":
        layout = "vertical" if part.get("layout") == "vertical" else "horizontal"
        inner = Markup().join(_component(each) for each in children)
        return Markup('<div class="box {}">{}</div>').format(layout, inner)
    if kind in {"text", "span"}:
        spans = Markup().join(_component(each) for each in children)
        weight = "bold" if part.get("weight") == "bold" else "plain"
        said = spans or escape(str(part.get("text") or ""))
        if kind == "span":
            return Markup('<span class="{}">{}</span>').format(weight, said)
        return Markup('<p class="{}">{}</p>').format(weight, said)
    if kind == "button":
        action = part.get("action") or {}
        goes = action.get("uri") or action.get("text") or action.get("displayText") or ""
        label = Markup('<div class="button">{}</div>').format(str(action.get("label") or ""))
        return label + Markup('<p class="goes">{}</p>').format(str(goes))
    if kind in {"image", "icon", "video"}:
        return Markup('<div class="picture">画像 {}</div>').format(str(part.get("url") or ""))
    return Markup("<hr>") if kind == "separator" else Markup()
