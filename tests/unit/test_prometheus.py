"""Prometheus reads what is written, whatever a data set is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.health import Disk, Health
from pipeline.prometheus import TextfileError, check_textfile, render, write_textfile
from tests.made_outputs import NOW

DISK = Disk(free_bytes=10**9, used_bytes=10, growth_bytes_per_day=None, days_left=None)


def make_health(data: str, **fields: object) -> Health:
    known = {
        "last_good_run": "r", "last_good_verdict": "pushed", "last_good_at": NOW, "served_version": 3,
        "served_state": "verified", "used_bytes": 1_500, "growth_bytes_per_day": None, "problems": (),
    }  # fmt: skip
    return Health(data=data, **{**known, **fields})


def read(text: str) -> dict[tuple[str, str], float]:
    parser = pytest.importorskip("prometheus_client.parser")
    families = list(parser.text_string_to_metric_families(text))
    assert all(family.type == "gauge" and family.documentation for family in families)
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name.removeprefix("image_pipeline_"), sample.labels.get("data", "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_each_data_set_has_its_values() -> None:
    damaged = make_health("b", served_state="damaged", problems=("damaged",), growth_bytes_per_day=-2.5)
    values = read(render([make_health("a"), damaged], DISK))
    assert values["healthy", "a"] == values["served_whole", "a"] == 1
    assert values["healthy", "b"] == values["served_whole", "b"] == 0
    assert values["last_good_run_timestamp_seconds", "a"] == NOW.timestamp()
    assert values["growth_bytes_per_day", "b"] == -2.5
    assert values["disk_free_bytes", ""] == 1e9


def test_what_is_not_known_has_no_value() -> None:
    values = read(render([make_health("a", last_good_at=None, served_version=None, served_state=None)], DISK))
    assert {name for name, _ in values} == {"healthy", "used_bytes", "disk_free_bytes"}


@pytest.mark.parametrize("data", ['say "hi"', "back\\slash", "new\nline", "Größe {a=1}"])
def test_names_are_escaped(data: str) -> None:
    assert read(render([make_health(data)], DISK))["healthy", data] == 1


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.prom"
    path.write_text("old")
    check_textfile(path)
    write_textfile(path, [make_health("a")], DISK)
    assert path.read_text() == render([make_health("a")], DISK)
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "link", tmp_path / "pipe", tmp_path / "no" / "file", Path("/dev/null")):
        with pytest.raises(TextfileError, match=f"--prometheus {path}: there is no"):
            check_textfile(path)
