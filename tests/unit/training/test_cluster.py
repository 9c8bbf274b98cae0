"""What TF_CONFIG says of who trains together is checked before anything waits for anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.training.cluster import ClusterError, find_cluster, read_cluster

WORKERS = ["one:2222", "two:2222"]


def write(cluster: Any, kind: str = "worker", index: Any = 0) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("text", "worker"),
    [
        (write({"worker": WORKERS}), 0),
        (write({"worker": WORKERS}, index=1), 1),
        (write({"worker": WORKERS}, index="1"), 1),
        (write({"chief": ["one:2222"], "worker": ["two:2222"]}, "chief"), 0),
        (write({"chief": ["one:2222"], "worker": ["two:2222"]}), 1),
    ],
)
def test_the_chief_comes_first(text: str, worker: int) -> None:
    cluster = read_cluster(text)
    assert (cluster.addresses, cluster.worker, cluster.is_chief) == (tuple(WORKERS), worker, worker == 0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "TF_CONFIG is not set"),
        ("", "TF_CONFIG is not set"),
        ("{", "TF_CONFIG: not understood"),
        ("[]", "TF_CONFIG: not understood"),
        ("{}", "TF_CONFIG: not understood ('cluster' is missing or unknown)"),
        (write(WORKERS), "TF_CONFIG: not understood"),
        (write({"worker": WORKERS}, index=2), "TF_CONFIG: not understood (there is no worker 2)"),
        (write({"worker": WORKERS}, index=-1), "TF_CONFIG: not understood (there is no worker -1)"),
        (write({"worker": WORKERS}, "evaluator"), "TF_CONFIG: not understood ('evaluator' is missing or unknown)"),
        (write({"worker": WORKERS, "ps": ["x:1"]}), "TF_CONFIG: cluster has ps; expected chief and worker alone."),
        (write({"worker": ["one:2222"]}), "TF_CONFIG: 1 addresses, expected two or more"),
        (write({"worker": ["one:2222", "one:2222"]}), "TF_CONFIG: 1 addresses, expected two or more"),
        (write({"worker": ["one:2222", "two"]}), "TF_CONFIG: 'two' is no address; expected HOST:PORT."),
        (write({"worker": ["one:2222", "two:99999"]}), "TF_CONFIG: 'two:99999' is no address"),
        (write({"worker": ["one:2222", 2]}), "TF_CONFIG: '2' is no address"),
        (write({"worker": ["one:2222", ["two:1"]]}), "TF_CONFIG:"),
    ],
)
def test_what_is_no_cluster_is_told_in_a_sentence(text: str | None, complaint: str) -> None:
    with pytest.raises(ClusterError) as refusal:
        read_cluster(text)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_chief_runs_the_pipeline_and_the_others_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", write({"worker": WORKERS}, index=1))
    assert find_cluster(as_chief=False).worker == 1
    with pytest.raises(ClusterError, match=r"worker 1 of 2, .* start `run_pipeline\.py join` here"):
        find_cluster(as_chief=True)
    monkeypatch.setenv("TF_CONFIG", write({"worker": WORKERS}))
    assert find_cluster(as_chief=True).is_chief
    with pytest.raises(
        ClusterError, match=r"this is the chief; start `run_pipeline\.py run --distribution multi-worker`"
    ):
        find_cluster(as_chief=False)
