"""deploy/kubernetes, without a cluster: valid to its schemas, and true to what the site is, reads and says."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.test import Client
from django.urls import resolve
from rq import Queue

from jobs.services.metrics import SiteCollector
from tests import kustomize
from tests.kustomize import Resource, containers, pod_of
from tests.processes import BASE_DIR
from videoservice import healthcheck
from videoservice.request_metrics import REGISTRY

FOLDER = BASE_DIR / "deploy" / "kubernetes"
EXAMPLE = FOLDER / "overlays" / "example"
SITE = kustomize.build(EXAMPLE)
FOREIGN = ("keda.sh/", "monitoring.coreos.com/")
NATIVE = [one for one in SITE if not one["apiVersion"].startswith(FOREIGN)]
WORKLOADS = [one for one in SITE if pod_of(one)]
DEPLOYMENTS = {one["metadata"]["name"]: one for one in SITE if one["kind"] == "Deployment"}
READERS = re.compile(r'(?:env\.\w+|url)\(\s*"([A-Z_]+)"')
ELSEWHERE = ("AWS_", "OTEL_")
"""Beginnings of variables that libraries read."""
UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}


def of(kind: str) -> list[Resource]:
    return [one for one in SITE if one["kind"] == kind]


def called(resource: Resource) -> str:
    return f"{resource['kind']} {resource['metadata']['name']}"


def main(resource: Resource) -> dict[str, Any]:
    (found,) = [one for one in pod_of(resource)["containers"] if one["name"] == "main"]
    return found


def variables(resource: Resource) -> dict[str, str]:
    """All that the main container is given, by the ConfigMap and by itself."""
    (config,) = of("ConfigMap")
    assert main(resource)["envFrom"] == [{"configMapRef": {"name": config["metadata"]["name"]}}]
    return config["data"] | {one["name"]: one["value"] for one in main(resource).get("env", [])}


def size(text: str) -> int:
    return int(text[:-2]) * UNITS[text[-2:]]


# The files themselves ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", NATIVE, ids=called)
def test_each_resource_fits_its_schema(resource: Resource):
    for version in ("1.31", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(resource, version, strict=True)


def test_kustomize_itself_makes_the_same_of_it():
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("kubectl, whose kustomize this is held against, is not installed")
    done = subprocess.run([kubectl, "kustomize", EXAMPLE], capture_output=True, text=True, check=True)
    theirs = list(yaml.safe_load_all(done.stdout))
    assert {called(one): sorted_lists(one) for one in SITE} == {called(one): sorted_lists(one) for one in theirs}


def sorted_lists(value: Any, field: str = "") -> Any:
    """The same, with lists that are merged by a key in the order of that: no program cares."""
    if isinstance(value, dict):
        return {key: sorted_lists(one, key) for key, one in value.items()}
    if isinstance(value, list):
        items = [sorted_lists(one) for one in value]
        key = kustomize.KEYS.get(field)
        return sorted(items, key=lambda one: str(one[key])) if key and all(key in one for one in items) else items
    return value


def test_the_base_alone_is_whole():
    names = {called(one) for one in kustomize.build(FOLDER / "base")}
    assert names == {called(one) for one in NATIVE if one["kind"] != "Namespace"}


# What is run ---------------------------------------------------------------------------------------------------------


def test_every_queue_has_workers():
    listening = {queue for one in DEPLOYMENTS.values() for queue in settings.RQ_QUEUES if queue in main(one)["args"]}
    assert listening == set(settings.RQ_QUEUES)


@pytest.mark.parametrize("resource", WORKLOADS, ids=called)
def test_each_command_is_one_of_the_site(resource: Resource):
    python, script, name, *arguments = main(resource)["args"]
    assert (python, script) == ("python", "manage.py")
    assert "command" not in main(resource), "that would take the place of who buries what others leave"
    assert 'ENTRYPOINT ["/usr/bin/tini", "--"]' in (BASE_DIR / "Dockerfile").read_text()
    command = load_command_class(get_commands()[name], name)
    command.create_parser(script, name).parse_args(arguments)  # or it exits


@pytest.mark.parametrize("resource", WORKLOADS, ids=called)
def test_each_variable_is_read_by_somebody(resource: Resource):
    read = {name for file in (BASE_DIR / "videoservice").glob("*.py") for name in READERS.findall(file.read_text())}
    for name in variables(resource):
        assert name.removesuffix("_FILE") in read or name.startswith(ELSEWHERE), name


@pytest.mark.parametrize("resource", WORKLOADS, ids=called)
def test_pods_may_no_more_than_they_have_to(resource: Resource):
    """As Kubernetes' Pod Security Standard “restricted” wants it, and a root that nobody writes to."""
    pod = pod_of(resource)
    assert (
        pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    )
    assert not pod["automountServiceAccountToken"]
    assert set().union(*(set(volume) - {"name"} for volume in pod["volumes"])) <= {"secret", "emptyDir"}
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)
    for container in containers(resource):
        may = container["securityContext"]
        assert may["readOnlyRootFilesystem"] and not may["allowPrivilegeEscalation"]
        assert may["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]) and "memory" in container["resources"][
            "limits"
        ]
        assert container["image"].startswith("registry.example.org/"), "the overlay names it"


def test_pods_run_as_who_the_image_is_made_for():
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    (uid,) = set(re.findall(r"useradd .*--uid (\d+)", dockerfile))
    for resource in WORKLOADS:
        who = pod_of(resource)["securityContext"]
        assert {who["runAsUser"], who["runAsGroup"], who["fsGroup"]} == {int(uid)}


@pytest.mark.parametrize("resource", WORKLOADS, ids=called)
def test_what_is_written_lies_where_a_pod_may_write(resource: Resource):
    mounts = {one["mountPath"] for one in main(resource)["volumeMounts"] if not one.get("readOnly")}
    assert {variables(resource)["SCRATCH_DIR"], "/tmp", "/data"} <= mounts
    assert "DATA_DIR=/data" in (BASE_DIR / "Dockerfile").read_text()
    assert {one["name"] for one in main(resource)["volumeMounts"]} == {
        one["name"] for one in pod_of(resource)["volumes"]
    }


@pytest.mark.parametrize("resource", [DEPLOYMENTS[name] for name in settings.RQ_QUEUES], ids=called)
def test_a_worker_that_is_to_go_has_its_time_and_a_job_its_memory(resource: Resource):
    told = variables(resource)
    assert pod_of(resource)["terminationGracePeriodSeconds"] >= int(told["STOP_GRACE_SECONDS"]) + 30
    if "JOB_MEMORY_MB" in told:
        limit = size(main(resource)["resources"]["limits"]["memory"])
        processes = 2 if "--processes" in main(resource)["args"] else 1
        assert int(told["JOB_MEMORY_MB"]) * 1024**2 * processes <= 0.8 * limit * processes
        assert int(told["JOB_MEMORY_MB"]) * 1024**2 >= 0.6 * limit / processes


@pytest.mark.parametrize("name", [*settings.RQ_QUEUES, "reconcile"])
def test_a_process_that_hangs_is_started_again(name: str):
    probe = main(DEPLOYMENTS[name])["livenessProbe"]
    python, _, module, *asked = probe["exec"]["command"]
    assert (python, module, asked) == ("python", healthcheck.__spec__.name, [name])
    assert probe["periodSeconds"] * probe["failureThreshold"] > 2 * healthcheck.SILENT_SECONDS


def test_a_budget_keeps_nodes_from_being_emptied_of_a_kind_at_once():
    for name in ("web", *settings.RQ_QUEUES):
        (budget,) = [one for one in of("PodDisruptionBudget") if one["metadata"]["name"] == name]
        labels = DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


# The way in, and out -------------------------------------------------------------------------------------------------


def test_the_ingress_leads_to_the_web_processes():
    (ingress,), (service,) = of("Ingress"), of("Service")
    pods = DEPLOYMENTS["web"]["spec"]["template"]
    (rule,) = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": service["metadata"]["name"], "port": {"name": service["spec"]["ports"][0]["name"]}}
    assert service["spec"]["selector"].items() <= pods["metadata"]["labels"].items()
    ports = {one["name"] for one in main(DEPLOYMENTS["web"])["ports"]}
    assert service["spec"]["ports"][0]["targetPort"] in ports
    told = variables(DEPLOYMENTS["web"])
    assert rule["host"] in ingress["spec"]["tls"][0]["hosts"]
    assert told["SITE_URL"] == f"https://{rule['host']}" and told["ALLOWED_HOSTS"].split(",") == [rule["host"]]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = main(DEPLOYMENTS["web"])[probe]["httpGet"]
        assert asked["port"] in ports and resolve(asked["path"])


def test_nothing_is_let_through_that_is_not_named():
    policies = {one["metadata"]["name"]: one["spec"] for one in of("NetworkPolicy")}
    nothing = policies.pop("nothing")
    assert sorted(nothing["policyTypes"]) == ["Egress", "Ingress"] and set(nothing) == {"podSelector", "policyTypes"}
    for resource in WORKLOADS:
        labels = resource["spec"]["template"]["metadata"]["labels"]
        assert nothing["podSelector"]["matchLabels"].items() <= labels.items()
    assert [name for name, spec in policies.items() if "Ingress" in spec["policyTypes"]] == ["web"]
    (world,) = policies.pop("world")["egress"]
    for block in (one["ipBlock"] for one in world["to"]):
        private = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"}
        assert private & set(block["except"]) == {one for one in private if (":" in one) == (":" in block["cidr"])}
    named = [to for spec in policies.values() for rule in spec.get("egress", []) for to in rule["to"]]
    assert not [to for to in named if to.get("ipBlock", {}).get("cidr", "").endswith("/0")]


# Secrets -------------------------------------------------------------------------------------------------------------


def test_every_secret_that_is_used_is_made_as_the_documentation_says():
    (config,) = of("ConfigMap")
    files = {value.removeprefix("/secrets/") for value in config["data"].values() if value.startswith("/secrets/")}
    keys = {ref["key"] for one in of("TriggerAuthentication") for ref in one["spec"]["secretTargetRef"]}
    (monitor,) = of("ServiceMonitor")
    keys.add(monitor["spec"]["endpoints"][0]["authorization"]["credentials"]["key"])
    text = (BASE_DIR / "docs" / "kubernetes.md").read_text()
    (command,) = re.findall(r"kubectl .*create secret generic videoservice (.*?)\n\n", text, re.DOTALL)
    arguments = shlex.split(command.replace("\\\n", " "))
    made = {re.fullmatch(r"--from-(?:file|literal)=([a-z0-9-]+)=?.*", one)[1] for one in arguments}  # type: ignore[index]
    assert made == files | keys


# KEDA ----------------------------------------------------------------------------------------------------------------


def test_each_queue_with_entries_is_scaled_by_what_waits_and_runs():
    scaled = {one["metadata"]["name"] for one in of("ScaledObject")}
    assert scaled == set(settings.RQ_QUEUES) - {"hooks"}, "hooks has one entry however much there is to send"
    by_others = scaled | {one["spec"]["scaleTargetRef"]["name"] for one in of("HorizontalPodAutoscaler")}
    assert not [name for name in by_others if "replicas" in DEPLOYMENTS[name]["spec"]], "each apply would set it back"


@pytest.mark.django_db
@pytest.mark.parametrize("resource", of("ScaledObject"), ids=called)
def test_what_keda_asks_is_there(resource: Resource, client: Client):
    spec, name = resource["spec"], resource["metadata"]["name"]
    assert "fallback" not in spec, "a fixed number takes workers from a busy queue"
    assert spec["scaleTargetRef"] == {"name": name} and 1 <= spec["minReplicaCount"] < spec["maxReplicaCount"]
    triggers = {one["name"]: one for one in spec["triggers"]}
    listed, asked = triggers["waiting"], triggers["running"]
    assert listed["type"] == "redis" and listed["metadata"]["listName"] == Queue.redis_queue_namespace_prefix + name
    assert listed["authenticationRef"]["name"] in {one["metadata"]["name"] for one in of("TriggerAuthentication")}
    host, path = re.fullmatch(r"http://([^/]+)(/.*)", asked["metadata"]["url"]).groups()  # type: ignore[union-attr]
    (service,) = of("Service")
    assert host == f"{service['metadata']['name']}.{resource['metadata']['namespace']}.svc"
    answer = json.loads(client.get(path, HTTP_HOST=host, REMOTE_ADDR="10.1.2.3").content)
    for key in asked["metadata"]["valueLocation"].split("."):
        answer = answer[key]
    assert answer == 0
    assert all(isinstance(value, str) for one in triggers.values() for value in one["metadata"].values())
    assert set(re.findall(r"[a-z]+", spec["advanced"]["scalingModifiers"]["formula"])) == set(triggers)


# Alerts --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_alerts_ask_for_what_there_is():
    (rules,) = of("PrometheusRule")
    told = {family.name for family in (*SiteCollector().collect(), *REGISTRY.collect())}
    alerts = [rule for group in rules["spec"]["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) > 5
    for rule in alerts:
        names = set(re.findall(r"videoservice_\w+", rule["expr"]))
        assert names and {re.sub(r"_(count|bucket|info)$", "", name) for name in names} <= told, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"]


def test_prometheus_itself_understands_the_alerts(tmp_path: Path):
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool, which comes with prometheus, is not installed")
    (rules,) = of("PrometheusRule")
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules["spec"]))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
