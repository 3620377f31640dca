"""Draws the dashboard from its own definition and from data of a real Prometheus, because
Grafana is no package: `picture.py DASHBOARD DATA FILE`. It is as wide as a page, and shows the rows that one
looks at first."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

COLUMN, LINE = 0.5, 0.34
# Rows of the dashboard that are drawn.
ROWS = 3
COLORS = {"green": "#56a64b", "orange": "#ff9830", "red": "#e02f44", "blue": "#3274d9"}
LINES = plt.get_cmap("tab10").colors
MOST_LINES, MOST_ROWS = 4, 6


def main(dashboard_file: str, data_file: str, file: str) -> None:
    with open(dashboard_file) as one, open(data_file) as other:
        dashboard, data = json.load(one), json.load(other)
    rows = [panel["gridPos"]["y"] for panel in dashboard["panels"] if panel["type"] == "row"]
    panels = [panel for panel in dashboard["panels"] if panel["gridPos"]["y"] < [*rows, math.inf][ROWS]]
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    plt.rcParams.update({"font.size": 8.5, "axes.edgecolor": "#c7d0d9", "axes.linewidth": 0.6})
    figure = plt.figure(figsize=(24 * COLUMN, bottom * LINE), facecolor="#f4f5f5")
    for panel in panels:
        place = panel["gridPos"]
        corner = (place["x"] / 24, 1 - (place["y"] + place["h"]) / bottom)
        width, height = place["w"] / 24, place["h"] / bottom
        if panel["type"] == "row":
            figure.text(corner[0] + 0.004, corner[1] + height / 3, panel["title"], fontsize=12.5, weight="bold")
            continue
        gap = (0.0025, 0.0012)
        frame = Rectangle(
            (corner[0] + gap[0], corner[1] + gap[1]), width - 2 * gap[0], height - 2 * gap[1], facecolor="white",
            edgecolor="#dde4ed", linewidth=0.8, transform=figure.transFigure, zorder=-1,
        )  # fmt: skip
        figure.add_artist(frame)
        figure.text(corner[0] + 0.006, corner[1] + height - 0.75 / bottom, panel["title"], fontsize=9.5 if place["w"] > 4 else 7.5, weight="bold")
        left, low = (0.006, 0.9 / bottom) if panel["type"] in ("stat", "table") else (0.046, 2.0 / bottom)
        axes = figure.add_axes(
            (corner[0] + left, corner[1] + low, width - left - 0.008, height - low - 1.3 / bottom), facecolor="none"
        )
        series = [(target, data["series"][f"{panel['title']} {target['refId']}"]) for target in panel["targets"]]
        DRAW[panel["type"]](axes, panel, series, data)
    figure.savefig(file, dpi=96, pil_kwargs={"optimize": True})


def points(one: dict, begin: float) -> tuple[list[float], list[float]]:
    pairs = [(moment - begin, float(value)) for moment, value in one["values"]]
    return [at for at, _ in pairs], [value if math.isfinite(value) else math.nan for _, value in pairs]


def legend(target: dict, one: dict, longest: int = 26) -> str:
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: one["metric"].get(found[1], ""), target["legendFormat"])
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "\u2026"


def graph(axes: Axes, panel: dict, series: list, data: dict) -> None:
    longest = 3 * panel["gridPos"]["w"]
    found = [(legend(target, one, longest), *points(one, data["begin"])) for target, many in series for one in many]
    found.sort(key=lambda one: -max((value for value in one[2] if value == value), default=0))
    settings = panel["fieldConfig"]["defaults"]
    if settings["custom"]["stacking"]["mode"] == "normal" and found:
        moments = sorted({at for _, times, _ in found for at in times})
        stack = []
        for _, times, values in found:
            known = dict(zip(times, values))
            stack.append([known.get(at, 0) if known.get(at, 0) == known.get(at, 0) else 0 for at in moments])
        names = [name for name, _, _ in found]
        axes.stackplot(moments, stack, labels=names, colors=[LINES[at % 10] for at in range(len(found))], alpha=0.7)
    else:
        for at, (name, times, values) in enumerate(found[:MOST_LINES]):
            axes.plot(times, values, label=name, color=LINES[at % 10], linewidth=1)
    axes.set_ylim(bottom=0, top=settings.get("max"))
    if settings["custom"]["thresholdsStyle"]["mode"] != "off":
        # Drawn within the axis, without stretching it.
        top = axes.get_ylim()[1]
        for step in settings["thresholds"]["steps"]:
            if step["value"] is not None and step["value"] <= top:
                axes.axhline(step["value"], color=COLORS[step["color"]], linewidth=0.7, linestyle="dashed")
        axes.set_ylim(top=top)
    axis(axes, settings["unit"])
    if found:
        handles, names = axes.get_legend_handles_labels()
        most = MOST_LINES if panel["gridPos"]["w"] > 6 else 2
        axes.legend(
            handles[:most], names[:most], loc="upper left", bbox_to_anchor=(-0.02, -0.09), frameon=False,
            ncols=2 if panel["gridPos"]["w"] > 6 else 1, fontsize=8, handlelength=1, columnspacing=1, labelspacing=0.2, borderpad=0,
        )  # fmt: skip


def axis(axes: Axes, unit: str) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 3, 6, 10]))
    axes.grid(axis="y", color="#edf0f3", linewidth=0.5)
    axes.tick_params(length=0, pad=2, colors="#52545c")
    axes.yaxis.set_major_formatter(lambda value, _: shown(value, unit))
    axes.xaxis.set_major_formatter(lambda value, _: moment(value))
    axes.spines[["top", "right", "left"]].set_visible(False)


def moment(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"


def shown(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        for size, name in [(86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "us")]:
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return "0 s"
    sizes = [(1 << 20, "Mi"), (1 << 10, "Ki")] if unit == "bytes" else [(1e6, "M"), (1e3, "k")]
    for size, name in sizes:
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"{value:.3g}" + ("/s" if unit == "cps" else "")


def stat(axes: Axes, panel: dict, series: list, data: dict) -> None:
    settings = panel["fieldConfig"]["defaults"]
    # A series without samples counts as 0.
    value = float(series[0][1][0]["values"][-1][1]) if series[0][1] else 0.0
    steps = settings["thresholds"]["steps"]
    color = [step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]
    axes.add_patch(Rectangle((0, 0), 1, 1, color=COLORS[color], transform=axes.transAxes))
    axes.text(0.5, 0.45, shown(value, settings["unit"]), fontsize=20, color="white", weight="bold", ha="center",
              va="center", transform=axes.transAxes)  # fmt: skip
    axes.set_axis_off()


def table(axes: Axes, panel: dict, series: list, data: dict) -> None:
    change = panel["transformations"][0]["options"]
    renamed, order = change["renameByName"], change["indexByName"]
    rows = [{**one["metric"], "Value": float(one["values"][-1][1])} for one in series[0][1]]
    rows.sort(key=lambda row: (-row["Value"], row.get("severity", ""), row.get("alertname", "")))
    names = sorted({name for row in rows for name in row if name in change["includeByName"]}, key=order.__getitem__)
    cells = [[f"{row['Value']:.0f}" if name == "Value" else row.get(name, "") for name in names] for row in rows]
    axes.set_axis_off()
    if not cells:
        axes.text(0, 0.9, "none", fontsize=9, color="#52545c", transform=axes.transAxes)
        return
    # As wide as what stands in them.
    wide = [max(len(str(row[at])) for row in [names, *cells]) + 2 for at in range(len(names))]
    more = len(cells) - MOST_ROWS
    drawn = axes.table(cells[:MOST_ROWS], colLabels=[renamed.get(name, name) for name in names], loc="upper left",
                       cellLoc="left", colWidths=[one / sum(wide) for one in wide], edges="horizontal", bbox=(0, 0.02 if more <= 0 else 0.1, 1, 1))  # fmt: skip
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    for cell in drawn.get_celld().values():
        cell.set_edgecolor("#dde4ed")
    if more > 0:
        axes.text(0, -0.06, f"and {more} more, by scrolling", fontsize=7.5, color="#52545c", transform=axes.transAxes)


def states(axes: Axes, panel: dict, series: list, data: dict) -> None:
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    target, many = series[0]
    step = (data["end"] - data["begin"]) / 240
    for line, one in enumerate(reversed(many)):
        times, values = points(one, data["begin"])
        for at, value in zip(times, values):
            axes.barh(line, step * 1.05, left=at, height=0.75, color=COLORS[words[f"{value:.0f}"]["color"]])
    axes.set_yticks(range(len(many)), [legend(target, one) for one in reversed(many)])
    for at, word in enumerate(words.values()):
        axes.text(at * 0.25, -0.28,  f"\u25a0 {word['text']}", color=COLORS[word["color"]], transform=axes.transAxes)
    axes.tick_params(length=0, pad=2, colors="#52545c")
    axes.xaxis.set_major_formatter(lambda value, _: moment(value))
    axes.spines[["top", "right", "left"]].set_visible(False)


def heatmap(axes: Axes, panel: dict, series: list, data: dict) -> None:
    many = sorted(series[0][1], key=lambda one: float(one["metric"]["le"]))
    below: dict[float, float] = {}
    grid = []
    times = sorted({moment for one in many for moment, _ in one["values"]})
    for one in many:
        known = {moment: float(value) for moment, value in one["values"]}
        grid.append([max(0.0, known.get(at, 0) - below.get(at, 0)) for at in times])
        below = known
    shade = [[value**0.5 if value else math.nan for value in line] for line in grid]
    axes.imshow(
        shade, aspect="auto", origin="lower", cmap="Blues", vmin=0, extent=(0, times[-1] - times[0], 0, len(grid))
    )
    names = [shown(float(one["metric"]["le"]), "s") if one["metric"]["le"] != "+Inf" else "" for one in many]
    axes.set_yticks(range(1, len(grid) + 1), names)
    axes.tick_params(length=0, pad=2, colors="#52545c")
    axes.xaxis.set_major_formatter(lambda value, _: moment(value))
    axes.spines[["top", "right", "left"]].set_visible(False)


DRAW: dict[str, Any] = {
    "heatmap": heatmap,
    "stat": stat,
    "state-timeline": states,
    "table": table,
    "timeseries": graph,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
