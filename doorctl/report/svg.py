"""Vector pictures as text, one element at a time. All that is text is escaped."""

from __future__ import annotations

import html
from math import ceil, floor, log10

_JOINERS = "\u200c\u200d"


def escaped(text: object) -> str:
    """Text as it stands in a page, in an attribute too; what does not show is a replacement character."""
    shown = (c if c.isprintable() or c in _JOINERS else "\ufffd" for c in str(text))
    return html.escape("".join(shown))


def number(value: float) -> str:
    """A coordinate, as short as it may be."""
    return f"{value:.1f}".removesuffix(".0")


def rect(
    x: float, y: float, width: float, height: float, kind: str, title: str = "", *, opacity: float = 1.0
) -> str:
    """A rectangle with slightly round corners; ``title`` shows where the mouse rests on it."""
    see = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    at = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" rx="1.5"'
    return _titled(f'<rect {at} class="{kind}"{see}', "rect", title)


def dot(x: float, y: float, radius: float, kind: str, title: str = "", *, opacity: float = 1.0) -> str:
    """A disc."""
    see = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    at = f'cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
    return _titled(f'<circle {at} class="{kind}"{see}', "circle", title)


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    """A straight line."""
    classed = f' class="{kind}"' if kind else ""
    return f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"{classed}/>'


def label(x: float, y: float, text: object, kind: str = "", title: str = "") -> str:
    """Words; ``kind``: ``end`` or ``middle`` for where they stand about ``x``, ``ink`` to stand out."""
    classed = f' class="{kind}"' if kind else ""
    inner = f"<title>{escaped(title)}</title>" if title else ""
    return f'<text x="{number(x)}" y="{number(y)}"{classed}>{inner}{escaped(text)}</text>'


def picture(width: float, height: float, parts: list[str], says: str) -> str:
    """The whole; ``says`` is read out to whoever cannot see it."""
    box = f"0 0 {number(width)} {number(height)}"
    return f'<svg viewBox="{box}" role="img" aria-label="{escaped(says)}">{"".join(parts)}</svg>'


def ticks(most: float, count: int = 4) -> list[int]:
    """Round whole numbers from 0 to at least ``most``, about ``count`` steps."""
    if most <= 0:
        return [0, 1]
    rough = max(1.0, most / count)
    power = 10.0 ** floor(log10(rough))
    step = int(next(power * k for k in (1, 2, 2.5, 5, 10) if power * k >= rough and (power * k) % 1 == 0))
    return [step * i for i in range(ceil(most / step) + 1)]


def shortened(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}\u2026"


def _titled(start: str, name: str, title: str) -> str:
    return f"{start}><title>{escaped(title)}</title></{name}>" if title else f"{start}/>"
