"""Spark on the standalone cluster gives the rows of the embedded session, also in trouble."""

import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from weather_assets_tests.docker.stack import SECONDS, Stack, StackError
from weather_assets_tests.synthetic import five_column_chunks

LARGE_ROWS = 1_600_000
"""About 144 MB: more than is read in the driver, so that the cluster's tasks read it."""
RUN = ("run", "--until", "processed_weather", "--data")


@pytest.fixture(scope="module")
def weather_csv() -> bytes:
    return "".join(five_column_chunks(LARGE_ROWS)).encode()


@pytest.fixture(scope="module")
def embedded(weather_csv: bytes, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """What the embedded scale makes of the file, on this machine."""
    data = tmp_path_factory.mktemp("embedded")
    (data / "raw").mkdir()
    (data / "raw" / "weather.csv").write_bytes(weather_csv)
    command = [sys.executable, "-m", "weather_assets", *RUN, str(data)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS)
    return in_order(pq.read_table(data / "processed" / "weather.parquet"))


def in_order(rows: pa.Table) -> pa.Table:
    return rows.sort_by("row_hash").combine_chunks()


def put(stack: Stack, root: str, weather_csv: bytes) -> None:
    """Makes a data root on the volume, with a raw file in it."""
    stack.execute("code", "mkdir", "-p", f"{root}/raw")
    stack.put("code", f"{root}/raw/weather.csv", weather_csv)


def rows_on_volume(stack: Stack, root: str, folder: Path) -> pa.Table:
    """Copies a data root's current rows from the volume, and reads them."""
    current = stack.execute("code", "readlink", "-f", f"{root}/processed/current").strip()
    chunks, _ = stack.service("code").get_archive(f"{current}/weather.parquet")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        archive.extractall(folder, filter="data")
    return in_order(pq.read_table(folder / "weather.parquet"))


def applications(stack: Stack) -> list[str]:
    """Returns the ids of the applications that have executors on the cluster now."""
    master = requests.get(f"http://127.0.0.1:{stack.spark_port}/json/", timeout=10).json()
    return [each["id"] for each in master["activeapps"] if each["cores"] > 0]


@pytest.fixture
def lost_worker(stack: Stack) -> Iterator[str]:
    """The name of a worker that may be killed; it is started again afterwards."""
    yield "spark-worker-1"
    stack.service("spark-worker-1").start()


def test_the_cluster_gives_the_embedded_rows(
    stack: Stack, weather_csv: bytes, embedded: pa.Table, tmp_path: Path
) -> None:
    put(stack, "/data/large", weather_csv)
    stack.execute("code", "weather-assets", *RUN, "/data/large")
    assert rows_on_volume(stack, "/data/large", tmp_path).equals(embedded)


def test_a_worker_lost_in_mid_job_changes_nothing(
    stack: Stack, weather_csv: bytes, embedded: pa.Table, tmp_path: Path, lost_worker: str
) -> None:
    root = "/data/lost"
    put(stack, root, weather_csv)
    errors: list[StackError] = []

    def process() -> None:
        try:
            stack.execute("code", "weather-assets", *RUN, root)
        except StackError as error:
            errors.append(error)

    thread = threading.Thread(target=process, daemon=True)
    thread.start()
    worker = stack.service(lost_worker)
    stack.wait(
        "an executor computes on that worker",
        lambda: applications(stack) and "CoarseGrainedExecutorBackend" in str(worker.top()),
    )
    worker.kill()
    assert applications(stack)
    assert thread.is_alive(), "it was in mid-job"
    thread.join(timeout=SECONDS)
    assert not thread.is_alive()
    assert not errors, errors
    assert rows_on_volume(stack, root, tmp_path).equals(embedded)
