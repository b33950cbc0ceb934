"""Nothing secret is in what a rollout leaves behind: events, metadata, logs, journal, output.

Here the platform is told of a subscription, as on Azure, and finds it by its proxy alone.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from weather_assets.cli import main
from weather_assets.commands.instance import open_instance
from weather_assets.local_azure import daemon
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.workflows.rollouts import JOURNAL
from weather_assets_tests.integration.prepared_root import Defect
from weather_assets_tests.integration.served_endpoint import ServedEndpoint, served
from weather_assets_tests.local_azure.plain_client import PlainClient

NAME = "rollout-secrets"
WRONG_SECRET = "planted-and-wrong-0123456789"  # noqa: S105 - looked for, not used


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEndpoint]:
    folder = tmp_path_factory.mktemp("secrets")
    with served(folder, NAME, metrics_grain_seconds=60) as endpoint:
        root = endpoint.prepared.root
        with open_instance(root) as instance:
            brief = {"ROLLOUT_MAXIMUM_HOLD_SECONDS": "20"}
            yield replace(
                endpoint, instance=instance, variables={**endpoint.local.variables, **brief}
            )


def secrets_of(endpoint: ServedEndpoint) -> dict[str, str]:
    """Returns all that is secret, by what it is."""
    client, running = PlainClient(endpoint.local.state), daemon.running(endpoint.local.state)
    keys = client.arm("POST", f"/onlineEndpoints/{NAME}/listKeys").json()
    client.close()
    settings = Settings.load(endpoint.local.state)
    assert settings is not None
    assert running is not None
    return {
        "client secret": endpoint.local.variables["AZURE_CLIENT_SECRET"],
        "wrong client secret": WRONG_SECRET,
        "primary key": keys["primaryKey"],
        "secondary key": keys["secondaryKey"],
        "control token": running.token,
        "signing secret": settings.signing_secret,
        "any token (a JSON object in base64)": "eyJ",
    }


def told(endpoint: ServedEndpoint, output: str) -> dict[str, str]:
    """Returns all that is left behind, by where it is."""
    root, instance = endpoint.prepared.root, endpoint.instance
    texts = {"output": output}
    for run in instance.get_runs():
        entries = instance.all_logs(run.run_id)
        assert entries, "events were looked at"
        texts[f"events of {run.run_id}"] = "\n".join(entry.to_json() for entry in entries)
    for path in _files(root.path, without=root.local_azure):
        texts[str(path.relative_to(root.path))] = path.read_bytes().decode("latin-1")
    return texts


def _files(folder: Path, without: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_relative_to(without):
            yield path


def test_nothing_secret_is_left_behind(
    endpoint: ServedEndpoint,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    prepared = endpoint.prepared
    for version, defect in (("1", None), ("bad", Defect.NAN)):
        prepared.add(version, defect)
    prepared.offer("1")
    wrong = {**endpoint.variables, "AZURE_CLIENT_SECRET": WRONG_SECRET}
    with pytest.raises(AssertionError, match="AADSTS7000215"):
        replace(endpoint, variables=wrong).run(job="azure_manual_deploy")
    first = endpoint.run(job="azure_manual_deploy")
    assert [stage.passed for stage in first.values()] == [True, True]
    prepared.offer("bad")
    prepared.trigger.touch()
    failed = endpoint.run()["candidate_deployment"]
    assert failed.metadata["rolled_back"] is True
    prepared.offer("1")
    with endpoint.in_force():
        shown = CliRunner().invoke(main, ["endpoint", "status", "--data", str(prepared.root.path)])
    assert shown.exit_code == 0, shown.output
    captured = capfd.readouterr()
    texts = told(endpoint, captured.out + captured.err + shown.output)
    texts["logs"] = caplog.text

    found = [
        (what, where)
        for what, secret in secrets_of(endpoint).items()
        for where, text in texts.items()
        if secret in text
    ]
    assert found == []
    for where, known in (
        ("output", "set the traffic to blue 100 %"),
        ("output", f"https://{NAME}.localregion"),
        (f"registry/{JOURNAL}", "== inference-server =="),
        ("logs", f"/onlineEndpoints/{NAME}"),
    ):
        assert known in texts[where], "the search looks where things are"
    everything = "\n".join(text for where, text in texts.items() if where.startswith("events"))
    for known in ("AADSTS7000215", "log_of_green", f"https://{NAME}.localregion"):
        assert known in everything
    assert any("compute_logs" in where for where in texts)
