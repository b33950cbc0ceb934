"""`weather-assets dev` serves both UIs, and Ctrl-C ends all of it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil

from weather_assets.foundation.loopback import free_loopback_port
from weather_assets.foundation.waiting import wait_until

READY_SECONDS = 180.0
END_SECONDS = 60.0


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "dev ended by itself"
        try:
            return httpx.get(url, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    wait_until(answers, READY_SECONDS, f"{url} to answer", pause_seconds=0.3)


def test_both_uis_answer_and_end_together(tmp_path: Path) -> None:
    port, mlflow_port = free_loopback_port(), free_loopback_port()
    command = [sys.executable, "-m", "weather_assets", "dev", "--data", str(tmp_path)]
    command += ["--port", str(port), "--mlflow-port", str(mlflow_port)]
    with (tmp_path / "dev.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, text=True, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", process)
        wait_for(f"http://127.0.0.1:{mlflow_port}/health", process)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=END_SECONDS)
        _, alive = psutil.wait_procs(family, timeout=END_SECONDS)
        assert not alive
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait(timeout=END_SECONDS)


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "weather_assets", "dev", "--data", str(tmp_path)]
        done = subprocess.run(
            [*command, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr
