"""The files for Kubernetes and the image are whole, and fit to what the pipeline pushes and runs."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from pipeline.kubeflow.config import make_pipeline_config, read_config

ROOT = Path(__file__).parents[2]
OBJECTS = [item for path in sorted(ROOT.glob("deploy/*.yaml")) for item in yaml.safe_load_all(path.read_text())]


def find(kind: str) -> dict:
    return next(item for item in OBJECTS if item["kind"] == kind)


def test_what_is_served_is_what_the_example_configuration_pushes():
    config = read_config(ROOT / "deploy/kubeflow.toml")
    pod = find("Deployment")["spec"]["template"]["spec"]
    claims = {volume["name"]: volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod["volumes"]}
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert claims["models"] == config.serving.claim
    assert mounts["models"]["readOnly"]
    below = make_pipeline_config(config).serving_dir.relative_to(config.serving.mount_path)
    served = re.search('base_path: "(.*)"', find("ConfigMap")["data"]["models.config"])
    assert served
    assert served[1] == f"{mounts['models']['mountPath']}/{below}"


def test_the_volumes_of_the_example_configuration_are_made_and_given_to_the_image_s_user():
    config = read_config(ROOT / "deploy/kubeflow.toml")
    made = {item["metadata"]["name"] for item in OBJECTS if item["kind"] == "PersistentVolumeClaim"}
    assert config.data_volume
    assert made == {config.serving.claim, config.data_volume.claim}
    pod = find("Pod")["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    mounted = {volume["persistentVolumeClaim"]["claimName"]: mounts[volume["name"]] for volume in pod["volumes"]}
    assert mounted == {volume.claim: volume.mount_path for volume in (config.serving, config.data_volume)}
    user = re.search(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    assert f"chown {user[1]}:0 {' '.join(mounts.values())}" in container["command"][-1]


def test_what_installs_a_lock_asks_no_package_what_it_needs():
    """The lock overrules bounds of packages (docs/decisions.md, 3 and 23); whatever resolves it anew refuses it."""
    files = [(ROOT / name).read_text() for name in ("Dockerfile", "Makefile", "README.md")]
    lines = [line for text in files for line in text.splitlines() if "--require-hashes" in line]
    installing = [line for line in lines if re.search(r"\bpip (install|sync)\b", line)]
    assert len(installing) == 4
    assert [line for line in installing if not re.search(r"pip sync|--no-deps", line)] == []


def test_kustomize_takes_every_file():
    kustomization = yaml.safe_load((ROOT / "deploy/kustomization.yaml").read_text())
    files = {path.name for path in ROOT.glob("deploy/*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files


def test_the_policies_are_those_of_the_served_pods_and_let_clients_in():
    pod = find("Deployment")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    policy, budget = find("NetworkPolicy")["spec"], find("PodDisruptionBudget")["spec"]
    assert policy["podSelector"]["matchLabels"] == budget["selector"]["matchLabels"] == pod["metadata"]["labels"]
    (ingress,) = policy["ingress"]
    assert {port["port"] for port in ingress["ports"]} == {port["name"] for port in container["ports"]}
    assert budget["maxUnavailable"] < find("Deployment")["spec"]["replicas"]


def test_the_service_finds_the_pods():
    labels = find("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert find("Service")["spec"]["selector"].items() <= labels.items()
    assert find("Deployment")["spec"]["selector"]["matchLabels"] == labels


def test_the_image_holds_what_a_stage_runs_and_nothing_else():
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignored, *allowed = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert ignored == "*"
    assert {line[1:] for line in allowed if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)
    assert re.search(r"^USER 1000$", dockerfile, re.MULTILINE)
