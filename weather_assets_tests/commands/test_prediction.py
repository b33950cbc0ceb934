"""`weather-assets predict` says what it did, or in one sentence why it could not."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.cli import main
from weather_assets_tests.integration.agreeing_rows import CONTRACT
from weather_assets_tests.workflows.registered_versions import RegisteredVersions

HEADER = ",".join(CONTRACT.inputs)
GOOD = "2020-01-01T06:00:00Z,1,N 1,20,0.5,270,0,sun"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a data root with a packaged champion, and no MLflow: that is for `champions`."""
    made = RegisteredVersions(DataRoot.at(tmp_path_factory.mktemp("root") / "data").create())
    made.add("1")
    made.package("1")
    shutil.rmtree(made.root.mlflow)
    return made.root.path


def predict(root: Path, source: Path, target: Path) -> Result:
    return CliRunner().invoke(
        main, ["predict", "--data", str(root), "--input", str(source), "--output", str(target)]
    )


def put(folder: Path, *lines: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_what_was_written_is_said(root: Path, tmp_path: Path) -> None:
    source = put(tmp_path, f"{HEADER},note", f"{GOOD},x", f"{GOOD.replace('20,', 'x,')},y")
    target = tmp_path / "predictions.csv"
    result = predict(root, source, target)
    assert result.exit_code == 0, result.output
    assert "2 rows, 1 scored by champion 1 (its scoring package), 1 with a problem" in result.output
    assert "warning: rows.csv: columns that the contract does not know were left out: 'note'" in (
        result.output
    )
    frame = pd.read_csv(target)
    assert list(frame.columns) == ["probability", "problem"]
    assert frame.probability.isna().tolist() == [False, True]
    assert frame.problem[1].startswith("temperature: not_a_number 'x'")


def test_an_output_that_is_a_link_stays_one(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to("predictions.csv")
    assert predict(root, put(tmp_path, HEADER, GOOD), link).exit_code == 0
    assert link.is_symlink()
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("lines", "target", "message"),
    [
        (["<!DOCTYPE html>"], "out.csv", "rows.csv is HTML or XML"),
        ([HEADER, GOOD], "nowhere/out.csv", "cannot be written (No such file or directory)"),
        ([HEADER, GOOD], "/dev/null", "/dev/null is no regular file; give another --output"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    root: Path, tmp_path: Path, lines: list[str], target: str, message: str
) -> None:
    result = predict(root, put(tmp_path, *lines), tmp_path / target)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert message in result.output
    assert not (tmp_path / target).is_file()


def test_without_a_champion_there_is_no_forecast(tmp_path: Path) -> None:
    result = predict(tmp_path / "data", put(tmp_path, "a", "1"), tmp_path / "out.csv")
    assert result.exit_code == 1
    assert "no champion yet: run `weather-assets run" in result.output
