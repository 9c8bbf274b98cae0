"""`[notify]` names where addresses are; what is no name, an address above all, is refused and not repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.run_options import read_options
from pipeline.declared import ConfigError
from pipeline.kubeflow.config import read_config
from pipeline.notify.settings import POD_VARIABLE, Notify

SECRET = "xoxb-s3cr3t"
CLUSTER = 'host = "https://k"\nimage = "i"\nserving = {claim = "c", mount_path = "/m"}\n'  # before the table


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text(text)
    return path


def test_it_is_no_option_and_set_by_nobody_else(tmp_path: Path) -> None:
    path = write(tmp_path, 'epochs = 3\n[notify]\nenv = "ALARMS"\nwhen = ["rejected", "error"]\n')
    options, set_by_file = read_options(path, {})
    assert options.notify == Notify(env="ALARMS", when=("rejected", "error"))
    assert set_by_file == ("epochs",)


def test_by_default_changes_are_told(tmp_path: Path) -> None:
    options, _ = read_options(write(tmp_path, '[notify]\nfile = "alarms.txt"\n'), {})
    assert options.notify == Notify(file="alarms.txt", when=("changed",))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            f'[notify]\nenv = "slack://{SECRET}"',
            "holds an address, which is a secret; put it into an env",
        ),
        (f'[notify]\nfile = "slack://{SECRET}"', "holds an address"),
        (f'[notify]\nurls = ["slack://{SECRET}"]', "holds an address"),
        (f'[notify]\n"slack://{SECRET}" = 1', "holds an address"),
        (f'notify = "slack://{SECRET}"', "holds an address"),
        (f'[[notify]]\nenv = "slack://{SECRET}"', "holds an address"),
        (f'notify = "{SECRET}"', "notify: expected a table"),
        (f'[notify]\nenv = "{SECRET}"', "expected the name of a variable"),
        (f'[notify]\nenv = ["{SECRET}"]', "env: expected text"),
        (f'[notify]\nenv = "A"\nwhen = "{SECRET}"', "when: expected a list"),
        ("[notify]", "neither of env and file: expected one"),
        ('[notify]\nenv = "A"\nfile = "b"', "both of env and file: expected one"),
        ('[notify]\nevn = "A"', "[notify]: unknown key evn; did you mean env?"),
        ('[notify]\nenv = "A"\nwhen = ["reject"]', "[notify]: when: unknown event; did you mean rejected?"),
    ],
)
def test_what_is_not_understood_is_told_without_a_value_that_may_be_a_secret(
    tmp_path: Path, table: str, message: str
) -> None:
    path = write(tmp_path, table)
    with pytest.raises(ConfigError) as refusal:
        read_options(path, {})
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}: ")
    assert SECRET not in str(refusal.value)


def test_on_a_cluster_it_names_a_secret(tmp_path: Path) -> None:
    notify = read_config(write(tmp_path, CLUSTER + '[notify]\nsecret = "alarms"\nwhen = ["error"]\n')).notify
    assert notify is not None
    assert (notify.secret, notify.key) == ("alarms", "addresses")
    assert notify.in_pod == Notify(env=POD_VARIABLE, when=("error",))
    for table in (f'secret = "slack://{SECRET}"', f'url = "slack://{SECRET}"'):
        with pytest.raises(ConfigError, match="holds an address") as refusal:
            read_config(write(tmp_path, f"{CLUSTER}[notify]\n{table}\n"))
        assert SECRET not in str(refusal.value)
