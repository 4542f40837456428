"""Prometheus itself: its rules are sound, it reads the page of `calib web`, and a rule fires."""

from __future__ import annotations

import json
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from dashboard_fleet import Filled
from prometheus_server import PAGE, RULES, asked, program, scraping, values
from web_server import served

from calib.metrics import FAMILIES
from calib.store import open_store
from calib.testing.mappings import a_mapping, put

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-prometheus"
PATIENCE = 180


def metric_names(text: str) -> set[str]:
    return set(re.findall(r"\bcalibwatch_[a-z_]+\b", text)) - {"calibwatch_client_state"}


def test_the_page_describes_every_metric_and_no_other() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = "".join(re.findall(r"^\| `calibwatch_.*? \|", page, re.MULTILINE))
    assert metric_names(table) == {family.name for family in FAMILIES}
    labels = {
        name: re.findall(r"`(\w+)`", row[1])
        for row in re.findall(r"^\| (`calibwatch_.*?) \| (.*?) \|", page, re.MULTILINE)
        for name in metric_names(row[0])
    }
    assert labels == {family.name: list(family.labels) for family in FAMILIES}


def test_rules_name_metrics_and_labels_that_there_are() -> None:
    by_name = {family.name: set(family.labels) for family in FAMILIES}
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert len(rules) >= 10
    for rule in rules:
        used = set()
        for name, chosen in re.findall(r"(calibwatch_\w+)(?:\{([^}]*)\})?", rule["expr"]):
            assert set(re.findall(r"(\w+)(?:=|!=|=~)\"", chosen)) <= by_name[name], rule
            used |= by_name[name]
        shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        assert shown <= used, rule


RULE_TESTS = """
rule_files: [{rules}]
evaluation_interval: 5m
tests:
  - interval: 5m
    input_series:
      - series: 'calibwatch_verdict{{stream="a",verdict="degraded"}}'
        values: '0x10 1x60'
      - series: 'calibwatch_mapping_expires_timestamp_seconds{{stream="a"}}'
        values: '{expires}x70'
      - series: 'calibwatch_mapping_expires_timestamp_seconds{{stream="fresh"}}'
        values: '99999999x70'
      - series: 'calibwatch_channel_readable{{stream="a"}}'
        values: '1x5 0x70'
      - series: 'calibwatch_alerts{{stream="a",state="waiting"}}'
        values: '0x5 2x70'
      - series: 'calibwatch_job_last_run_timestamp_seconds{{job="relay"}}'
        values: '0x70'
      - series: 'calibwatch_job_expected_since_timestamp_seconds{{job="relay"}}'
        values: '0x70'
      - series: 'calibwatch_job_expected_since_timestamp_seconds{{job="evaluate"}}'
        values: '0x900'
      - series: 'calibwatch_job_last_run_timestamp_seconds{{job="store-check"}}'
        values: '0x900'
      - series: 'calibwatch_collected_timestamp_seconds'
        values: '0x10 _x100'
    alert_rule_test:
      - {{eval_time: 45m, alertname: CalibwatchDegraded}}
      - eval_time: 1h
        alertname: CalibwatchDegraded
        exp_alerts:
          - exp_labels: {{severity: warning, stream: a, verdict: degraded}}
            exp_annotations:
              summary: "a: the served confidence got worse"
              description: "The latest judged period is degraded. `calib report a` shows it."
      - eval_time: 1h
        alertname: CalibwatchMappingExpires
        exp_alerts: [{{exp_labels: {{severity: warning, stream: a}}, exp_annotations: {expiry}}}]
      - {{eval_time: 40m, alertname: CalibwatchStoreUnreadable}}
      - eval_time: 2h
        alertname: CalibwatchStoreUnreadable
        exp_alerts: [{{exp_labels: {{severity: critical, stream: a}}, exp_annotations: {unreadable}}}]
      - {{eval_time: 2h, alertname: CalibwatchAlertsWaiting}}
      - eval_time: 3h
        alertname: CalibwatchAlertsWaiting
        exp_alerts:
          - exp_labels: {{severity: warning, stream: a, state: waiting}}
            exp_annotations: {waiting}
      - {{eval_time: 55m, alertname: CalibwatchRelayMissing}}
      - eval_time: 70m
        alertname: CalibwatchRelayMissing
        exp_alerts: [{{exp_labels: {{severity: critical, job: relay}}, exp_annotations: {relay}}}]
      - {{eval_time: 47h, alertname: CalibwatchJobMissing}}
      - eval_time: 49h
        alertname: CalibwatchJobMissing
        exp_alerts: [{{exp_labels: {{severity: warning, job: evaluate}}, exp_annotations: {job}}}]
      - {{eval_time: 50m, alertname: CalibwatchMetricsAbsent}}
      - eval_time: 80m
        alertname: CalibwatchMetricsAbsent
        exp_alerts: [{{exp_labels: {{severity: critical}}, exp_annotations: {absent}}}]
"""


def test_promtool_finds_the_rules_sound_and_they_fire_when_they_should(tmp_path: Path) -> None:
    checked = subprocess.run(
        [program("promtool"), "check", "rules", RULES], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    said = {
        rule["alert"]: rule["annotations"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    }

    def words(alert: str, **labels: Any) -> str:
        text = json.dumps(said[alert])
        for name, value in labels.items():
            text = text.replace(f"{{{{ ${name} }}}}", str(value))
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: "evaluate" if m[1] == "job" else "a", text)

    file = tmp_path / "tests.yaml"
    file.write_text(
        RULE_TESTS.format(
            rules=RULES,
            expires=86_400,
            expiry=words("CalibwatchMappingExpires"),
            unreadable=words("CalibwatchStoreUnreadable"),
            waiting=words("CalibwatchAlertsWaiting", value=2),
            relay=words("CalibwatchRelayMissing"),
            job=words("CalibwatchJobMissing"),
            absent=words("CalibwatchMetricsAbsent"),
        )
    )
    tested = subprocess.run(
        [program("promtool"), "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.slow
def test_a_real_prometheus_reads_a_real_page_and_a_rule_fires(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALIB_METRICS_TOKEN", TOKEN)
    with (
        served(filled.world.folder) as site,
        scraping(site.address, token=TOKEN, scratch=tmp_path) as api,
    ):
        deadline = time.monotonic() + PATIENCE
        firing: set[tuple[str, str]] = set()
        while ("CalibwatchDegraded", "triage") not in firing:
            assert time.monotonic() < deadline, f"{firing}; {asked(f'{api}/targets')}"
            time.sleep(0.5)
            alerts = asked(f"{api}/alerts")["data"]["alerts"]
            firing = {
                (a["labels"]["alertname"], a["labels"].get("stream", ""))
                for a in alerts
                if a["state"] == "firing"
            }
        names = set(asked(f"{api}/label/__name__/values")["data"])
        assert {family.name for family in FAMILIES} - names == {
            "calibwatch_job_last_run_timestamp_seconds",
            "calibwatch_job_expected_since_timestamp_seconds",
        }
        read = values(api, "calibwatch_labels_missing")
        assert {r["metric"]["stream"] for r in read} == {"triage", "billing"}


def test_the_clients_hook_makes_a_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(compile(code, PAGE.name, "exec"), names)  # noqa: S102
    made = a_mapping(stream="support-triage", certificates=())
    put(open_store("file:mappings"), made, at=datetime.now(UTC), expires_at=None)
    client, registry = names["client"], names["registry"]
    client.refresh_now()

    def value(state: str) -> float | None:
        labels = {"stream": "support-triage", "state": state}
        found: float | None = registry.get_sample_value("calibwatch_client_state", labels)
        return found

    assert (value("FRESH"), value("STALE"), value("UNCALIBRATED")) == (1, 0, 0)
    assert client.status().state == "FRESH"
    client.close()
