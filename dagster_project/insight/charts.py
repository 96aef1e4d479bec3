"""Charts as inline SVG by pygal: no script, no network, the same bytes for the same numbers.

A label beside each mark says what it shows, so that nothing has to be pointed at to be read. pygal
writes the plain numbers it is given into the drawing: give it what may be shown.
"""

from collections.abc import Collection, Mapping, Sequence
from math import ceil, floor
from typing import Any
from unicodedata import east_asian_width
from xml.etree.ElementTree import Element

import pygal
from markupsafe import Markup
from pygal.style import Style

from dagster_project.insight.uplift import Uplift

# Each apart from its neighbours and from white, also for who sees no red (Okabe and Ito).
COLORS = ("#0072b2", "#b34700", "#007a59", "#8a3c6b", "#5b5b00", "#3f3f8f")
GREY = "#6b7280"
FONT = 'system-ui,"Noto Sans CJK JP","Hiragino Sans","Yu Gothic UI",sans-serif'
WIDTH = 440  # of the drawing; a phone shows it a little smaller
SIZE = 13  # of letters
NARROW = 0.6  # of a letter's size is what pygal takes for its width


def bars(
    name: str, values: Sequence[tuple[str, float | None]], apart: Collection[str] = ()
) -> Markup:
    """Return a bar for each label, in percent, the first on top; None has none.

    Those `apart` are not of the same people, and grey.
    """
    chart = pygal.HorizontalBar(
        **_config(50 + 34 * len(values)),
        **_room_for([label for label, _ in values]),
        range=(0, 100),
        y_labels=[0, 20, 40, 60, 80, 100],
        show_legend=False,
    )
    turned = [*reversed(values)]  # pygal begins at the bottom
    chart.x_labels = [label for label, _ in turned]
    chart.add(
        "%",
        [{"value": value, "color": GREY} if label in apart else value for label, value in turned],
    )
    return _svg(chart, name)


def intervals(name: str, uplifts: Sequence[tuple[str, Uplift]]) -> Markup:
    """Return a point and its interval for each label, in percentage points, beside zero.

    One that holds zero, and so tells nothing, is grey.
    """
    count = len(uplifts)
    chart = pygal.XY(
        **_config(70 + 44 * count),
        **_room_for([label for label, _ in uplifts]),
        show_legend=False,
        dots_size=4.5,
    )
    chart.range = (0.4, count + 0.6)
    ends = [0.0, *(each.low for _, each in uplifts), *(each.high for _, each in uplifts)]
    chart.xrange = (floor(min(ends)) - 1, ceil(max(ends)) + 1)
    chart.y_labels = [
        {"label": label, "value": count - at} for at, (label, _) in enumerate(uplifts)
    ]
    for at, (_, each) in enumerate(uplifts):
        low, points, high = (round(n, 1) for n in (each.low, each.points, each.high))
        height = count - at
        chart.add("95 %", [(low, height), (high, height)], dots_size=2, stroke_style={"width": 3})
        chart.add("uplift", [(points, height)], stroke=False)
    colors = [COLORS[0] if each.is_told else GREY for _, each in uplifts]
    chart.config.style = _style([color for color in colors for _ in range(2)])
    return _svg(chart, name)


def lines(name: str, months: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Markup:
    """Return a line over months for each name, in percent; a None is a gap.

    The lines have COLORS in their order; what is beside them says which is whose.
    """
    top = _top(series)
    chart = pygal.Line(
        **_config(240),
        margin_left=6,
        range=(0, top),
        y_labels=[*range(0, top + 1, 10 if top > 30 else 5)],
        show_legend=False,
        dots_size=4,
    )
    chart.x_labels = [*months]
    for label, values in series.items():
        chart.add(label, [*values])
    return _svg(chart, name)


def _top(series: Mapping[str, Sequence[float | None]]) -> int:
    """Return the end of a scale in tens of percent."""
    highest = max((each for values in series.values() for each in values if each), default=0)
    return min(100, 10 * (int(highest) // 10 + 1))


def _config(height: int) -> dict[str, Any]:
    return {
        "width": WIDTH,
        "height": height,
        "js": [],
        "disable_xml_declaration": True,
        "style": _style(COLORS),
        "truncate_label": -1,
        "margin_top": 6,
        "margin_right": 12,
        "margin_bottom": 6,
    }


def _room_for(labels: Sequence[str]) -> dict[str, float]:
    """Return the margin that labels of wide letters need beyond what pygal leaves them."""
    wide = [sum(east_asian_width(each) in "WFA" for each in label) for label in labels]
    needed = max(NARROW * len(label) + 0.4 * n for label, n in zip(labels, wide, strict=True))
    left = NARROW * max(len(label) for label in labels)
    return {"margin_left": 6 + SIZE * (needed - left)}


def _style(colors: Sequence[str]) -> Style:
    return Style(
        colors=tuple(colors),
        font_family=FONT,
        background="transparent",
        plot_background="transparent",
        foreground="#222",
        foreground_strong="#222",
        foreground_subtle="#4a5260",
        guide_stroke_color="#dcdfe4",
        major_guide_stroke_color="#dcdfe4",
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        opacity="1",
        transition="none",
        label_font_size=SIZE,
        major_label_font_size=SIZE,
    )


def _svg(chart: pygal.Graph, name: str) -> Markup:
    chart.uuid = name  # else its id is random
    chart.add_xml_filter(_bare)
    return Markup(chart.render(is_unicode=True))  # noqa: S704 - pygal escapes


def _bare(drawing: Element) -> Element:
    """Return a drawing without its script, which asks for more, and the day it was drawn."""
    for parent in drawing.iter():
        for child in [*parent]:
            if callable(child.tag) or child.tag.endswith("script"):  # the first is a comment's
                parent.remove(child)
    return drawing
