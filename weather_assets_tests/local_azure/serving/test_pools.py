"""Real scoring processes behind one endpoint: routing, mirroring, limits, crashes, logs."""

import json
import stat
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure.azure.faults import Fault, FaultKind
from weather_assets_tests.local_azure.plain_client import PlainClient

ENDPOINT = "serving"
PATH = f"/onlineEndpoints/{ENDPOINT}"
SLOW = {"x": 1, "sleep": 1.5}


class Served:
    """The endpoint, with blue and green."""

    def __init__(self, azure: PlainClient) -> None:
        self.azure, self.key = azure, azure.key(ENDPOINT)

    def traffic(self, live: dict[str, int], mirror: dict[str, int] | None = None) -> None:
        update = self.azure.put_endpoint(ENDPOINT, traffic=live, mirrorTraffic=mirror or {})
        assert self.azure.wait(update)["status"] == "Succeeded"

    def ask(self, body: object = None, **headers: str) -> httpx.Response:
        return self.azure.score(ENDPOINT, self.key, body or {"x": 21}, **headers)

    def counted(self, name: str, route: str) -> int:
        return self.azure.control.metrics(ENDPOINT, name)[route]["requests"]

    def instance(self, name: str) -> dict[str, Any]:
        deployments = self.azure.control.status()["endpoints"][ENDPOINT]["deployments"]
        return deployments[name]["instances"][0]

    def settle(self, name: str) -> None:
        wait_until(lambda: self.instance(name)["state"] == "ready", 30, f"{name} to be ready")


@pytest.fixture(scope="module")
def served(azure: PlainClient) -> Iterator[Served]:
    """Blue with a time-out of 2 s, green with the defaults of Azure."""
    azure.wait(azure.put_endpoint(ENDPOINT))
    puts = [
        azure.put_deployment(
            ENDPOINT, "blue", environmentVariables={"WHO": "blue"},
            requestSettings={"requestTimeout": "PT2S", "maxQueueWait": "PT0.3S"},
        ),
        azure.put_deployment(ENDPOINT, "green", environmentVariables={"WHO": "green"}),
    ]  # fmt: skip
    for put in puts:
        done = azure.wait(put, 300)  # the first run on a machine builds the environment
        assert done["status"] == "Succeeded", done
    serving = Served(azure)
    yield serving
    azure.wait(azure.arm("DELETE", PATH))


def test_no_traffic_means_not_found(served: Served) -> None:
    served.traffic({})
    answer = served.ask()
    assert answer.status_code == 404
    assert "positive weight" in answer.text


def test_the_answer_names_its_deployment(served: Served) -> None:
    served.traffic({"blue": 100})
    answer = served.ask()
    assert answer.status_code == 200
    assert answer.json()["product"] == 42
    assert answer.json()["module"] == "the module of the deployment"
    assert answer.json()["who"] == answer.headers["azureml-model-deployment"] == "blue"


def test_keys_are_checked(served: Served) -> None:
    for key in ("wrong", ""):
        answer = served.azure.score(ENDPOINT, key or "x", {"x": 1})
        assert answer.status_code == 401
    assert served.azure.score("nowhere", "x", {}).status_code == 404


def test_curl_can_ask_at_the_loopback_address(served: Served) -> None:
    served.traffic({"blue": 100})
    url = f"{served.azure.variables['LOCAL_AZURE_URL']}/endpoints/{ENDPOINT}/score"
    headers = {"Authorization": f"Bearer {served.key}"}
    answer = httpx.post(url, json={"x": 2}, headers=headers, trust_env=False)
    assert answer.json()["product"] == 4
    assert httpx.post(url, json={"x": 2}, trust_env=False).status_code == 401


def test_traffic_follows_its_weights(served: Served) -> None:
    served.traffic({"blue": 80, "green": 20})
    count = 300
    who = Counter(served.ask().headers["azureml-model-deployment"] for _ in range(count))
    # Binomial with p = 0.2: five standard deviations are a false alarm in two million runs.
    deviation = (count * 0.2 * 0.8) ** 0.5
    assert abs(who["green"] - 0.2 * count) < 5 * deviation
    assert who["blue"] + who["green"] == count


def test_the_header_pins_a_deployment(served: Served) -> None:
    served.traffic({"blue": 100})
    for _ in range(5):
        assert served.ask(azureml_model_deployment="green").json()["who"] == "green"
    assert served.ask(azureml_model_deployment="red").status_code == 404


def test_mirrored_answers_never_reach_the_client(served: Served) -> None:
    served.traffic({"blue": 100}, {"green": 50})
    before, count = served.counted("green", "mirrored"), 120
    for _ in range(count):
        assert served.ask().json()["who"] == "blue"
    time.sleep(0.5)
    mirrored = served.counted("green", "mirrored") - before
    assert abs(mirrored - 0.5 * count) < 5 * (count * 0.25) ** 0.5
    before = served.counted("green", "mirrored")
    for _ in range(20):
        served.ask(azureml_model_deployment="blue")
    time.sleep(0.3)
    assert served.counted("green", "mirrored") == before, "a pinned request was mirrored"


def test_a_failing_mirror_leaves_live_answers_alone(served: Served) -> None:
    served.traffic({"blue": 100}, {"green": 50})
    fault = Fault(FaultKind.SCORER_ERROR, f"{ENDPOINT}/green", times=None, status=500)
    served.azure.control.add_fault(fault)
    assert {served.ask().status_code for _ in range(20)} == {200}
    time.sleep(0.2)
    statuses = served.azure.control.metrics(ENDPOINT, "green")["mirrored"]["statuses"]
    assert statuses.get("424", 0) > 0


def test_an_exception_in_run_is_a_424(served: Served) -> None:
    served.traffic({"blue": 100})
    answer = served.ask({"x": 1, "raise": True})
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "500"
    assert answer.headers["ms-azureml-model-error-reason"] == "model_error"
    assert answer.headers["azureml-model-deployment"] == "blue"


def test_a_slow_answer_is_a_408(served: Served) -> None:
    started = time.monotonic()
    answer = served.ask({"x": 1, "sleep": 2.8})
    assert answer.status_code == 408
    assert 1.9 < time.monotonic() - started < 2.8
    time.sleep(1.0)  # the process is still asleep


def test_more_than_twice_the_concurrency_is_a_429(served: Served) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: served.ask(SLOW), range(4)))
    statuses = Counter(answer.status_code for answer in answers)
    # One is answered, one waits longer than the queue allows, two are too many at once.
    assert statuses == {200: 1, 429: 3}
    messages = Counter(a.text.split(";")[0] for a in answers if a.status_code == 429)
    assert messages == {"Too many pending requests": 2, "No instance got free in time": 1}


def test_a_crashed_process_is_replaced(served: Served) -> None:
    served.traffic({"blue": 100})
    before = served.instance("blue")
    answer = served.ask({"x": 1, "exit": True})
    assert (answer.status_code, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "502")
    psutil.Process(before["pid"]).kill()
    time.sleep(0.2)
    gone = served.ask()
    assert (gone.status_code, gone.headers["ms-azureml-model-error-statuscode"]) == (424, "503")
    served.settle("blue")
    after = served.instance("blue")
    assert after["pid"] != before["pid"]
    assert after["restarts"] == before["restarts"] + 1
    assert served.ask().status_code == 200


def test_scorers_listen_where_only_the_simulator_s_user_reaches_them(served: Served) -> None:
    leader = psutil.Process(served.instance("green")["pid"])
    family = [leader, *leader.children(recursive=True)]
    open_to_all = [each for process in family for each in process.net_connections("inet")]
    assert open_to_all == []
    sockets = {
        Path(str(each.laddr))
        for process in family
        for each in process.net_connections("unix")
        if each.laddr
    }
    assert sockets
    for path in sockets:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_scorers_inherit_no_secret(served: Served) -> None:
    leader = psutil.Process(served.instance("green")["pid"])
    assert not {"AZURE_CLIENT_SECRET", "HTTPS_PROXY"} & set(leader.environ())


def test_logs_of_both_containers(served: Served) -> None:
    def log(container: str, tail: int) -> str:
        body = {"containerType": container, "tail": tail}
        answer = served.azure.arm("POST", f"{PATH}/deployments/green/getLogs", body)
        return answer.json()["content"]

    assert "POST /score 200" in log("InferenceServer", 50)
    assert len(log("InferenceServer", 3).splitlines()) == 3
    assert "downloaded 1 files" in log("StorageInitializer", 50)
    bad = served.azure.arm("POST", f"{PATH}/deployments/green/getLogs", {"containerType": "X"})
    assert bad.status_code == 400


def test_the_access_log_tells_who_answered(served: Served) -> None:
    served.traffic({"blue": 100})
    served.ask()
    last = (served.azure.state / "logs" / "access.jsonl").read_text().splitlines()[-1]
    record = json.loads(last)
    assert (record["endpoint"], record["deployment"], record["route"]) == (ENDPOINT, "blue", "live")
    assert record["status"] == record["model_status"] == 200


def test_counters_agree_with_what_was_asked(served: Served) -> None:
    served.traffic({"blue": 100})
    before = served.azure.control.metrics(ENDPOINT, "blue")["live"]
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        assert served.ask().status_code == 200
        seconds.append(time.perf_counter() - started)
    after = served.azure.control.metrics(ENDPOINT, "blue")["live"]
    assert after["requests"] - before["requests"] == 20
    assert after["statuses"]["200"] - before["statuses"]["200"] == 20
    took = after["latency_seconds"]["sum"] - before["latency_seconds"]["sum"]
    assert 0 < took / 20 < statistics.mean(seconds)


def test_the_last_one_with_traffic_cannot_be_deleted(served: Served) -> None:
    served.traffic({"blue": 100}, {"green": 10})
    for name in ("blue", "green"):
        refused = served.azure.arm("DELETE", f"{PATH}/deployments/{name}")
        assert refused.status_code == 400
        assert "traffic" in refused.json()["error"]["message"]
    assert served.ask().status_code == 200


def test_scaling_and_updating_keep_answering(served: Served) -> None:
    """Two instances, then a changed deployment: no request is lost meanwhile."""
    served.traffic({"green": 100})
    statuses: Counter[int] = Counter()
    stop = False

    def keep_asking() -> None:
        while not stop:
            statuses[served.ask().status_code] += 1

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(keep_asking)
        who = {"WHO": "green"}
        scale = served.azure.put_deployment(ENDPOINT, "green", capacity=2, environmentVariables=who)
        assert scale.json()["properties"]["provisioningState"] == "Scaling"
        assert served.azure.wait(scale)["status"] == "Succeeded"
        deployments = served.azure.control.status()["endpoints"][ENDPOINT]["deployments"]
        assert [i["state"] for i in deployments["green"]["instances"]] == ["ready", "ready"]
        update = served.azure.put_deployment(
            ENDPOINT, "green", environmentVariables={"WHO": "greener"}
        )
        assert update.json()["properties"]["provisioningState"] == "Updating"
        assert served.azure.wait(update)["status"] == "Succeeded"
        stop = True
        asking.result(30)
    assert set(statuses) == {200}
    assert statuses[200] > 10
    assert served.ask().json()["who"] == "greener"


def test_a_failed_update_leaves_what_serves_alone(served: Served) -> None:
    served.traffic({"green": 100})
    who = served.ask().json()["who"]
    broken = {"FAIL_IN_INIT": "1"}
    failed = served.azure.wait(
        served.azure.put_deployment(ENDPOINT, "green", environmentVariables=broken)
    )
    assert failed["status"] == "Failed"
    assert failed["error"]["code"] == "ResourceNotReady"
    assert "init fails as it was told to" in failed["error"]["message"]
    path = f"{PATH}/deployments/green"
    assert served.azure.arm("GET", path).json()["properties"]["provisioningState"] == "Failed"
    assert served.ask().json()["who"] == who
    repaired = served.azure.put_deployment(ENDPOINT, "green", environmentVariables={"WHO": "fixed"})
    assert served.azure.wait(repaired)["status"] == "Succeeded"
    assert served.ask().json()["who"] == "fixed"


def test_deleting_a_deployment_ends_its_processes(served: Served) -> None:
    served.traffic({"green": 100})
    pid = served.instance("blue")["pid"]
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    done = served.azure.wait(served.azure.arm("DELETE", f"{PATH}/deployments/blue"))
    assert done == {"status": "Succeeded"}
    assert not any(process.is_running() for process in processes)
    assert served.ask().status_code == 200
    assert served.ask(azureml_model_deployment="blue").status_code == 404
