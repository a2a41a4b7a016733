"""Timing of work done in this process: two ways of the same thing in turn, medians and percentiles in milliseconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Times:
    """Sorted, in milliseconds."""

    values: list[float]

    @property
    def p50(self) -> float:
        return median(self.values)

    @property
    def p95(self) -> float:
        return self.values[min(len(self.values) - 1, int(len(self.values) * 0.95))]

    def __str__(self) -> str:
        return f"p50 {self.p50:.2f} ms, p95 {self.p95:.2f} ms"


def in_turn(*ways: Callable[[int], object], times: int, warm: int = 5) -> list[Times]:
    """Call each way `times` times with 0, 1, 2 ... after `warm` calls that are not counted."""
    taken: list[list[float]] = [[] for _ in ways]
    for number in range(-warm, times):
        for way, values in zip(ways, taken, strict=True):
            started = time.perf_counter()
            way(number)
            if number >= 0:
                values.append((time.perf_counter() - started) * 1000)
    return [Times(sorted(values)) for values in taken]
