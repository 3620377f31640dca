"""The metrics of a live daemon, read from `/metrics`."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families


@dataclass
class Metric:
    kind: str
    about: str
    # Each label with the values that were seen.
    labels: dict[str, set[str]] = field(default_factory=dict)


def read(*texts: str) -> dict[str, Metric]:
    """By the name that stands in the text: a counter ends in `_total`."""
    metrics: dict[str, Metric] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            name = family.name + ("_total" if family.type == "counter" else "")
            metric = metrics.setdefault(name, Metric(family.type, family.documentation))
            for sample in family.samples:
                for label, value in sample.labels.items():
                    metric.labels.setdefault(label, set()).add(value)
    return metrics


def series(metrics: dict[str, Metric]) -> dict[str, Metric]:
    """By the name of a series: a histogram has three, and `le` is a label of one."""
    found: dict[str, Metric] = {}
    for name, metric in metrics.items():
        if metric.kind == "histogram":
            bare = {label: values for label, values in metric.labels.items() if label != "le"}
            found[f"{name}_bucket"] = metric
            found[f"{name}_sum"] = found[f"{name}_count"] = Metric(metric.kind, metric.about, bare)
        else:
            found[name] = metric
    return found
