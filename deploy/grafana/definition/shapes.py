"""Dashboards, panels and variables as Grafana writes them in JSON."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24


def query(expr: str, legend: str = "", instant: bool = False, form: str = "time_series") -> Json:
    """One query; `refId` is set by the panel."""
    kind = {"instant": True, "range": False} if instant else {"instant": False, "range": True}
    return {"datasource": SOURCE, "expr": expr, "legendFormat": legend, "format": form, **kind}


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Thresholds: each value begins a colour, the first has none."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


def link(title: str, url: str) -> Json:
    """A link of the dashboard, or of a panel."""
    shape = {"type": "link", "title": title, "url": url, "icon": "doc", "tooltip": "", "tags": []}
    return {**shape, "targetBlank": True, "asDropdown": False, "includeVars": False, "keepTime": False}


def panel(kind: str, title: str, about: str, queries: list[Json], width: int, height: int, **more: Any) -> Json:
    """Where it stands is decided by `flow`. `more` holds `defaults`, `overrides`,
    `options`, `links` and `transformations`."""
    for number, one in enumerate(queries):
        one["refId"] = chr(ord("A") + number)
    shape = {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "targets": queries,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": more.pop("defaults", {}), "overrides": more.pop("overrides", [])},
        "options": more.pop("options", {}),
    }
    return {**shape, **more}


def stat(title: str, about: str, expr: str, unit: str, thresholds: Json, width: int = 4, **more: Any) -> Json:
    """One number, as it is now."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": more.pop("text", "value"),
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    defaults = {"unit": unit, "thresholds": thresholds, "color": {"mode": "thresholds"}}
    queries = [query(expr, legend=more.pop("legend", ""), instant=True)]
    return panel("stat", title, about, queries, width, 4, options=options, defaults=defaults, **more)


def graph(title: str, about: str, queries: list[Json], unit: str, width: int = 8, **more: Any) -> Json:
    """Lines over time; `stacked`, `thresholds` and `most` (the top of the axis) change how."""
    stacked, thresholds, most = (more.pop(name, None) for name in ("stacked", "thresholds", "most"))
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
    }
    defaults = {"unit": unit, "min": 0, "custom": custom, "color": {"mode": "palette-classic"}}
    if most is not None:
        defaults["max"] = most
    if thresholds:
        defaults["thresholds"] = thresholds
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, about, queries, width, 8, options=options, defaults=defaults, **more)


def table(title: str, about: str, expr: str, columns: list[str], width: int, value: str = "", **more: Any) -> Json:
    """These labels of the series of this moment, and their values under the name `value`."""
    hidden = {} if value else {"Value": True}
    organize = {
        "id": "organize",
        "options": {
            "includeByName": {name: True for name in [*columns, *(["Value"] if value else [])]},
            "excludeByName": {"Time": True, **hidden},
            "renameByName": {"Value": value} if value else {},
            "indexByName": {name: at for at, name in enumerate([*columns, "Value"])},
        },
    }
    options = {"frameIndex": 0, "showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"]}}
    return panel(
        "table",
        title,
        about,
        [query(expr, instant=True, form="table")],
        width,
        8,
        options=options,
        transformations=[organize],
        **more,
    )


def states(title: str, about: str, expr: str, legend: str, names: list[tuple[str, str]], width: int) -> Json:
    """A band for each series; the number of a state is its place in `names`."""
    words = {str(at): {"text": text, "color": color, "index": at} for at, (text, color) in enumerate(names)}
    return panel(
        "state-timeline",
        title,
        about,
        [query(expr, legend)],
        width,
        8,
        defaults={
            "mappings": [{"type": "value", "options": words}],
            "color": {"mode": "thresholds"},
            "thresholds": steps((None, "green")),
            "custom": {"lineWidth": 0, "fillOpacity": 80},
        },
        options={
            "mergeValues": True,
            "showValue": "never",
            "alignValue": "left",
            "rowHeight": 0.8,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def heatmap(title: str, about: str, expr: str, unit: str, width: int = 8) -> Json:
    """A histogram over time, from its buckets."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Blues",
            "steps": 64,
            "exponent": 0.5,
            "fill": "blue",
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
    }
    return panel("heatmap", title, about, [query(expr, "{{le}}", form="heatmap")], width, 8, options=options)


def variable(name: str, label: str, expr: str, everything: str | None = ".*") -> Json:
    """A choice of label values. `everything` stands for all of them at once; without it
    they are written out."""
    shape = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"query": expr, "refId": name},
        "definition": expr,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "options": [],
        "regex": "",
        "skipUrlSync": False,
    }
    return {**shape, "allValue": everything} if everything else shape


def source() -> Json:
    """The choice of the Prometheus to ask."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Prometheus",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "options": [],
        "skipUrlSync": False,
        "current": {"selected": True, "text": "default", "value": "default"},
    }


def flow(rows: list[tuple[str, list[Json]]]) -> list[Json]:
    """Panels in the order given, from left to right, under the questions they answer."""
    placed: list[Json] = []
    top = 0
    for question, panels in rows:
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        placed.append({"type": "row", "title": question, "collapsed": False, "gridPos": place, "panels": []})
        top, left, tallest = top + 1, 0, 0
        for one in panels:
            size = one["gridPos"]
            if left + size["w"] > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            size["x"], size["y"] = left, top
            left, tallest = left + size["w"], max(tallest, size["h"])
            placed.append(one)
        top += tallest
    for number, one in enumerate(placed, 1):
        one["id"] = number
    return placed


def dashboard(title: str, about: str, uid: str, variables: list[Json], links: list[Json], panels: list[Json]) -> Json:
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["jwtd", "jwt"],
        "schemaVersion": 42,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "preload": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "weekStart": "",
        "annotations": {"list": []},
        "links": links,
        "templating": {"list": variables},
        "panels": panels,
    }
