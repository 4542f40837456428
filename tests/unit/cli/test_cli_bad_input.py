"""Bad input is a clear error or a counted reject: exit code 2 or 4, nothing half-written."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import World


def traffic_of(world: World, **columns: Any) -> None:
    """Replace January's traffic with other columns."""
    for path in (world.folder / "traffic").glob("*.parquet"):
        path.unlink()
    table = world.write("2026-01")
    for name, values in columns.items():
        if values is None:
            table = table.drop_columns([name])
        else:
            table = table.drop_columns([name]).append_column(name, values)
    pq.write_table(table, world.folder / "traffic" / "2026-01.parquet")


def run(calib: Any, world: World, *more: Any) -> Any:
    return calib("run", "triage", "--period", "2026-01", "--json", "--config", world.config, *more)


def nothing_written(world: World) -> bool:
    return not list((world.folder / "mappings").rglob("*.json"))


def test_a_missing_column_is_named_with_the_nearest(world: World, calib: Any) -> None:
    world.config.write_text(world.config.read_text().replace('"raw_confidence"', '"raw_confidense"'))
    ran = run(calib, world)
    assert ran.code == 2
    assert "triage" in ran.err
    assert "'raw_confidense'" in ran.err
    assert "'raw_confidence'" in ran.err
    assert "columns.confidence" in ran.err
    assert ran.json["error"]["exit_code"] == 2
    assert nothing_written(world)


def test_an_empty_month_says_so(world: World, calib: Any) -> None:
    ran = calib("run", "triage", "--period", "2025-06", "--config", world.config)
    assert ran.code == 2
    assert "2025-06 is empty" in ran.err


@pytest.mark.slow
def test_words_and_percentages_are_counted_not_guessed(world: World, calib: Any) -> None:
    words = [["0.9", "85%", "high", None, "1.5", "-0.1", "0.7", " 0.8 "][i % 8] for i in range(1500)]
    traffic_of(world, raw_confidence=pa.array(words, pa.string()))
    ran = run(calib, world)
    assert (ran.code, ran.json["state"]) == (3, "insufficient")
    assert ran.json["rejected"] == {"missing": 188, "not_a_number": 376, "out_of_range": 374}
    assert ran.json["population"] == 1500 - 188 - 376 - 374
    assert [alert["kind"] for alert in ran.json["alerts"]] == ["cannot_see"]
    assert nothing_written(world)


@pytest.mark.slow
def test_a_column_of_percentages_alone_has_no_verdict(world: World, calib: Any) -> None:
    traffic_of(world, raw_confidence=pa.array([85.0] * 1500))
    ran = run(calib, world)
    assert (ran.code, ran.json["state"]) == (3, "insufficient")
    assert ran.json["rejected"] == {"out_of_range": 1500}
    assert "set `scale`" in ran.err
    assert nothing_written(world)


@pytest.mark.slow
def test_nan_and_out_of_range_are_counted(world: World, calib: Any) -> None:
    values = [[0.9, float("nan"), 1.0000001, -1e-9, float("inf"), 1.0, 0.0][i % 7] for i in range(1500)]
    traffic_of(world, raw_confidence=pa.array(values))
    ran = run(calib, world)
    assert (ran.code, ran.json["state"]) == (3, "insufficient")
    assert ran.json["rejected"] == {"not_a_number": 215, "out_of_range": 214}


@pytest.mark.slow
def test_duplicates_are_counted_and_never_drawn_twice(world: World, calib: Any) -> None:
    traffic_of(world, prediction_id=pa.array([f"id-{i // 2}" for i in range(1500)]))
    ran = run(calib, world)
    assert ran.code == 0
    duplicates = ran.json["rejected"]["duplicate"]
    assert 600 <= duplicates <= 900  # an estimate of 750
    assert ran.json["population"] == 1500 - duplicates
    assert ran.json["sample"]["n"] == 300


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_naive_times_are_read_in_the_streams_zone(world: World, calib: Any, zone: str) -> None:
    edge = [datetime(2026, 1, 31, 23, 30), datetime(2026, 2, 1, 0, 30)]  # noqa: DTZ001  naive on purpose
    traffic_of(world, ts=pa.array([edge[i % 2] for i in range(1500)], pa.timestamp("us")))
    world.settings(f'timezone = "{zone}"')
    assert run(calib, world).json["population"] == 750


@pytest.mark.slow
def test_mixed_times_are_each_read_as_they_say(world: World, calib: Any) -> None:
    times = ["2026-01-31T23:30:00Z", "2026-01-31T23:30:00", "2026-01-31T20:30:00-05:00", "nonsense"]
    traffic_of(world, ts=pa.array([times[i % 4] for i in range(1500)]))
    ran = run(calib, world)
    assert ran.json["population"] == 750  # the third lies in February, UTC
    assert ran.json["rejected"] == {"bad_timestamp": 375}


def test_a_column_that_holds_no_times_is_refused(world: World, calib: Any) -> None:
    traffic_of(world, ts=pa.array(range(1500)))
    ran = run(calib, world)
    assert ran.code == 2
    assert "columns.ts" in ran.err


@pytest.mark.slow
def test_answers_that_are_neither_right_nor_wrong_give_no_verdict(world: World, calib: Any) -> None:
    traffic_of(world, correct=pa.array(["perhaps"] * 1500))
    ran = run(calib, world)
    assert (ran.code, ran.json["state"]) == (3, "insufficient")
    assert ran.json["refit"]["reason_code"] == "unknown_outcomes"
    assert nothing_written(world)


@pytest.mark.slow
def test_five_labels_are_not_enough(world: World, calib: Any) -> None:
    traffic_of(world, correct=pa.array([1 if i < 5 else None for i in range(1500)], pa.int8()))
    ran = run(calib, world)
    assert ran.code == 3
    assert ran.json["state"] == "insufficient"
    assert nothing_written(world)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere: see the next test")
def test_a_store_without_permission_is_said(world: World, calib: Any) -> None:
    (world.folder / "mappings").mkdir(mode=0o500)
    assert run(calib, world).code == 4


def test_an_unwritable_store_is_said_before_anything_is_written(world: World, calib: Any) -> None:
    (world.folder / "blocked").write_text("a file where a folder should be")
    world.settings(head='store = "file:blocked/mappings"')
    ran = run(calib, world)
    assert ran.code == 4
    assert "blocked" in ran.err
    assert not (world.folder / "calib.db").exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [("sqlite:////proc/nowhere/calib.db", 4), ("nonsense", 2), ("sqlite:///traffic", 4)],
)
def test_an_unreachable_database_is_said(world: World, calib: Any, url: str, code: int) -> None:
    world.settings(head=f'database = "{url}"')
    ran = run(calib, world)
    assert ran.code == code
    assert "database" in ran.err
    assert nothing_written(world)


def test_an_unknown_key_is_refused_with_its_line(world: World, calib: Any) -> None:
    world.settings("labls = 200")
    ran = run(calib, world)
    assert ran.code == 2
    assert "calib.toml:7" in ran.err
    assert "did you mean 'labels'" in ran.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("max_rise = 1.5", "less than 1"),
        ('timezone = "Mars/Olympus"', "no time zone"),
        ("false_alarms_per_year = 0", "greater than 0"),
        ('period = "fortnight"', "month"),
        ("targets = [0.9, 2]", "less than 1"),
        ("settle_hours = -1", "greater than or equal to 0"),
    ],
)
def test_impossible_settings_are_refused(world: World, calib: Any, line: str, said: str) -> None:
    world.settings(line)
    ran = run(calib, world)
    assert ran.code == 2
    assert said in ran.err
    assert "calib.toml:7" in ran.err


def test_an_unknown_stream_and_a_period_that_is_none(world: World, calib: Any) -> None:
    ran = calib("run", "triag", "--period", "2026-01", "--config", world.config)
    assert ran.code == 2
    assert "did you mean 'triage'" in ran.err
    ran = calib("run", "triage", "--period", "January", "--config", world.config)
    assert ran.code == 2
    assert "2026-10" in ran.err
    ran = calib("backfill", "triage", "--from", "2026-03", "--to", "2026-01", "--config", world.config)
    assert ran.code == 2


def test_no_settings_file_is_said_with_the_way_out(calib: Any, tmp_path: Path) -> None:
    ran = calib("run", "triage", "--period", "2026-01", "--config", tmp_path / "calib.toml")
    assert ran.code == 2
    assert "--config" in ran.err


def test_a_glob_without_files(world: World, calib: Any) -> None:
    world.config.write_text(world.config.read_text().replace("traffic/*.parquet", "nowhere/*.parquet"))
    ran = run(calib, world)
    assert ran.code == 2
    assert "no file matches" in ran.err


def test_hostile_names_stay_text(world: World, calib: Any) -> None:
    ran = calib("run", "\x1b[31m../etc", "--period", "2026-01", "--config", world.config)
    assert ran.code == 2
    assert "\x1b" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "triage"], "Missing option '--period'."),
        (["run"], "Missing argument 'STREAM'."),
        (["no-such-verb"], "No such command 'no-such-verb'."),
        (["status", "--strem", "x"], "No such option: --strem"),
        (["status", "more"], "unexpected extra argument"),
        (["alerts", "list", "--limit", "many"], "Invalid value for '--limit'"),
        (["mapping", "withdraw", "triage"], "Missing option '--reason'."),
        (["reviewers", "add", "ana", "--role", "king"], "Invalid value for '--role'"),
    ],
)
def test_wrong_arguments_are_one_json_object_too(calib: Any, arguments: list[str], says: str) -> None:
    ran = calib(*arguments, "--json")
    assert ran.code == 2
    assert set(ran.json) == {"error"}
    assert (ran.json["error"]["kind"], ran.json["error"]["exit_code"]) == ("WrongArguments", 2)
    assert says in ran.json["error"]["message"]
    assert says in ran.err
    plain = calib(*arguments)
    assert (plain.code, plain.out) == (2, "")
    assert says in plain.err


def test_settings_as_an_editor_on_windows_saves_them_are_read(world: World, calib: Any) -> None:
    text = world.config.read_text().replace("\n", "\r\n")
    world.config.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert calib("status", "--json", "--config", world.config).code == 0


def test_settings_that_are_no_text_are_refused_in_words(world: World, calib: Any) -> None:
    folder = calib("status", "--json", "--config", world.folder)
    assert folder.code == 2
    assert folder.json["error"]["message"].endswith("cannot be read: Is a directory")
    world.config.write_bytes(b"# \xff\n")
    latin = calib("status", "--json", "--config", world.config)
    assert latin.code == 2
    assert "is not UTF-8 text" in latin.json["error"]["message"]
