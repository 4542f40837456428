"""Grafana and Prometheus of Compose: the role that sees the views alone, and what is mounted where."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from postgres import Postgres

from calib.db.engine import open_engine
from calib.db.schema import migrate

from .test_compose import INFRA, OF_DASHBOARDS, SECRETS, config

ROOT = INFRA.parent
FILE = "compose.dashboards.yaml"
VIEWS = {"v_windows", "v_bins", "v_labels", "v_alerts", "v_mappings"}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: run `make infra-tools`, which installs it")
    return found


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    done = config(FILE, **SECRETS, **OF_DASHBOARDS)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return read


@pytest.mark.slow
def test_it_adds_three_services_and_asks_for_each_secret(services: dict[str, Any]) -> None:
    assert len(services) == 10
    assert {"views", "prometheus", "grafana"} <= set(services)
    examples = (INFRA / "example.env").read_text()
    for name in OF_DASHBOARDS:
        given = SECRETS | {key: value for key, value in OF_DASHBOARDS.items() if key != name}
        without = config(FILE, **given)
        assert without.returncode != 0
        assert f"write {name}" in without.stderr
        assert re.search(rf"^{name}=$", examples, re.MULTILINE), "example.env names it, and gives no value"


def test_only_this_machine_reaches_them_and_images_are_pinned(services: dict[str, Any]) -> None:
    for name in ("prometheus", "grafana"):
        assert all(str(port).startswith("127.0.0.1:") for port in services[name]["ports"])
        assert services[name]["cap_drop"] == ["ALL"]
    for name in ("views", "prometheus", "grafana"):
        assert re.search(r":v?\d+[.-]", services[name]["image"]), services[name]["image"]
    assert services["grafana"]["environment"]["GF_ANALYTICS_REPORTING_ENABLED"] == "false"


def mounts(service: dict[str, Any]) -> dict[str, Path]:
    """From the path in the container to the one on this machine, of what is mounted for reading."""
    pairs = (str(volume).removesuffix(":ro").rsplit(":", 1) for volume in service["volumes"])
    return {inside: Path(outside) for outside, inside in pairs if outside.startswith("/")}


def test_what_is_mounted_is_there_and_where_the_files_look_for_it(services: dict[str, Any]) -> None:
    grafana, prometheus = services["grafana"], services["prometheus"]
    inside = mounts(grafana)
    provisioning = inside["/etc/grafana/provisioning"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "calibwatch.yaml").read_text())["providers"]
    assert (inside[provider["options"]["path"]] / "fleet.json").is_file()
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (inside[str(home.parent)] / home.name).is_file()
    sources = (provisioning / "datasources" / "calibwatch.yaml").read_text()
    assert set(re.findall(r"\$(\w+)", sources)) <= set(grafana["environment"])
    assert (mounts(prometheus)["/etc/prometheus"] / "prometheus.yml").is_file()
    assert mounts(services["views"])["/grafana-role.sql"].is_file()
    for path in [*(ROOT / "dashboards").rglob("*.y*ml"), INFRA / FILE, INFRA / "grafana-role.sql"]:
        assert "of-" not in path.read_text(), "no secret of ours is in a file"


def test_prometheus_reads_its_file_and_the_token_that_the_container_writes(
    services: dict[str, Any], tmp_path: Path
) -> None:
    """The container's own command, with the paths of this machine and `promtool` in place of Prometheus."""
    service, token = services["prometheus"], tmp_path / "run" / "metrics-token"
    token.parent.mkdir()
    folder = tmp_path / "etc"
    shutil.copytree(mounts(service)["/etc/prometheus"], folder)
    written = (folder / "prometheus.yml").read_text()
    named = yaml.safe_load(written)["scrape_configs"][0]["authorization"]["credentials_file"]
    assert any(named.startswith(str(place).partition(":")[0] + "/") for place in service["tmpfs"])
    (folder / "prometheus.yml").write_text(written.replace(named, str(token)))
    (script,) = service["command"]
    assert named in script
    check = f"{program('promtool')} check config {folder / 'prometheus.yml'}"
    script = re.sub(r"/bin/prometheus .*", check, script.replace("$$", "$")).replace(named, str(token))
    done = subprocess.run(
        [*service["entrypoint"], script],
        env={"PATH": os.environ["PATH"], "CALIB_METRICS_TOKEN": "a token with $ and 'quotes'"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"SUCCESS: \d+ rules found", done.stdout)
    assert token.read_text() == "a token with $ and 'quotes'"
    assert token.stat().st_mode & 0o077 == 0
    target = yaml.safe_load(written)["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == ["web:8000"]
    assert "web" in services


@pytest.mark.slow
@pytest.mark.parametrize("schema", [None, "watched"])
def test_the_role_sees_the_views_alone_and_takes_its_new_password_when_made_again(
    services: dict[str, Any], postgres_server: Postgres, schema: str | None
) -> None:
    service = services["views"]
    words = [
        word.replace("/grafana-role.sql", str(INFRA / "grafana-role.sql")) for word in service["entrypoint"]
    ]
    with postgres_server.database() as name:
        url = postgres_server.url(name)
        engine = open_engine(url, schema=schema)
        migrate(engine)
        place = engine.url
        tables = set()
        given = {"PGHOST": place.host, "PGPORT": str(place.port), "PGUSER": place.username}
        if schema is not None:
            given["CALIB_SCHEMA"] = schema
        given |= {"PGPASSWORD": str(place.password or ""), "PGDATABASE": name}
        try:
            for password in ("first 'quoted' \\ $", "another"):
                environment = {"PATH": os.environ["PATH"], "GRAFANA_DATABASE_PASSWORD": password}
                done = subprocess.run(
                    [program(words[0]), *words[1:]],
                    env=environment | {key: str(value) for key, value in given.items()},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, done.stderr
                assert password not in done.stdout + done.stderr
            with psycopg.connect(
                host=place.host, port=place.port, user="grafana", password="another", dbname=name
            ) as conn:
                where = schema or "public"
                query = "SELECT relname, oid FROM pg_class WHERE relnamespace = %s::regnamespace"
                query += " AND relkind IN ('r', 'v')"
                for relation, oid in conn.execute(query, (where,)).fetchall():
                    tables.add(relation)
                    asked = f"SELECT has_table_privilege({oid}, 'SELECT')"
                    sees = conn.execute(asked).fetchone()
                    assert sees == (relation in VIEWS,), relation
                assert conn.execute("SELECT count(*) FROM v_windows").fetchone() == (0,)
                with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                    conn.execute("CREATE TEMPORARY TABLE t (a int)")
            assert tables > VIEWS
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(
                    host=place.host, port=place.port, user="grafana", password="first", dbname=name
                )
        finally:
            engine.dispose()
            postgres_server.execute("DROP OWNED BY grafana; DROP ROLE grafana", database=name)
