"""The package is complete, reproducible, and replaced as a whole."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from weather_assets.scoring import package as package_module
from weather_assets.scoring.package import (
    PackageContents,
    PackageError,
    build_package,
    conda_environment,
    package_digest,
    requirements_file,
)
from weather_assets.scoring.score import Scorer, respond

FILES = {
    "MODEL_CARD.md",
    "conda.yaml",
    "model.onnx",
    "requirements.txt",
    "sample_request.json",
    "sample_response.json",
    "score.py",
    "signature.json",
}


def test_the_package_holds_all_that_an_endpoint_needs_and_no_pickle(package: Path) -> None:
    assert {path.name for path in package.rglob("*")} == FILES


def test_the_sample_request_is_answered_by_the_sample_response(package: Path) -> None:
    status, answer = respond(Scorer.load(package), (package / "sample_request.json").read_bytes())
    expected = json.loads((package / "sample_response.json").read_text())
    assert status == 200
    assert answer.pop("probability") == pytest.approx(expected.pop("probability"), abs=1e-12)
    assert answer == expected


def test_the_same_contents_give_the_same_bytes(contents: PackageContents, tmp_path: Path) -> None:
    assert build_package(tmp_path / "one", contents) == build_package(tmp_path / "two", contents)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_digest_depends_on_names_and_contents(package: Path, tmp_path: Path) -> None:
    before = package_digest(package)
    copy = tmp_path / "elsewhere"
    shutil.copytree(package, copy)
    assert package_digest(copy) == before
    (copy / "score.py").rename(copy / "scores.py")
    assert package_digest(copy) != before
    with (package / "model.onnx").open("ab") as graph:
        graph.write(b"\0")
    assert package_digest(package) != before


def test_an_equal_package_is_left_alone(contents: PackageContents, package: Path) -> None:
    inode = package.stat().st_ino
    assert build_package(package, contents) == package_digest(package)
    assert package.stat().st_ino == inode


def test_another_package_takes_its_place_without_leftovers(
    contents: PackageContents, package: Path
) -> None:
    (package / "stale.txt").write_text("of an older layout")
    digest = build_package(package, replace(contents, model_version="8"))
    assert digest == package_digest(package)
    assert {path.name for path in package.iterdir()} == FILES
    assert not [path for path in package.parent.iterdir() if path.name.startswith(".")]


def test_a_failure_leaves_the_old_package_and_no_litter(
    contents: PackageContents, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = package_digest(package)

    def fail(source: Path, target: Path) -> None:
        raise OSError(f"no space left for {source} at {target}")

    monkeypatch.setattr(package_module.shutil, "copyfile", fail)
    with pytest.raises(OSError, match="no space"):
        build_package(package, replace(contents, model_version="8"))
    assert package_digest(package) == before
    assert not [path for path in package.parent.iterdir() if path.name.startswith(".")]


def test_a_sample_row_that_cannot_be_scored_is_refused(
    contents: PackageContents, nyc_row: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(PackageError, match=r"sample row 0.*temp: out_of_bounds 999"):
        build_package(tmp_path / "p", replace(contents, sample_rows=[{**nyc_row, "temp": 999}]))
    assert not (tmp_path / "p").exists()


def test_contents_without_graph_or_samples_are_refused(
    contents: PackageContents, tmp_path: Path
) -> None:
    with pytest.raises(PackageError, match="no such ONNX graph"):
        replace(contents, graph=tmp_path / "absent.onnx")
    with pytest.raises(PackageError, match="0 sample rows and 1 sample probabilities"):
        replace(contents, sample_rows=[])


def test_every_requirement_is_pinned_and_nothing_names_a_host() -> None:
    text = requirements_file().read_text()
    lines = text.splitlines()
    assert all(re.match(r"[a-z0-9-]+==[0-9][^ ]*( ; .+)?$", line) for line in lines)
    assert "azureml-inference-server-http==1.5.1" in lines
    assert {"numpy", "onnxruntime", "tzdata"} <= {line.split("==")[0] for line in lines}
    assert "://" not in text


def test_the_conda_environment_has_every_pin_and_a_name_made_of_them() -> None:
    text = requirements_file().read_text()
    environment = conda_environment(text)
    for pin in text.splitlines():
        assert f"      - {json.dumps(pin)}\n" in environment
    assert "python=3.11" in environment
    assert "://" not in environment
    assert conda_environment(text) == environment
    assert conda_environment(text + "extra==1\n").splitlines()[0] != environment.splitlines()[0]


def test_packaging_does_not_import_onnxruntime() -> None:
    program = (
        "import sys, weather_assets.scoring.package, weather_assets.scoring.offline; "
        "sys.exit('onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == 0
