"""The files of deploy/: parsed as far as they can be, and agreeing with each other and with what is exported."""

import json
import re
import subprocess

import pytest
import yaml
from google.protobuf import text_format
from support.paths import ROOT
from tensorflow_serving.config import model_server_config_pb2

from esrgan_tf.commands.bulk import FLAGS as BULK_FLAGS
from esrgan_tf.commands.request import FLAGS as REQUEST_FLAGS
from esrgan_tf.commands.train import FLAGS as TRAIN_FLAGS
from esrgan_tf.formats.saved_model.servable import MAX_PIXELS, TILE
from esrgan_tf.recipes import get_recipe

SERVING, TRAINING, RAY = (ROOT / "deploy" / name for name in ("tf_serving", "training", "ray"))
NAME = f"quickstart_x{get_recipe('quickstart').generator.scale}"


@pytest.fixture(scope="module")
def models():
    text = (SERVING / "config" / "models.config").read_text()
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((SERVING / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def kubernetes():
    return {part["kind"]: part for part in yaml.safe_load_all((SERVING / "kubernetes.yaml").read_text())}


def test_the_model_is_the_one_that_the_readme_exports_with_labels_of_served_versions(models):
    (model,) = models
    assert (model.name, model.base_path, model.model_platform) == (NAME, f"/models/{NAME}", "tensorflow")
    assert dict(model.version_labels) == {"stable": 1, "canary": 2}
    assert set(model.version_labels.values()) <= set(model.model_version_policy.specific.versions)


def test_allowed_batch_sizes_ascend_and_end_with_the_largest():
    text = (SERVING / "config" / "batching.config").read_text()
    sizes = list(map(int, re.findall(r"^allowed_batch_sizes: (\d+)$", text, re.M)))
    (largest,) = re.findall(r"^max_batch_size \{ value: (\d+) \}$", text, re.M)
    assert sizes == sorted(set(sizes)) and sizes[-1] == int(largest)
    assert "pad_variable_length_inputs: false" in text
    assert sizes[-1] * TILE**2 <= MAX_PIXELS  # what the graph takes, of all images in a batch


def test_every_file_that_a_server_is_given_is_there_and_mounted(compose, kubernetes):
    pod = kubernetes["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    for command, mounts in (
        *(
            (service["command"], {v.split(":")[1] for v in service["volumes"]})
            for service in compose["services"].values()
        ),
        (container["args"], {mount["mountPath"] for mount in container["volumeMounts"]}),
    ):
        assert mounts == {"/models", "/config"}
        files = [flag.split("=")[1] for flag in command if "_file=" in flag]
        assert "/config/models.config" in files and "/config/monitoring.config" in files
        assert all((SERVING / file.lstrip("/")).is_file() for file in files)
        assert "--allow_version_labels_for_unavailable_models=true" in command
        assert f"--rest_api_timeout_in_ms={1000 * int(REQUEST_FLAGS['deadline'].default)}" in command


def test_ports_are_the_same_everywhere(compose, kubernetes):
    assert all(service["ports"] == ["8500:8500", "8501:8501"] for service in compose["services"].values())
    (container,) = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert {port["targetPort"]: port["port"] for port in kubernetes["Service"]["spec"]["ports"]} == ports
    labels = kubernetes["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert kubernetes["Service"]["spec"]["selector"] == labels
    assert kubernetes["Deployment"]["spec"]["selector"]["matchLabels"] == labels


def test_readiness_is_the_status_of_the_stable_model_and_metrics_are_where_they_are_looked_for(kubernetes, models):
    template = kubernetes["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"] == {
        "path": f"/v1/models/{models[0].name}/labels/stable/metadata",
        "port": "rest",
    }
    path = template["metadata"]["annotations"]["prometheus.io/path"]
    assert f'path: "{path}"' in (SERVING / "config" / "monitoring.config").read_text()


def test_the_client_flags_of_the_readme_exist():
    text = (SERVING / "README.md").read_text()
    flags = {flag for line in re.findall(r"esrgan request (.*?)[`\n]", text) for flag in re.findall(r"--(\w+)", line)}
    assert len(flags) > 5 and flags <= set(REQUEST_FLAGS)


def test_the_workers_of_the_kubernetes_job_find_each_other():
    parts = {part["kind"]: part for part in yaml.safe_load_all((TRAINING / "kubernetes.yaml").read_text())}
    job, service = parts["Job"], parts["Service"]
    assert job["spec"]["completionMode"] == "Indexed" and service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    (container,) = pod["containers"]
    assert container["ports"] == [{"containerPort": service["spec"]["ports"][0]["port"]}]
    (script,) = container["args"]
    shown = script.partition("exec esrgan")[0] + 'printf %s "$TF_CONFIG"'
    environment = {"JOB_COMPLETION_INDEX": "1"}
    config = json.loads(subprocess.check_output([*container["command"], shown], env=environment, text=True))
    name, port = job["metadata"]["name"], service["spec"]["ports"][0]["port"]
    count = job["spec"]["completions"]
    assert count == job["spec"]["parallelism"] == 2
    workers = [f"{name}-{index}.{pod['subdomain']}:{port}" for index in range(count)]
    assert config == {"cluster": {"worker": workers}, "task": {"type": "worker", "index": 1}}


def test_the_training_commands_are_those_of_the_package():
    for file in ("kubernetes.yaml", "train.slurm"):
        command = re.search(r"esrgan train (?:.*\\\n)*.*", (TRAINING / file).read_text())[0]
        flags = set(re.findall(r"--(\w+)", command))
        assert {"strategy", "data", "workdir"} <= flags <= set(TRAIN_FLAGS), file
    subprocess.run(["bash", "-n", str(TRAINING / "train.slurm")], check=True)


def commands_of_ray():
    """Every `esrgan bulk` of deploy/ray, as its arguments."""
    job = yaml.safe_load((RAY / "rayjob.yaml").read_text())
    (container,) = yaml.safe_load((RAY / "shards.yaml").read_text())["spec"]["template"]["spec"]["containers"]
    texts = [*(RAY / name for name in ("cluster.yaml", "shards.sbatch"))]
    typed = [re.search(r"esrgan bulk [^\n]*", path.read_text())[0].replace('"', "") for path in texts]
    return [job["spec"]["entrypoint"].split(), container["command"], *map(str.split, typed)]


def test_every_command_of_ray_is_one_that_the_package_takes():
    commands = commands_of_ray()
    assert len(commands) == 4
    for words in commands:
        assert words[:2] == ["esrgan", "bulk"]
        flags = {word[2:].partition("=")[0] for word in words if word.startswith("--")}
        assert flags <= set(BULK_FLAGS) and "output" in flags


def test_pods_have_the_disk_where_the_command_looks_for_it_and_the_same_image():
    job = yaml.safe_load((RAY / "rayjob.yaml").read_text())["spec"]["rayClusterSpec"]
    shards = yaml.safe_load((RAY / "shards.yaml").read_text())["spec"]
    groups = [job["headGroupSpec"], *job["workerGroupSpecs"], shards]
    for spec in (group["template"]["spec"] for group in groups):
        (container,), (volume,) = spec["containers"], spec["volumes"]
        assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/data"}]
        assert container["image"] == "REGISTRY/esrgan-ray:1"
    assert f"FROM rayproject/ray:{job['rayVersion']}-py311" in (RAY / "Dockerfile").read_text()
    assert (
        f"--shard=$(JOB_COMPLETION_INDEX)/{shards['completions']}"
        in shards["template"]["spec"]["containers"][0]["command"]
    )
    text = (RAY / "shards.sbatch").read_text()
    assert int(re.search(r"--array=0-(\d+)", text)[1]) + 1 == int(re.search(r"TASK_ID/(\d+)", text)[1])


def test_the_cluster_file_is_what_ray_takes():
    util = pytest.importorskip("ray.autoscaler._private.util")
    cluster = yaml.safe_load((RAY / "cluster.yaml").read_text())
    util.validate_config(util.prepare_config(cluster))
    with pytest.raises(Exception, match="no_such_field"):
        util.validate_config(util.prepare_config(cluster | {"no_such_field": 1}))
