"""A stack of the tests' own: started by `docker/stack`, asked through Dagster's GraphQL API.

Belongs here: what a user does from outside (start, drop a file, press a button, look). Does not
belong here: any claim about what then happens (`test_stack*`).
"""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.models.containers import Container

from weather_assets.engine_guard.bodies import STACK_LABEL
from weather_assets.foundation.waiting import WaitedTooLongError, wait_until
from weather_assets_tests.docker.container_place import docker_client

REPOSITORY = Path(__file__).resolve().parents[2]
NAME_VARIABLE = "STACK"
SECONDS = 600.0
"""A hang guard for one command; building all images from nothing took 4 minutes on busy cores."""
FINAL = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
RUNS = """
{ runsOrError { ... on Runs { results {
    runId status tags { key value } stepStats { stepKey status }
} } } }
"""
LAUNCH = """
mutation($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
} }
"""
CANCEL = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"
SENSOR = """
query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { id } }
} }
"""
START_SENSOR = """
mutation($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) { __typename } }
"""
STOP_SENSOR = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
EVENTS = """
query($run: ID!, $cursor: String) { logsForRun(runId: $run, afterCursor: $cursor) {
    ... on EventConnection { cursor hasMore events {
        ... on MessageEvent { message }
        ... on ExecutionStepFailureEvent { error { message } }
    } }
} }
"""
METADATA = """
query($asset: AssetKeyInput!) { assetOrError(assetKey: $asset) { ... on Asset {
    assetMaterializations(limit: 1) { runId metadataEntries {
        label
        ... on MarkdownMetadataEntry { mdStr }
        ... on TextMetadataEntry { text }
        ... on IntMetadataEntry { intValue }
    } }
} } }
"""


class StackError(RuntimeError):
    """Something of the stack is not as it was waited for."""


@dataclass(frozen=True)
class Run:
    """A Dagster run, as the UI shows it."""

    run_id: str
    status: str
    tags: Mapping[str, str]
    steps: Mapping[str, str]
    """Status by step."""


@dataclass(frozen=True)
class Stack:
    """One stack."""

    raw: Path
    """The folder that files are dropped into."""
    name: str = os.environ.get(NAME_VARIABLE) or "weather-assets-test"
    # Other ports than the defaults: a developer's own stack may be running.
    ui_port: int = 13000
    mlflow_port: int = 15000
    spark_port: int = 18081
    azure_port: int = 18000

    def command(self, *arguments: str) -> str:
        """Runs `docker/stack`; returns what it printed."""
        environment = {
            **os.environ,
            "STACK": self.name,
            "RAW_DIR": str(self.raw),
            "UI_PORT": str(self.ui_port),
            "MLFLOW_PORT": str(self.mlflow_port),
            "SPARK_PORT": str(self.spark_port),
            "AZURE_PORT": str(self.azure_port),
            "RANK_MEMORY": "2g",
        }
        done = subprocess.run(
            [str(REPOSITORY / "docker" / "stack"), *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            timeout=SECONDS,
        )
        if done.returncode:
            raise StackError(
                f"docker/stack {arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout

    def service(self, name: str) -> Container:
        """Returns the container of a compose service."""
        label = f"com.docker.compose.project={self.name}"
        with docker_client() as client:
            found = client.containers.list(all=True, filters={"label": [label]})
            named = [each for each in found if each.labels["com.docker.compose.service"] == name]
        if len(named) != 1:
            raise StackError(f"{len(named)} containers of service {name}; expected one")
        return named[0]

    def execute(self, service: str, *command: str) -> str:
        """Runs a command in a service's container; returns its output.

        Raises:
            StackError: it failed.
        """
        code, output = self.service(service).exec_run(list(command))
        assert isinstance(output, bytes), "the output of a command that was not streamed"
        text = output.decode(errors="replace")
        if code:
            raise StackError(f"{service}: {' '.join(command)} exited with {code}: {text[-2000:]}")
        return text

    def put(self, service: str, path: str, content: bytes) -> str:
        """Writes a file into a service's container; returns its path."""
        folder, _, name = path.rpartition("/")
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
        assert self.service(service).put_archive(folder, tar.getvalue())
        return path

    def file(self, path: str) -> bytes:
        """Returns the bytes of a file on the data volume."""
        chunks, _ = self.service("code").get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            (member,) = [each for each in archive.getmembers() if each.isfile()]
            content = archive.extractfile(member)
            return b"" if content is None else content.read()

    def launched(self) -> list[Container]:
        """Returns run workers and ranks: the containers that compose does not know."""
        with docker_client() as client:
            return client.containers.list(
                all=True,
                filters={"label": [f"{STACK_LABEL}={self.name}"]},
                ignore_removed=True,  # they go while they are listed
            )

    def ranks(self) -> list[Container]:
        """Returns the containers of training ranks, rank 0 first."""
        named = [each for each in self.launched() if str(each.name).startswith("pytorch-")]
        return sorted(named, key=lambda each: str(each.name))

    def worker(self, run_id: str) -> Container:
        """Returns the container of a run."""
        for each in self.launched():
            if each.labels["dagster/run_id"] == run_id and "dagster/job_name" in each.labels:
                return each
        raise StackError(f"run {run_id} has no container")

    def drop(self, name: str, content: bytes) -> None:
        """Puts a file into the folder as a user does: complete, by moving it there."""
        draft = self.raw / f".{name}.draft"
        draft.write_bytes(content)
        draft.chmod(0o644)
        draft.replace(self.raw / name)

    def ask(self, query: str, **variables: Any) -> Any:
        """Sends a query to Dagster's API; a server that is just coming back is asked again."""
        problem: object = None

        def answered() -> dict[str, Any] | None:
            nonlocal problem
            try:
                answer = requests.post(
                    f"http://127.0.0.1:{self.ui_port}/graphql",
                    json={"query": query, "variables": variables},
                    timeout=60,
                ).json()
            except requests.RequestException as error:
                problem = str(error)
                return None
            problem = answer.get("errors")
            return None if problem else answer

        try:
            return wait_until(answered, 60, "Dagster", pause_seconds=1)["data"]
        except WaitedTooLongError as error:
            raise StackError(f"Dagster does not answer: {problem}") from error

    def runs(self) -> list[Run]:
        """Returns all runs, newest first."""
        return [
            Run(
                each["runId"],
                each["status"],
                {tag["key"]: tag["value"] for tag in each["tags"]},
                {step["stepKey"]: step["status"] for step in each["stepStats"]},
            )
            for each in self.ask(RUNS)["runsOrError"]["results"]
        ]

    def run(self, run_id: str) -> Run:
        """Returns one run."""
        return next(each for each in self.runs() if each.run_id == run_id)

    def materialize(self, *assets: str, config: Mapping[str, Any] | None = None) -> str:
        """Launches a run that makes some assets, as the button does; returns the run's id."""
        selector = {
            "repositoryLocationName": "weather_assets",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": [asset]} for asset in assets],
        }
        parameters = {
            "selector": selector,
            "mode": "default",
            "runConfigData": json.dumps(config or {}),
        }
        answer = self.ask(LAUNCH, parameters=parameters)["launchRun"]
        if "run" not in answer:
            raise StackError(f"{assets} were not launched: {answer}")
        return answer["run"]["runId"]

    def cancel(self, run_id: str) -> None:
        """Cancels a run, as the UI's button does."""
        self.ask(CANCEL, run=run_id)

    def switch(self, sensor: str, *, on: bool) -> None:
        """Turns a sensor on or off, as its switch does."""
        selector = {
            "repositoryLocationName": "weather_assets",
            "repositoryName": "__repository__",
            "sensorName": sensor,
        }
        if on:
            self.ask(START_SENSOR, sensor=selector)
            return
        found = self.ask(SENSOR, sensor=selector)["sensorOrError"]
        self.ask(STOP_SENSOR, id=found["sensorState"]["id"])

    def messages(self, run_id: str) -> list[str]:
        """Returns the messages of a run's event log, errors included."""
        found: list[str] = []
        cursor, more = None, True
        while more:
            page = self.ask(EVENTS, run=run_id, cursor=cursor)["logsForRun"]
            for event in page["events"]:
                found.append(event.get("message") or "")
                found.append((event.get("error") or {}).get("message") or "")
            cursor, more = page["cursor"], page["hasMore"]
        return [each for each in found if each]

    def metadata(self, asset: str) -> dict[str, Any]:
        """Returns what the newest materialization of an asset shows, by label; and `run_id`."""
        found = self.ask(METADATA, asset={"path": [asset]})["assetOrError"]
        newest = (found.get("assetMaterializations") or [{}])[0]
        entries: Sequence[Mapping[str, Any]] = newest.get("metadataEntries", [])
        values = {
            each["label"]: next((v for k, v in each.items() if k != "label"), None)
            for each in entries
        }
        return {**values, "run_id": newest.get("runId")}

    def wait(self, what: str, holds: Callable[[], Any], *, seconds: float = 300.0) -> Any:
        """Waits until something holds; returns what it gave.

        Args:
            what: in words, for the error.
            holds: gives something true in the end.
            seconds: a hang guard.

        Raises:
            StackError: it does not come to hold; has the newest runs and their last messages.
        """
        try:
            return wait_until(holds, seconds, what, pause_seconds=0.5)
        except WaitedTooLongError as error:
            newest = self.runs()[:2]
            said = [self.messages(each.run_id)[-8:] for each in newest]
            raise StackError(f"not within {seconds:g} s: {what}; {newest}; {said}") from error

    def finished(self, run_id: str, *, seconds: float = 300.0) -> Run:
        """Waits for the end of a run, and for its container to be gone."""

        def over() -> Run | None:
            run = self.run(run_id)
            return run if run.status in FINAL else None

        run = self.wait(f"run {run_id} ends", over, seconds=seconds)
        self.wait("its containers are gone", lambda: not self.launched(), seconds=90)
        return run

    def trains(self, run_id: str) -> list[Container]:
        """Waits until all ranks of a run have begun to train; returns their containers."""

        def epochs() -> bool:
            return any("rank 0 epoch" in each for each in self.messages(run_id))

        self.wait("the ranks train", epochs, seconds=180)
        return self.ranks()


def left_of(name: str) -> list[str]:
    """Returns what the engine still has of a stack: containers, networks, volumes, images."""
    client = docker.from_env(timeout=30)
    try:
        found = [str(each.name) for each in client.containers.list(all=True, ignore_removed=True)]
        found += [str(each.name) for each in client.networks.list()]
        found += [str(each.name) for each in client.volumes.list()]
        found += [tag for each in client.images.list() for tag in each.tags]
        return [each for each in found if each.startswith((f"{name}_", f"{name}-", "pytorch-"))]
    finally:
        client.close()
