"""The scoring server, as it is on Azure: the pinned one, in its own environment, over HTTP.

The environment is built once per machine and set of pins, which needs a package index (or a folder
of wheels) and 15 s to 60 s; later runs find it in the cache.
"""

import stat
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from weather_assets.adapters.scoring.environment import scoring_environment
from weather_assets.adapters.scoring.server import ScoringServerError, scoring_server
from weather_assets.scoring.package import conda_environment, requirements_file

SCORE = """
import json, os, time
def init():
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "factor.json")) as file:
        global factor
        factor = json.load(file)
def run(data):
    asked = json.loads(data)
    if asked == "where":
        return [os.getcwd(), os.environ.get("WORKER_COUNT"), os.environ.get("OWN"), os.getpid()]
    return {"times": asked["x"] * factor}
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    conda_file = tmp_path_factory.mktemp("conda") / "conda.yaml"
    conda_file.write_text(conda_environment(requirements_file().read_text("utf-8")), "utf-8")
    return scoring_environment(conda_file)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "score.py").write_text(SCORE, encoding="utf-8")
    (folder / "factor.json").write_text("3", encoding="utf-8")
    return folder


def test_scores_and_says_what_it_refuses(
    python: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the platform's process; neither may reach or redirect the server.
    monkeypatch.setenv("WORKER_COUNT", "7")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with scoring_server(python, package, variables={"OWN": "yes"}) as server:
        assert server.score({"x": 7}) == (200, {"times": 21})
        status, where = server.score("where")
        assert (status, where[:3]) == (200, [str(package.resolve()), "1", "yes"])
        assert server.score({})[0] == 500
        status, body = server.score(b"{not json")
        assert status == 500
        assert "error occurred in scoring script" in body["message"]
        assert "JSONDecodeError" in server.log_tail()
        assert psutil.Process(where[3]).net_connections("inet") == []
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    assert not psutil.pid_exists(where[3])
    assert not server.socket.parent.exists()


def test_a_long_temporary_folder_is_no_hindrance(
    python: Path, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with scoring_server(python, package) as server:
        assert server.score({"x": 7}) == (200, {"times": 21})


def test_nothing_is_left_when_the_block_raises(python: Path, package: Path) -> None:
    workers: list[int] = []

    def interrupted() -> None:
        with scoring_server(python, package) as server:
            workers.append(server.score("where")[1][3])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not psutil.pid_exists(workers[0])


def test_init_that_raises_is_an_error_with_the_log(python: Path, package: Path) -> None:
    (package / "factor.json").unlink()
    began = time.monotonic()
    with (
        pytest.raises(ScoringServerError, match=r"ended with code \d") as caught,
        scoring_server(python, package),
    ):
        pytest.fail("it must not be ready")
    assert "factor.json" in str(caught.value)
    assert time.monotonic() - began < 30


def test_init_that_hangs_is_an_error_in_time(python: Path, package: Path) -> None:
    (package / "score.py").write_text("import time; time.sleep(60)", encoding="utf-8")
    children = set(psutil.Process().children(recursive=True))
    with (
        pytest.raises(ScoringServerError, match="was not ready within 3 s; its log ends"),
        scoring_server(python, package, ready_seconds=3),
    ):
        pytest.fail("it must not be ready")
    assert set(psutil.Process().children(recursive=True)) <= children


def test_package_must_hold_the_entry_script(python: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), scoring_server(python, tmp_path):
        pytest.fail("there is nothing to serve")
