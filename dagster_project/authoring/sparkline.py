"""A line of numbers as a drawing the size of a word."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 120, 28, 3


@dataclass(frozen=True)
class Sparkline:
    """The points of an SVG polyline, where it ends, and where it is marked."""

    points: str
    end_x: float
    end_y: float
    marks: Sequence[float]
    width: int = WIDTH
    height: int = HEIGHT


def sparkline(values: Sequence[int], marked: Collection[int] = ()) -> Sparkline:
    """Return the drawing of at least one value; equal values are a level line in the middle.

    `marked` are positions from the end: 0 is the last value.
    """
    low, high = min(values), max(values)
    places = []
    for at, value in enumerate(values):
        share = at / (len(values) - 1) if len(values) > 1 else 1
        height = (value - low) / (high - low) if high > low else 0.5
        x = EDGE + share * (WIDTH - 2 * EDGE)
        y = HEIGHT - EDGE - height * (HEIGHT - 2 * EDGE)
        places.append((round(x, 1), round(y, 1)))
    marks = [places[-1 - back][0] for back in marked if back < len(places)]
    return Sparkline(" ".join(f"{x},{y}" for x, y in places), *places[-1], marks)
