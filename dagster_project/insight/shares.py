"""A share as it may be shown: rounded, or the reason why there is none to show."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum


class Hidden(Enum):
    """Why a figure is not shown, as the clinic reads it. Never a zero: nobody knows, or may."""

    BY_LINE = "非公開(<20)"  # LINE shows no figure of fewer than 20 people
    TOO_FEW = "少数のため非表示"  # so few that a person could be made out
    NOT_YET = "集計前"  # LINE was not asked yet, or no window is over
    NOBODY = "なし"  # there was nobody to count
    OF_ALL = "全体のみ"  # of one wording, or of a tag's one month, nobody is compared

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Share:
    """So many of so many people or messages."""

    count: int
    of: int

    @property
    def percent(self) -> Decimal:
        """Return it rounded: to 0.1 from a hundred on, to whole percents below."""
        step = Decimal("0.1") if self.of >= 100 else Decimal(1)
        return (Decimal(100 * self.count) / self.of).quantize(step, ROUND_HALF_UP)

    def __str__(self) -> str:
        return f"{self.percent} %"


Shown = Share | Hidden


def share_of(count: int, of: int, smallest_group: int, if_none: Hidden = Hidden.NOBODY) -> Shown:
    """Return a share, or why it is not shown; `if_none` is said where there is nobody yet."""
    if not of:
        return if_none
    return Share(count, of) if of >= smallest_group else Hidden.TOO_FEW
