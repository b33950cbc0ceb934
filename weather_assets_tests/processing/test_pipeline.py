"""The whole pipeline: no row is lost, and nothing but the set of rows decides the result."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from weather_assets.contract.columns import ContractError
from weather_assets.contract.loading import builtin_contracts, recognise_header
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.comparing import windows
from weather_assets.processing.files.blocks import total_bytes
from weather_assets.processing.files.raw_file import RawFile, RawFileError, read_header
from weather_assets.processing.parts.accounting import ProcessingReport
from weather_assets.processing.parts.tasks import SMALL_BYTES
from weather_assets.processing.pipeline import process
from weather_assets_tests.processing.weather_files import (
    AHEAD,
    UNTIMED,
    ahead_rows,
    header_of,
    layouts,
    untimed_rows,
    write_csv,
)

Run = Callable[[Sequence[RawFile], Contract], tuple[ProcessingReport, Path]]


@pytest.fixture(scope="module")
def run(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Returns a function that processes files into a fresh folder."""

    def process_files(
        files: Sequence[RawFile], contract: Contract
    ) -> tuple[ProcessingReport, Path]:
        output_dir = tmp_path_factory.mktemp("version") / "v1"
        return process(lambda: spark, layouts(files, contract), contract, output_dir), output_dir

    return process_files


def kept_in(output_dir: Path) -> pd.DataFrame:
    rows = pd.read_parquet(output_dir / "weather.parquet")
    return rows.sort_values(["row_hash", *rows.columns]).reset_index(drop=True)


def rejected_in(output_dir: Path) -> pd.DataFrame:
    return pd.read_parquet(output_dir / "rejected.parquet")


def test_nyc_agrees_with_pandas(run: Run, samples: Path) -> None:
    path = samples / "nyc-hourly-2013.csv.gz"
    file = RawFile(str(path), path.name)
    contract = recognise_header(read_header(file))

    report, output_dir = run([file], contract)

    raw = pd.read_csv(path, na_values=["NA"], keep_default_na=False)
    raw["time_hour"] = pd.to_datetime(raw["time_hour"], utc=True)
    outcome = raw[["origin", "time_hour", "precip"]].assign(
        time_hour=raw["time_hour"] - pd.Timedelta(contract.label.lead), rain=raw["precip"] > 0
    )
    expected = raw[raw["wind_speed"].isna() | (raw["wind_speed"] <= 231)].merge(
        outcome[["origin", "time_hour", "rain"]], on=["origin", "time_hour"]
    )
    kept = kept_in(output_dir)
    gap = rejected_in(output_dir).query("reason == 'split_gap'")
    assert report.rows_in == len(raw) == report.rows_kept + report.rows_rejected
    assert len(expected) == len(kept) + len(gap)
    both = kept.merge(expected, on=["origin", "time_hour"], suffixes=("", "_pandas"))
    assert len(both) == len(kept)
    assert (both["label_encoded"] == both["rain"]).all()
    assert (both["persistence"] == (both["precip"] > 0)).all()
    assert (both["hour_of_day"] == both["time_hour"].dt.hour).all()
    for name in (
        "temp",
        "dewp",
        "humid",
        "wind_dir",
        "wind_speed",
        "wind_gust",
        "pressure",
        "visib",
    ):
        pd.testing.assert_series_equal(
            both[name], both[f"{name}_pandas"].astype(float), check_names=False
        )
    ends = kept.groupby("split")["time_hour"].agg(["min", "max"])
    lead = pd.Timedelta(contract.label.lead)
    assert ends.loc[["train", "validation"], "max"].max() + lead < ends.loc["test", "min"]
    older = kept[kept["split"] != "test"]
    days = (older["time_hour"] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta("1D")
    assert (older["split"] == "validation").tolist() == (days % 15 < 2).tolist()
    assert (kept["split"] == "train").mean() == pytest.approx(0.65, abs=0.002)
    statistics = TrainingStatistics.from_json((output_dir / "statistics.json").read_text())
    train = kept[kept["split"] == "train"]
    assert statistics.training_rows == len(train)
    assert statistics.features[1].mean == pytest.approx(train["temp"].mean(), rel=1e-12)
    stored = Contract.from_dict(json.loads((output_dir / "contract.json").read_text()))
    assert stored == contract
    json.dumps(report.to_dict())


def no_spark() -> SparkSession:
    raise AssertionError("small files need no session")


def test_small_files_come_out_like_large_ones(
    spark: SparkSession, tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RawFile(str(samples / "seattle-daily.csv.gz"), "seattle-daily.csv.gz")
    contract = recognise_header(read_header(file))
    found = layouts([file], contract)
    assert total_bytes(found) <= SMALL_BYTES
    small_dir, large_dir = tmp_path / "small", tmp_path / "large"
    small = process(no_spark, found, contract, small_dir)
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 200)
    large = process(lambda: spark, found, contract, large_dir, small_bytes=0)

    assert small.counts == large.counts
    pd.testing.assert_frame_equal(kept_in(small_dir), kept_in(large_dir))
    pd.testing.assert_frame_equal(rejected_in(small_dir), rejected_in(large_dir))
    statistics = [(made / "statistics.json").read_bytes() for made in (small_dir, large_dir)]
    assert statistics[0] == statistics[1]


def test_columns_and_types(run: Run, tmp_path: Path) -> None:
    file = write_csv(tmp_path, "w.csv", [header_of(AHEAD), *ahead_rows(30)])

    report, output_dir = run([file], AHEAD)

    kept, rejected = kept_in(output_dir), rejected_in(output_dir)
    assert {name: str(kind) for name, kind in kept.dtypes.items()} == {
        "time": "datetime64[us, UTC]",
        "station": "object",
        "temp": "float64",
        "direction": "float64",
        "rain": "float64",
        "hour_of_day": "float64",
        "day_of_year": "float64",
        "label_encoded": "int32",
        "split": "object",
        "persistence": "float64",
        "row_hash": "int64",
    }
    assert list(rejected.columns) == ["file", "line", "column", "reason", "raw"]
    assert rejected["line"].dtype == "int64"
    assert report.counts.rejected_by_reason == {"outcome_missing": 2, "split_gap": 2}
    assert report.counts.missing_by_column["temp"] == kept["temp"].isna().sum() > 0
    assert report.missing_share["temp"] == kept["temp"].isna().mean()
    for split, rows in report.counts.rows_by_split.items():
        part = kept[kept["split"] == split]
        assert rows == len(part)
        assert report.counts.positives_by_split[split] == part["label_encoded"].sum()


def test_nothing_rejected_is_an_empty_table(run: Run, tmp_path: Path) -> None:
    file = write_csv(tmp_path, "w.csv", [header_of(UNTIMED), *untimed_rows(20)])

    report, output_dir = run([file], UNTIMED)

    assert (report.rows_in, report.rows_rejected) == (20, 0)
    rejected = rejected_in(output_dir)
    assert (len(rejected), list(rejected.columns)) == (
        0,
        ["file", "line", "column", "reason", "raw"],
    )


def test_nothing_kept_is_an_empty_table(run: Run, tmp_path: Path) -> None:
    file = write_csv(tmp_path, "w.csv", [header_of(AHEAD), "x,A,1,1,1"])

    report, output_dir = run([file], AHEAD)

    assert (report.rows_kept, report.rows_rejected) == (0, 1)
    assert len(kept_in(output_dir)) == 0
    assert report.missing_share["temp"] == 0


def test_order_of_rows_files_and_columns_does_not_matter(run: Run, tmp_path: Path) -> None:
    rows = [*ahead_rows(60), *ahead_rows(3), *ahead_rows(2, seed=9), "x,A,1,1,1"]
    whole = write_csv(tmp_path, "w.csv", [header_of(AHEAD), *rows])
    Random(1).shuffle(rows)
    order = [4, 1, 0, 3, 2]
    turned = [",".join(row.split(",")[index] for index in order) for row in rows[70:]]
    parts = [
        write_csv(tmp_path, "2.csv", [header_of(AHEAD), *rows[:70]]),
        write_csv(tmp_path, "1.csv", [header_of(AHEAD, order), *turned]),
    ]

    (first, first_dir), (second, second_dir) = run([whole], AHEAD), run(parts, AHEAD)

    pd.testing.assert_frame_equal(kept_in(first_dir), kept_in(second_dir))
    assert first.counts == second.counts
    assert first.counts.rejected_by_reason["contradicting_rows"] == 12
    assert first.counts.rejected_by_reason["duplicate_row"] == 2
    texts = {(folder / "statistics.json").read_bytes() for folder in (first_dir, second_dir)}
    assert len(texts) == 1
    columns = ["column", "reason"]
    pd.testing.assert_frame_equal(
        rejected_in(first_dir).sort_values(columns, ignore_index=True)[columns],
        rejected_in(second_dir).sort_values(columns, ignore_index=True)[columns],
    )


def test_a_held_out_value_changes_no_statistic(run: Run, tmp_path: Path) -> None:
    rows = ahead_rows(60)
    changed = list(rows)
    # The last hours are test rows: other temperatures, and one that is no number.
    for index in range(-10, 0):
        time, station, _, direction, rain = rows[index].split(",")
        changed[index] = f"{time},{station},{59 + index / 100},{direction},{rain}"
    before = write_csv(tmp_path, "a.csv", [header_of(AHEAD), *rows])
    after = write_csv(tmp_path, "b.csv", [header_of(AHEAD), *changed])

    (_, before_dir), (_, after_dir) = run([before], AHEAD), run([after], AHEAD)

    name = "statistics.json"
    assert (before_dir / name).read_bytes() == (after_dir / name).read_bytes()
    assert not kept_in(before_dir).equals(kept_in(after_dir))


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(
            [b'"', b",", b"\n", b"\r\n", b"\0", b"\xff", b"x", b" ", b"", b"\n\n", b"e9"]
        ),
    ),
    max_size=12,
)


@given(st.lists(MUTATIONS, min_size=4, max_size=4), st.sampled_from([AHEAD, UNTIMED]))
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_row_of_a_damaged_file_is_kept_or_rejected(
    run: Run, tmp_path: Path, mutations: list[list[tuple[int, bytes]]], contract: Contract
) -> None:
    files: list[RawFile] = []
    lines: set[tuple[str, int]] = set()
    for number, changes in enumerate(mutations):
        rows = ahead_rows(8, number) if contract is AHEAD else untimed_rows(16, number)
        content = bytearray("\n".join(rows).encode())
        for position, piece in changes:
            at = position % (len(content) + 1)
            content[at : at + position % 3] = piece
        name = f"{number}.csv"
        whole = f"{header_of(contract)}\n1\n".encode() + bytes(content)
        (tmp_path / name).write_bytes(whole)
        files.append(RawFile(str(tmp_path / name), name))
        lines |= {
            (name, at) for at, line in enumerate(whole.split(b"\n"), 1) if line.strip() and at > 1
        }

    report, output_dir = run(files, contract)

    rejected = rejected_in(output_dir)
    assert report.rows_in == len(kept_in(output_dir)) + len(rejected)
    assert set(rejected["reason"]) <= {reason.value for reason in Reason}
    covered = [
        (name, line + extra)
        for name, line, raw in rejected[["file", "line", "raw"]].to_numpy().tolist()
        for extra in range(raw.count("\n") + 1)
    ]
    # Every line is in a rejected row or is a kept row, and in no two rejected rows.
    assert len(covered) == len(set(covered))
    kept_lines = len(lines - set(covered))
    assert kept_lines >= report.rows_kept
    if not any(piece == b'"' for changes in mutations for _, piece in changes):
        assert kept_lines == report.rows_kept  # without quotes, a row is a line


def test_a_damaged_gzip_file_is_refused_and_nothing_is_published(run: Run, tmp_path: Path) -> None:
    content = "\n".join([header_of(UNTIMED), *untimed_rows(5000)]).encode()
    path = tmp_path / "w.csv.gz"
    path.write_bytes(gzip.compress(content)[:-2000])

    with pytest.raises(RawFileError, match=r"^w\.csv\.gz: the compressed file is damaged"):
        run([RawFile(str(path), path.name)], UNTIMED)


def test_unknown_columns_are_named(run: Run, tmp_path: Path) -> None:
    lines = [f"{header_of(UNTIMED)},Comment", *(f"{row},x" for row in untimed_rows(3))]

    report, _ = run([write_csv(tmp_path, "w.csv", lines)], UNTIMED)

    assert len(report.warnings) == 1
    assert "'Comment'" in report.warnings[0]


def test_a_column_called_like_one_of_ours_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    description = UNTIMED.to_dict()
    description["columns"][0]["name"] = "Split"

    with pytest.raises(ContractError, match="'Split'"):
        process(lambda: spark, [], Contract.from_dict(description), tmp_path / "v1")


def test_a_folder_that_holds_something_is_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "weather.parquet").mkdir()

    with pytest.raises(FileExistsError, match="not empty"):
        process(lambda: spark, [], UNTIMED, tmp_path)


@pytest.mark.parametrize(
    ("sample", "rows"), [("seattle-daily.csv.gz", 1461), ("greensboro-hourly.csv.gz", 8760)]
)
def test_the_other_samples_are_nearly_all_kept(
    run: Run, samples: Path, sample: str, rows: int
) -> None:
    file = RawFile(str(samples / sample), sample)
    contract = recognise_header(read_header(file), None)

    report, _ = run([file], contract)

    assert contract in builtin_contracts()
    assert report.rows_in == rows
    beside_the_gap = report.rows_rejected - report.counts.rejected_by_reason.get("split_gap", 0)
    assert beside_the_gap <= 1
    assert all(
        report.counts.positives_by_split[split] > 0 for split in ("train", "validation", "test")
    )
