"""What a command prints in a pod is found again, with its exit code, among what KFP's launcher prints."""

from __future__ import annotations

import json

import pytest

from pipeline.kubeflow import command
from pipeline.kubeflow.told import Told, find_told


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["verify", "--output", "{empty}"], 0, "No model is pushed in {empty}."),
        (["verify", "--output", "{empty}", "--data", "clothes"], 2, "Error: --data clothes: no model of it is pushed"),
        (["no-such-command"], 2, "No such command"),
    ],
)
def test_a_command_is_told_as_it_is_here(capfd, monkeypatch, tmp_path, arguments, code, said):
    given = json.dumps([each.format(empty=tmp_path) for each in arguments])
    executor_input = json.dumps({"inputs": {"parameterValues": {"arguments": given}}})
    monkeypatch.setattr(command.sys, "argv", ["command", executor_input])
    assert command.main() == code
    printed = capfd.readouterr()
    log = f"I1126 launcher: begins\n{printed.out}F1126 launcher: exit status {code}\n"
    assert said.format(empty=tmp_path) in printed.out + printed.err
    told = find_told(log)
    assert told
    assert told.exit_code == code


def test_of_two_attempts_the_last_counts_and_one_that_was_killed_says_nothing():
    one = "----- run_pipeline.py verify\nfirst\n----- exit code 1\n"
    assert find_told(one + one.replace("first", "second").replace("code 1", "code 0")) == Told("second\n", 0)
    assert find_told("----- run_pipeline.py verify\nfirst\n") is None
