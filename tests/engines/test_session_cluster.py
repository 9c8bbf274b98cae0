"""The cluster for Flink's operator is what the operator's own definition allows; Maven has that."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.engines.runs import ROOT

FILE = ROOT / "deploy/flink/session-cluster.yaml"
OPERATOR = "org.apache.flink:flink-kubernetes-operator-api:1.10.0"
DEFINITION = "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"
pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("mvn") is None, reason="the operator's definition comes by Maven"),
]


def make_strict(schema: Any) -> Any:
    """Kubernetes drops what a definition does not name; here it is an error."""
    if isinstance(schema, list):
        return [make_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: make_strict(each) for name, each in schema.items()}
    if strict.get("type") == "object" and "properties" in strict and "additionalProperties" not in strict:
        strict["additionalProperties"] = bool(strict.get("x-kubernetes-preserve-unknown-fields"))
    return strict


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Draft202012Validator:
    place = tmp_path_factory.mktemp("operator")
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
    command = ["mvn", "-q", "-B", goal, f"-Dartifact={OPERATOR}:jar", f"-DoutputDirectory={place}"]
    subprocess.run(command, check=True, cwd=place)
    (jar,) = place.glob("*.jar")
    with zipfile.ZipFile(jar) as packed:
        definition = yaml.load(packed.read(DEFINITION), yaml.CSafeLoader)
    (version,) = definition["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"] |= {name: {} for name in ("apiVersion", "kind", "metadata")}
    return Draft202012Validator(make_strict(schema))


def test_the_session_cluster_fits_the_operator_s_definition(validator: Draft202012Validator) -> None:
    cluster = yaml.safe_load(FILE.read_text())
    assert [error.message for error in validator.iter_errors(cluster)] == []


def test_the_definition_refuses_what_is_none(validator: Draft202012Validator) -> None:
    cluster = yaml.safe_load(FILE.read_text())
    cluster["spec"]["taskManager"]["replicas"] = "two"
    cluster["spec"]["taskManager"]["podTemplate"]["spec"]["containers"][0]["imagee"] = ""
    assert len(list(validator.iter_errors(cluster))) == 2
