"""Tables of ratios as Markdown, and the numbers in them."""

from __future__ import annotations

import statistics
import sys


class Table:
    """A Markdown table."""

    def __init__(self, *titles):
        self.rows = [titles, ("---", *("--:" for _ in titles[1:]))]

    def add(self, *cells):
        """Add a row, and show it at once to whoever waits for the table."""
        self.rows.append(cells)
        print(*cells, sep=" | ", file=sys.stderr, flush=True)

    def __str__(self):
        return "\n".join(f"| {' | '.join(row)} |" for row in self.rows)


def spread(values):
    """Return a median with its quartiles, or a dash for what cannot be done."""
    if not values:
        return "-"
    if len(values) < 3:
        return f"{number(statistics.median(values))} (once)"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{number(middle)} ({number(low)}-{number(high)})"


def number(value):
    """Return a number with about three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def milliseconds(seconds):
    """Return the median of times, in milliseconds."""
    return f"{number(1000 * statistics.median(seconds))} ms"
