"""As much of kustomize as deploy/kubernetes uses: resources, components, patches that are merged, images, a namespace.

tests/test_kubernetes.py holds it against kustomize itself where that is to be had (it is a part of kubectl).
"""

import copy
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]
KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""By which of their fields items of these lists are the same; lists of other names are replaced."""
KNOWN = {"apiVersion", "kind", "resources", "components", "patches", "images", "namespace"}
CLUSTER_WIDE = {"Namespace"}


def build(folder: Path) -> list[Resource]:
    """All resources of a kustomization, as `kubectl kustomize` would give them to a cluster."""
    return _applied(folder, [])


def _applied(folder: Path, resources: list[Resource]) -> list[Resource]:
    told = _one(folder / "kustomization.yaml")
    assert set(told) <= KNOWN, f"{folder}: {set(told) - KNOWN} is not read here"
    resources = list(resources)
    for name in told.get("resources", []):
        path = folder / name
        resources += build(path) if path.is_dir() else _every(path)
    for name in told.get("components", []):
        resources = _applied(folder / name, resources)
    for patch in told.get("patches", []):
        _patch(resources, folder / patch["path"], patch.get("target"))
    for image in told.get("images", []):
        _name_image(resources, image)
    if namespace := told.get("namespace"):
        for resource in resources:
            metadata = resource["metadata"]
            if resource["kind"] in CLUSTER_WIDE:
                metadata["name"] = namespace
            else:
                metadata["namespace"] = namespace
    return resources


def _patch(resources: list[Resource], path: Path, target: dict[str, str] | None) -> None:
    for patch in _every(path):
        wanted = {"kind": patch["kind"], "name": patch["metadata"]["name"]} if target is None else target
        found = [
            one
            for one in resources
            if one["kind"] == wanted["kind"] and one["metadata"]["name"] == wanted.get("name", one["metadata"]["name"])
        ]
        assert found, f"{path} changes nothing"
        for resource in found:
            content = {key: value for key, value in patch.items() if key not in ("apiVersion", "kind")}
            if target is not None:
                content.pop("metadata")
            merged = merge(resource, content)
            resource.clear()
            resource.update(merged)


def merge(base: Any, patch: Any, field: str = "") -> Any:
    """What a strategic merge makes of both."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return {
            key: merge(base[key], patch[key], key) if key in base and key in patch else copy.deepcopy(value)
            for key, value in {**base, **patch}.items()
        }
    if isinstance(base, list) and isinstance(patch, list) and (key := KEYS.get(field)) and _have(key, base, patch):
        ours = {item[key]: item for item in base}
        theirs = {item[key]: item for item in patch}
        return [merge(ours.get(name, {}), theirs.get(name, {})) for name in {**ours, **theirs}]
    return copy.deepcopy(patch)


def _have(key: str, *lists: list[Any]) -> bool:
    return all(isinstance(item, dict) and key in item for items in lists for item in items)


def _name_image(resources: list[Resource], image: dict[str, str]) -> None:
    for resource in resources:
        for container in containers(resource):
            if container["image"].split(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"


def pod_of(resource: Resource) -> dict[str, Any]:
    """The spec of the pods that a resource makes; {} where it makes none."""
    found: dict[str, Any] = resource.get("spec", {}).get("template", {}).get("spec", {})
    return found


def containers(resource: Resource) -> list[dict[str, Any]]:
    pod = pod_of(resource)
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def _every(path: Path) -> list[Resource]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def _one(path: Path) -> dict[str, Any]:
    (found,) = _every(path)
    return found
