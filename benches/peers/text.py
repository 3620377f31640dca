"""Figures and tables as text and as Markdown."""

import dataclasses


def short(value):
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def figure(one):
    """The median, and with several rounds their least and most."""
    if one.least == one.most:
        return short(one.median)
    return f"{short(one.median)} ({short(one.least)}-{short(one.most)})"


@dataclasses.dataclass
class Table:
    title: str
    head: list
    cells: list
    notes: list

    def text(self):
        widths = [max(map(len, column)) for column in zip(self.head, *self.cells)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [self.head, *self.cells]]
        return "\n".join([self.title, "", *lines, "", *self.notes])

    def markdown(self):
        rows = [self.head, ["---"] * len(self.head), *self.cells]
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        return "\n".join([f"## {self.title}", "", *lines, "", *(f"* {note}" for note in self.notes)])
