"""A gateway in place of Kubeflow Pipelines, and a configuration of the commands that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pipeline.kubeflow import nodes, options
from tests.unit.kubeflow.gateway import TOKEN, Gateway


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways, and stops them at the end. Compiling takes its time, and none of it is looked at here."""
    monkeypatch.setattr(options, "compile_package", lambda settings: "pipelineInfo: {}\n")
    monkeypatch.setattr(nodes, "read_nodes", list)
    monkeypatch.setenv("KUBEFLOW_TOKEN", TOKEN)
    started: list[Gateway] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> Gateway:
        started.append(Gateway(answer))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "kubeflow.toml"
    path.write_text(
        'host = "http://127.0.0.1:1"\nimage = "image:1"\ntimeout = 1\n'
        '[serving]\nclaim = "models"\nmount_path = "/mnt/models"\n'
    )
    return path
