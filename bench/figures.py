"""What a row of the bench says, and the table of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One promise: what was measured, its floor, and their ratio beside the target.

    `target` is the least (`at_least`) or the most the ratio may be; None where a figure is only shown.
    """

    promise: str
    measured: str
    floor: str
    ratio: float
    target: float | None
    at_least: bool = False
    unit: str = "x"

    @property
    def kept(self) -> bool:
        return self.target is None or (self.ratio >= self.target if self.at_least else self.ratio <= self.target)

    @property
    def aim(self) -> str:
        sign = ">=" if self.at_least else "<="
        return "" if self.target is None else f"{sign} {self.target:g}{self.unit}"


def show(figures: Iterable[Figure]) -> None:
    """The table, as wide as it needs to be."""
    table = Table("promise", "measured", "floor", "ratio", "target", "")
    for figure in figures:
        ratio = f"{figure.ratio:.2f}" if figure.ratio < 100 else f"{figure.ratio:.0f}"
        kept = "" if figure.target is None else ("ok" if figure.kept else "miss")
        table.add_row(figure.promise, figure.measured, figure.floor, f"{ratio}{figure.unit}", figure.aim, kept)
    Console(width=160).print(table)
