"""What both dashboards are made of: data sources, queries, and panels, by Grafana's own Foundation SDK."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries, trend
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

SQL = DataSourceRef(type_val="grafana-postgresql-datasource", uid="${postgres}")  # its name since 10.2.3
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${prometheus}")
DEGRADED, WATCH, FINE, PLAIN = "red", "orange", "green", "text"
VERDICTS = {
    "degraded": DEGRADED,
    "insufficient": WATCH,
    "changed": WATCH,
    "no_change_seen": PLAIN,
    "first": PLAIN,
    "stable": FINE,
}
SHARE, THREE = "percentunit", 3


class SqlQuery(variants.Dataquery):
    """A query of Grafana's PostgreSQL data source, which the SDK has no type for."""

    def __init__(self, sql: str, *, ref: str, series: bool) -> None:
        self.sql, self.ref, self.series = sql, ref, series

    def to_json(self) -> dict[str, object]:
        """The target as Grafana stores it."""
        return {
            "datasource": SQL.to_json(),
            "editorMode": "code",
            "format": "time_series" if self.series else "table",
            "rawQuery": True,
            "rawSql": " ".join(self.sql.split()),
            "refId": self.ref,
        }


class Sql(builder.Builder[SqlQuery]):
    """The same as a builder."""

    def __init__(self, sql: str, *, ref: str = "A", series: bool = False) -> None:
        self.query = SqlQuery(sql, ref=ref, series=series)

    def build(self) -> SqlQuery:
        """The query."""
        return self.query


def now(expression: str, legend: str = "") -> prometheus.Dataquery:
    """What Prometheus has at the end of the dashboard's time range."""
    query = prometheus.Dataquery().expr(expression).instant().ref_id("A").datasource(PROMETHEUS)
    return query.legend_format(legend) if legend else query


def rows(title: str, says: str, sql: str, *, width: int, height: int = 9) -> table.Panel:
    """A table of what a query returns."""
    panel = table.Panel().title(title).description(says).datasource(SQL).with_target(Sql(sql))
    return coloured(panel.span(width).height(height).show_header(True))


def lines(
    title: str, says: str, sql: str, *, width: int, unit: str = "", series: bool = False, height: int = 9
) -> timeseries.Panel:
    """Numbers over the ends of the periods, joined by straight lines, with a point for each."""
    panel = timeseries.Panel().title(title).description(says).datasource(SQL)
    panel = panel.with_target(Sql(sql, series=series)).span(width).height(height)
    panel = panel.show_points(common.VisibilityMode.ALWAYS).line_width(1).fill_opacity(0).decimals(THREE)
    panel = panel.legend(legend())
    return panel.unit(unit) if unit else panel


def bars(title: str, says: str, sql: str, *, width: int, height: int = 9) -> timeseries.Panel:
    """Counts, stacked."""
    panel = timeseries.Panel().title(title).description(says).datasource(SQL)
    panel = panel.with_target(Sql(sql, series=True)).span(width).height(height)
    stacking = common_stacking()
    return panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).stacking(stacking).legend(legend())


def number(
    title: str, says: str, expression: str, *, width: int, unit: str = "", bad_from: float | None = None
) -> stat.Panel:
    """One number of Prometheus; `bad_from`: where it turns orange."""
    panel = stat.Panel().title(title).description(says).datasource(PROMETHEUS)
    panel = panel.with_target(now(expression)).span(width).height(4)
    panel = panel.color_mode(common.BigValueColorMode.VALUE).graph_mode(common.BigValueGraphMode.NONE)
    steps = [Threshold(color=FINE, value=None)]
    if bad_from is not None:
        steps.append(Threshold(color=WATCH, value=bad_from))
    limits = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    panel = panel.thresholds(limits)
    return panel.unit(unit) if unit else panel


def reliability(title: str, says: str, sql: str, *, width: int) -> trend.Panel:
    """Accuracy over mean confidence."""
    panel = trend.Panel().title(title).description(says).datasource(SQL).with_target(Sql(sql))
    panel = panel.x_field("mean confidence").span(width).height(11).legend(legend())
    return panel.show_points(common.VisibilityMode.ALWAYS).unit(SHARE).min(0).max(1)


def legend() -> builder.Builder[Any]:
    """Names below the picture."""
    from grafana_foundation_sdk.builders.common import VizLegendOptions

    placed = VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM)
    return placed.display_mode(common.LegendDisplayMode.LIST)


def common_stacking() -> builder.Builder[Any]:
    """On top of each other."""
    from grafana_foundation_sdk.builders.common import StackingConfig

    return StackingConfig().mode(common.StackingMode.NORMAL)


def coloured(panel: table.Panel) -> table.Panel:
    """Verdicts and states of alerts in the colours of the reports; three digits."""
    words = {
        word: ValueMappingResult(text=word.replace("_", " "), color=colour)
        for word, colour in (VERDICTS | {"parked": DEGRADED, "waiting": WATCH}).items()
    }
    cells = DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})
    mapped = DynamicConfigValue(id_val="mappings", value=[ValueMap(options=words)])
    for name in ("verdict", "state"):
        panel = panel.override_by_name(name, [cells, mapped])
    return panel.decimals(THREE)


def board(title: str, uid: str, says: str) -> dashboard.Dashboard:
    """An empty dashboard of two years, with the choice of its data sources."""
    made = dashboard.Dashboard(title).uid(uid).description(says).tags(["calibwatch"]).readonly()
    made = made.time("now-2y", "now").timezone("utc").refresh(False)
    for name, kind in (("postgres", str(SQL.type_val)), ("prometheus", "prometheus")):
        made = made.with_variable(dashboard.DatasourceVariable(name).type(kind).label(name))
    return made
