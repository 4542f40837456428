"""Values in Prometheus' text format, written by its own client library."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from calib.metrics.collect import Values
from calib.metrics.families import FAMILIES

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class _Collected(Collector):
    """Values that were read already."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            metric = GaugeMetricFamily(family.name, family.says, labels=family.labels)
            for labels, value in self.values[family.name].items():
                metric.add_metric(labels, value)
            yield metric


def text_of(values: Values) -> bytes:
    """The values as Prometheus reads them: UTF-8, a line for each; metrics without a value as well."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(values))
    return generate_latest(registry)
