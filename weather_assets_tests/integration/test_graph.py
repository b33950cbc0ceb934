"""The whole graph through the command: champion, reuse, challenger, refusal, prediction.

The command runs in this process, where what it needs is imported once; ranks and scoring server are
processes of their own, as always.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import ModelRegistry
from weather_assets.cli import main
from weather_assets.commands.instance import open_instance
from weather_assets_tests.synthetic import five_column_text

# A hang guard: one run of the graph takes 20 s on two idle cores.
pytestmark = pytest.mark.timeout(600)
ROWS = 1500
SHORT_STAGES = {
    "ROLLOUT_SHADOW_SECONDS": "0.2",
    "ROLLOUT_CANARY_SECONDS": "0.2",
    "ROLLOUT_WARM_SECONDS": "0.2",
    "ROLLOUT_LOOK_SECONDS": "0.1",
    "ROLLOUT_PROBE_REQUESTS_PER_SECOND": "100",
}
"""How long a stage is watched does not matter here; `test_rollout` is about that."""


@pytest.fixture(scope="module", autouse=True)
def short_stages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SHORT_STAGES.items():
            patch.setenv(name, value)
        yield


def run(root: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["run", "--data", str(root), *words])


def put(root: Path, name: str, text: str) -> None:
    (root / "raw").mkdir(parents=True, exist_ok=True)
    (root / "raw" / name).write_text(text, encoding="utf-8")


def registry(root: Path) -> ModelRegistry:
    return ModelRegistry(DataRoot.at(root).tracking_uri)


def without_skill(text: str) -> str:
    """Returns the file with the labels of other rows: nothing can be learnt from it."""
    header, *lines = text.splitlines()
    rows, labels = zip(*(line.rsplit(",", 1) for line in lines), strict=True)
    moved = (*labels[7:], *labels[:7])
    return "\n".join([header, *map(",".join, zip(rows, moved, strict=True))]) + "\n"


def last_runs(root: Path) -> dict[str, str]:
    """Returns the run that last made each asset, by the asset's name."""
    with open_instance(DataRoot.at(root)) as instance:
        found = instance.get_asset_records()
    return {
        record.asset_entry.asset_key.to_user_string(): materialization.run_id
        for record in found
        if (materialization := record.asset_entry.last_materialization) is not None
    }


def champion(root: Path) -> str | None:
    version = registry(root).champion()
    return None if version is None else version.version


def processed(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = root / "processed"
    return pd.read_parquet(folder / "weather.parquet"), pd.read_parquet(folder / "rejected.parquet")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Returns a data root on which the graph ran once, and what the command said."""
    root = tmp_path_factory.mktemp("first") / "data"
    put(root, "weather.csv", five_column_text(ROWS) + "20,50,3,10,1000,hail\n")
    return root, run(root)


def test_a_new_file_ends_in_a_judged_champion_that_answers(first: tuple[Path, Result]) -> None:
    root, result = first
    assert result.exit_code == 0, result.output
    for line in ("1,501 read", "verdict", "candidate", "orchestration"):
        assert line in result.output
    weather, rejected = processed(root)
    assert len(weather) + len(rejected) == ROWS + 1
    assert rejected[["line", "column", "reason"]].to_numpy().tolist() == [
        [ROWS + 2, "Rain", "unknown_label"]
    ]
    assert champion(root) == "1"
    verdict = json.loads((root / "registry" / "1" / "verdict.json").read_text())
    assert verdict["outcome"] == "pass"
    assert verdict["scores"]["candidate"]["roc_auc"] > 0.98
    assert {path.name for path in (root / "registry" / "1" / "package").iterdir()} >= {
        "model.onnx",
        "score.py",
        "signature.json",
        "conda.yaml",
        "MODEL_CARD.md",
    }


def test_nothing_in_the_registry_can_run_code(first: tuple[Path, Result]) -> None:
    root, _ = first
    suffixes = {path.suffix for path in (root / "registry" / "1").rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".pt", ".ckpt", ".joblib"}


def test_every_model_version_is_bound_to_what_made_it(first: tuple[Path, Result]) -> None:
    root, _ = first
    tags = registry(root).get("1").tags
    assert set(tags) >= {
        "weather_assets.data_version",
        "weather_assets.code_version",
        "weather_assets.configuration",
        "dagster_run_id",
    }
    assert all(tags.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html><body>502 Bad Gateway</body></html>\n", "header_fits_contract"),
        ("", "empty"),
        ("Temperature,Humidity\n1,2\n", "lacks 'Wind_Speed'"),
        (five_column_text(40).replace("no rain", "snow"), "reject_ratio_within_limit"),
    ],
    ids=["web page", "empty", "other columns", "unknown labels"],
)
def test_a_refused_file_changes_nothing(
    first: tuple[Path, Result], text: str, message: str
) -> None:
    root, _ = first
    before = [frame.to_csv() for frame in processed(root)]
    good = (root / "raw" / "weather.csv").read_text(encoding="utf-8")
    put(root, "weather.csv", text)
    result = run(root)
    put(root, "weather.csv", good)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert [frame.to_csv() for frame in processed(root)] == before
    assert champion(root) == "1"


def test_why_rows_were_set_aside_is_said_however_far_a_run_goes(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv", five_column_text(400).replace("no rain", "snow"))
    result = run(tmp_path, "--until", "processed_weather")
    assert result.exit_code == 1
    assert "unknown_label: weather.csv line 2, column 'Rain': found 'snow'" in result.output


def test_a_refused_candidate_is_a_normal_day_and_rows_of_before_cost_no_training(
    first: tuple[Path, Result],
) -> None:
    root, _ = first
    before = last_runs(root)
    good = (root / "raw" / "weather.csv").read_text(encoding="utf-8")
    put(root, "weather.csv", without_skill(five_column_text(ROWS)))
    result = run(root)
    put(root, "weather.csv", good)
    assert result.exit_code == 3, result.output
    assert "champion 1 stays" in result.output.splitlines()[-1]
    assert "not shown to beat the training base rate" in result.output.splitlines()[-1]
    assert champion(root) == "1"
    after = last_runs(root)
    judged = {"raw_weather", "processed_weather", "rejected_weather", "weather_checkpoint"}
    judged |= {"live_skill", "model_verdict"}
    assert {name for name in after if after[name] != before[name]} == judged
    with open_instance(DataRoot.at(root)) as instance:
        (latest,) = instance.get_runs(limit=1)
        assert latest.status is dg.DagsterRunStatus.SUCCESS
    again = run(root)
    assert again.exit_code == 0, again.output
    assert "processed before" in again.output
    assert "epoch" not in again.output
    assert champion(root) == "1"
    with pytest.raises(LookupError):
        registry(root).get("3")


def test_a_first_candidate_that_is_refused_leaves_no_champion(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv", without_skill(five_column_text(400)))
    result = run(tmp_path)
    assert result.exit_code == 3, result.output
    assert "there is no champion yet" in result.output.splitlines()[-1]
    assert champion(tmp_path) is None
    assert "champion_model" not in last_runs(tmp_path)


def test_an_empty_data_root_is_refused_with_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "put a weather.csv there" in result.output


def test_an_unusable_sample_is_misuse(tmp_path: Path) -> None:
    sample = tmp_path / "weather.csv.gz"
    sample.write_bytes(b"Temperature,Rain\n")
    arguments = ["run", "--data", str(tmp_path / "data"), "--sample", str(sample)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "no sound .csv.gz" in result.output
    assert list((tmp_path / "data" / "raw").iterdir()) == []


def test_a_run_can_end_at_an_asset_and_repeats_nothing(
    first: tuple[Path, Result], tmp_path: Path
) -> None:
    root, _ = first
    until = CliRunner().invoke(main, ["run", "--data", str(root), "--until", "weather_checkpoint"])
    assert until.exit_code == 0, until.output
    assert "weather_checkpoint" in until.output
    assert "model_verdict" not in until.output
    assert "processed before" in until.output
    assert "epoch" not in until.output
    unknown = CliRunner().invoke(main, ["run", "--data", str(tmp_path), "--until", "rain"])
    assert unknown.exit_code == 2
    assert "there is no asset 'rain'; there are canary_traffic, candidate_deployment" in (
        unknown.output
    )


def test_the_champion_forecasts_raw_rows_in_order(
    first: tuple[Path, Result], tmp_path: Path
) -> None:
    root, _ = first
    source, target = tmp_path / "rows.csv", tmp_path / "predictions.csv"
    source.write_text(
        "Pressure,Temperature,Humidity,Wind_Speed,Cloud_Cover\n"
        "1000,15,95,5,90\n1000,30,35,5,5\n1000,cold,95,5,90\n1000,15,195,5,90\n",
        encoding="utf-8",
    )
    arguments = ["--data", str(root), "--input", str(source), "--output", str(target)]
    result = CliRunner().invoke(main, ["predict", *arguments])
    assert result.exit_code == 0, result.output
    frame = pd.read_csv(target)
    assert list(frame.columns) == ["probability", "problem"]
    assert len(frame) == 4
    assert frame.probability[0] > 0.5 > frame.probability[1]
    assert frame.problem.isna().tolist() == [True, True, False, False]
    assert frame.probability.isna().tolist() == [False, False, True, True]
    assert "not_a_number 'cold'" in frame.problem[2]
    assert "out_of_bounds" in frame.problem[3]


def forecast(root: Path, content: bytes, folder: Path) -> pd.DataFrame:
    source, target = folder / "rows.csv", folder / "predictions.csv"
    source.write_bytes(content)
    arguments = ["--data", str(root), "--input", str(source), "--output", str(target)]
    result = CliRunner().invoke(main, ["predict", *arguments])
    assert result.exit_code == 0, result.output
    return pd.read_csv(target)


def test_rows_are_forecast_however_they_are_written(
    first: tuple[Path, Result], tmp_path: Path
) -> None:
    root, _ = first
    plain = (
        "Pressure,Temperature,Humidity,Wind_Speed,Cloud_Cover,Pressure.sea\n"
        "1000.5,15.25,95.5,5.5,90.5,x\n1000.5,30.25,35.5,5.5,5.5,x\n1000.5,cold,95.5,5.5,90.5,x\n"
    )
    commas = plain.replace(",", ";").replace(".", ",").replace("Pressure,sea", "Pressure.sea")
    expected = forecast(root, plain.encode(), tmp_path)
    assert expected.probability.isna().tolist() == [False, False, True]
    for content in (
        commas.encode(),
        b"\xff\xfe" + commas.encode("utf-16-le"),
        b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode(),
        plain.replace(",", "\t").encode(),
        plain.replace(",", '","').replace("\n", '"\n"').join(('"', '"')).encode()[:-2],
    ):
        found = forecast(root, content, tmp_path)
        assert found.probability.equals(expected.probability)
    # Where it is not beyond doubt what the comma means, no number is made of it.
    mixed = forecast(root, commas.replace("30,25", "30.25").encode(), tmp_path)
    assert mixed.probability.isna().all()
    assert mixed.problem.str.contains("not_a_number").all()
    assert "not_a_number '15,25'" in mixed.problem[0]


def test_a_challenger_replaces_the_champion_only_by_a_pass(first: tuple[Path, Result]) -> None:
    root, _ = first  # the last test of this file: it changes what the others look at
    put(root, "more.csv", five_column_text(ROWS // 2, seed=7))
    result = run(root)
    newest = max(root.glob("registry/*/verdict.json"), key=lambda path: int(path.parent.name))
    verdict = json.loads(newest.read_text())
    assert verdict["identity"]["champion_version"] == "1"
    assert "champion" in verdict["scores"]
    passed = verdict["outcome"] == "pass"
    assert result.exit_code == (0 if passed else 3), result.output
    assert champion(root) == (newest.parent.name if passed else "1")
    if not passed:
        assert "champion 1 stays" in result.output
