"""Figures of the benches in one form, {what, unit, median, min, max}, and tables of them."""

import json
import statistics


def of_bench(rows):
    """What `budgets` and `growth` write: measured, and what took turns with it."""
    found = []
    for row in rows:
        for part, word in (("measured", ""), ("beside", ", beside"), ("ratio", ", ratio")):
            if row.get(part):
                found.append({"what": row["what"] + word, **row[part]})
        if row.get("skipped"):
            found.append({"what": row["what"], "skipped": row["skipped"]})
    return found


def estimates(root):
    return sorted((root / "target/criterion").glob("**/new/estimates.json"))


def newest(root):
    """When criterion last wrote an estimate."""
    return max((file.stat().st_mtime for file in estimates(root)), default=0.0)


def of_criterion(root, since):
    """The medians of criterion that are newer; the spread is its confidence interval."""
    found = []
    for file in estimates(root):
        if file.stat().st_mtime > since:
            name = json.loads((file.parent / "benchmark.json").read_text())["full_id"]
            median = json.loads(file.read_text())["median"]
            interval = median["confidence_interval"]
            found.append({"what": name, "unit": "ns", "median": median["point_estimate"],
                          "min": interval["lower_bound"], "max": interval["upper_bound"]})
    return found


def of_peers(data):
    """What `benches/peers/run --json` writes: CPU a token of the caller and of its servers, in all rounds."""
    found = []
    for row in data["rows"]:
        parts = {"caller": lambda one: one["cpu_seconds"], "servers": lambda one: sum(one["servers"])}
        for part, seconds in parts.items():
            rounds = sorted(seconds(one) / one["tokens"] * 1e6 for one in row["rounds"])
            if rounds and rounds[-1] > 0:
                what = f"{row['name']}, {part}"
                found.append({"what": what, "unit": "us", "median": statistics.median(rounds), "min": rounds[0], "max": rounds[-1]})
        if row["fault"]:
            found.append({"what": row["name"], "skipped": row["fault"]})
    return found + [{"what": what, "skipped": why} for what, why in data["skipped"].items()]


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def show(figure):
    if "skipped" in figure:
        return f"not measured: {figure['skipped']}"
    spread = f" ({number(figure['min'])} to {number(figure['max'])})" if figure["min"] < figure["max"] else ""
    return f"{number(figure['median'])} {figure['unit']}{spread}".strip()


def columns(lines):
    widths = [max(len(cell) for cell in column) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def table(result, before=None):
    """All figures of a run; beside an earlier one, with the ratio of the medians."""
    head = "\n".join(f"{name}: {value}" for name, value in result["machine"].items())
    if before is None:
        return f"{head}\n\n" + columns([("group", "what", "median (min to max)"), *((one["group"], one["what"], show(one)) for one in result["figures"])])
    old = {(one["group"], one["what"]): one for one in before["figures"]}
    lines = [("group", "what", "before", "now", "ratio")]
    for one in result["figures"]:
        then = old.pop((one["group"], one["what"]), None)
        both = then is not None and then.get("median") and "median" in one
        ratio = f"{one['median'] / then['median']:.3f} x" if both else ""
        lines.append((one["group"], one["what"], show(then) if then else "-", show(one), ratio))
    lines += [(group, what, show(one), "-", "") for (group, what), one in old.items()]
    head += "\n" + "\n".join(f"{name}, before: {value}" for name, value in before["machine"].items() if result["machine"].get(name) != value)
    return f"{head}\n\n" + columns(lines)
