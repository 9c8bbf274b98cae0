"""Times and sizes are read as people write them, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.quantities import QuantityError, parse_duration, parse_size, write_duration, write_size


@pytest.mark.parametrize(
    ("text", "hours"), [("26h", 26), ("90m", 1.5), ("2d", 48), (" 1.5 h ", 1.5), ("0.5m", 1 / 120)]
)
def test_a_time_has_a_unit(text: str, hours: float) -> None:
    assert parse_duration(text, "--within") == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text",
    ["", "26", "h", "-1h", "0h", "1e9h", "1h30m", "26 hours", "٢h", "999999999d", "9" * 500 + "h", "nan h", "\x1bh"],
)
def test_no_time_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(QuantityError, match=r"--within '.*: expected a time, such as 26h, 90m or 2d") as error:
        parse_duration(text, "--within")
    assert len(str(error.value)) < 120
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("20GB", 20 * 10**9),
        ("20 gb", 20 * 10**9),
        ("20G", 20 * 10**9),
        ("1.5TiB", 3 * 2**39),
        ("1kB", 1_000),
        ("1Ki", 1_024),
    ],
)
def test_a_size_has_a_unit(text: str, size: int) -> None:
    assert parse_size(text, "--free") == size


@pytest.mark.parametrize(
    "text", ["", "20", "GB", "-1GB", "0GB", "20 apples", "20B", "1e3GB", "0.0000001kB", "1" * 99 + "GB"]
)
def test_no_size_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(QuantityError, match=r"--free '.*: expected a size, such as 20GB"):
        parse_size(text, "--free")


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (123_456, "123 kB"),
        (1_234_567, "1.2 MB"),
        (20e9, "20.0 GB"),
        (999.9e9, "1.0 TB"),
        (5e15, "5,000.0 TB"),
        (-2e6, "-2.0 MB"),
    ],
)
def test_sizes_are_written_short(size: float, written: str) -> None:
    assert write_size(size) == written


@pytest.mark.parametrize(
    ("hours", "written"),
    [(26, "26 hours"), (48, "2 days"), (1.5, "90 minutes"), (1 / 60, "60 seconds"), (2_400, "100 days")],
)
def test_times_are_written_short(hours: float, written: str) -> None:
    assert write_duration(timedelta(hours=hours)) == written
