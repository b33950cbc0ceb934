"""Uploads compared with Azurite, Microsoft's own storage emulator, where it is installed.

Opt-in: put `azurite-blob` on the PATH (`npm install -g azurite`). The same calls of
azure-storage-blob, those that the SDK makes for models and code, go to both; what comes back must
be the same.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weather_assets.foundation.loopback import LOOPBACK, free_loopback_port
from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure import daemon
from weather_assets_tests.local_azure.plain_client import PlainClient

AZURITE = shutil.which("azurite-blob")
pytestmark = pytest.mark.skipif(AZURITE is None, reason="azurite-blob is not on the PATH")
ACCOUNT = "devstoreaccount1"
# Azurite's published key: everyone's, and no secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CALLS = """\
import json, sys
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

container = ContainerClient.from_container_url(sys.argv[1])
seen = {}

def ask(name, call):
    try:
        seen[name] = call()
    except HttpResponseError as error:
        seen[name] = [error.status_code, str(getattr(error.error_code, "value", error.error_code))]

blob = container.get_blob_client("LocalUpload/hash/a folder/f+1.txt")
large = container.get_blob_client("LocalUpload/hash/large")
def facts(p):
    kind = p["content_settings"]["content_type"]
    return [p["size"], p["metadata"], p["blob_type"].value, kind]

ask("missing", lambda: facts(blob.get_blob_properties()))
ask("put", lambda: sorted(blob.upload_blob(b"0123456789", overwrite=True)))
ask("put again", lambda: sorted(blob.upload_blob(b"x", overwrite=False)))
ask("metadata", lambda: sorted(blob.set_blob_metadata({"upload_status": "completed", "name": "n"})))
ask("head", lambda: facts(blob.get_blob_properties()))
ask("get", lambda: blob.download_blob().readall().decode())
ask("part", lambda: blob.download_blob(offset=2, length=3).readall().decode())
large._config.max_single_put_size, large._config.max_block_size = 1024, 1024
ask("blocks", lambda: sorted(large.upload_blob(b"ab" * 2048, overwrite=True)))
ask("large", lambda: facts(large.get_blob_properties()))
ask("list", lambda: [[b.name, b.size, b.metadata] for b in container.list_blobs(
    name_starts_with="LocalUpload/", include="metadata")])
print(json.dumps(seen))
"""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


@pytest.fixture
def azurite(tmp_path: Path) -> Iterator[str]:
    """A container of Azurite, with a signature."""
    port = free_loopback_port()
    options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--blobPort", str(port)]
    command = [str(AZURITE), *options, "--blobHost", "127.0.0.1", "--location", str(tmp_path)]
    program = (
        "import sys, datetime as d; from azure.storage.blob import ContainerClient as C, "
        "generate_container_sas as g; u, k = sys.argv[1:]; "
        "C(u, 'made', credential=k).create_container(); "
        "print(g('devstoreaccount1', 'made', k, permission='racwl', "
        "expiry=d.datetime.now(d.UTC) + d.timedelta(hours=1)))"
    )
    url = f"http://127.0.0.1:{port}/{ACCOUNT}"
    with subprocess.Popen(command, start_new_session=True) as server:
        try:
            wait_until(lambda: listens(port), 30, "Azurite to listen")
            made = subprocess.run(
                [sys.executable, "-c", program, url, KEY],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            yield f"{url}/made?{made.stdout.strip()}"
        finally:
            server.terminate()


def seen_at(url: str, environment: dict[str, str]) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", CALLS, url],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_both_answer_the_same(azurite: str, azure: PlainClient) -> None:
    path = "/codes/compared/versions/1/startPendingUpload"
    reference = azure.arm("POST", path, {}).json()["blobReferenceForConsumption"]
    ours = seen_at(reference["credential"]["sasUri"], daemon.read_environment(azure.state))
    assert ours == seen_at(azurite, {})
    assert ours["get"] == "0123456789"
