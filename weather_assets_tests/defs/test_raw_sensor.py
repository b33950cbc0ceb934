"""The sensor has recorded what is in `raw/`, whatever comes, grows, moves and comes back there."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from weather_assets.adapters.files.raw_snapshot import RawDataError, RawSnapshot
from weather_assets.defs import raw_sensor
from weather_assets.defs.observations import raw_weather
from weather_assets.defs.raw_sensor import raw_weather_sensor
from weather_assets.defs.resources import DataRootResource

FIVE = "Temperature,Humidity,Wind_Speed,Cloud_Cover,Pressure,Rain\n20,50,3,10,1000,no rain\n"
MORE = FIVE + "21,50,3,10,1000,rain\n"


class Watched:
    """The sensor and the asset over one data root and one instance, and the clock of both."""

    def __init__(self, root: Path, instance: dg.DagsterInstance) -> None:
        self.raw = root / "raw"
        self.raw.mkdir()
        self.instance = instance
        self.resource = DataRootResource(path=str(root))
        self.now = 1e9

    def put(self, text: str, name: str = "weather.csv") -> Path:
        path = self.raw / name
        path.write_text(text, encoding="utf-8")
        return path

    def look(self) -> dg.RunRequest | str:
        """Evaluates the sensor; returns its request, or why it made none."""
        self.now += 5
        with dg.build_sensor_context(
            instance=self.instance, resources={"data_root": self.resource}
        ) as context:
            answer = raw_weather_sensor(context)
        if isinstance(answer, dg.SkipReason):
            return answer.skip_message or ""
        assert isinstance(answer, dg.RunRequest)
        return answer

    def settled(self) -> dg.RunRequest | str:
        """Looks twice."""
        self.look()
        return self.look()

    def record(self, request: dg.RunRequest | str) -> str:
        """Runs what was requested; returns the version that is recorded then."""
        assert isinstance(request, dg.RunRequest), request
        dg.materialize(
            [raw_weather],
            instance=self.instance,
            resources={"data_root": self.resource},
            run_config=dict(request.run_config),
            tags=request.tags,
            raise_on_error=False,
        )
        return RawSnapshot.load(self.resource.get().snapshot_file).version

    def recorded(self) -> list[str]:
        """Returns the names of the recorded files."""
        return [file.name for file in RawSnapshot.load(self.resource.get().snapshot_file).files]

    def cancel(self, request: dg.RunRequest | str) -> None:
        """Launches what was requested, and cancels it as a person does."""
        assert isinstance(request, dg.RunRequest), request
        job = dg.Definitions(
            assets=[raw_weather], resources={"data_root": self.resource}
        ).resolve_implicit_global_asset_job_def()
        run = self.instance.create_run_for_job(
            job, tags=request.tags, asset_selection=frozenset({raw_weather.key})
        )
        self.instance.report_run_canceled(run)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    with dg.DagsterInstance.ephemeral() as instance:
        found = Watched(tmp_path, instance)
        monkeypatch.setattr(raw_sensor, "time", lambda: found.now)
        yield found


def reason(answer: dg.RunRequest | str) -> str:
    assert isinstance(answer, str), answer
    return answer


def test_an_empty_folder_is_waited_for(watched: Watched) -> None:
    assert "holds no raw file" in reason(watched.look())


def test_new_content_is_recorded_once(watched: Watched) -> None:
    path = watched.put(FIVE)
    assert "still being written: weather.csv" in reason(watched.look())
    first = watched.record(watched.look())
    assert "as recorded" in reason(watched.look())
    path.write_bytes(path.read_bytes())
    assert "are being rewritten" in reason(watched.look())
    assert "as recorded" in reason(watched.look()), "the same bytes again"
    watched.put(MORE)
    assert watched.record(watched.settled()) != first
    assert "as recorded" in reason(watched.settled())


def test_a_file_that_grows_is_left_out_while_others_are_recorded(watched: Watched) -> None:
    watched.put(FIVE)
    watched.put(FIVE, "log.csv")
    watched.look()
    watched.put(MORE, "log.csv")
    watched.record(watched.look())
    assert watched.recorded() == ["weather.csv"]
    watched.put(MORE + "22,50,3,10,1000,rain\n", "log.csv")
    assert "still being written: log.csv" in reason(watched.look())
    watched.record(watched.look())
    assert watched.recorded() == ["log.csv", "weather.csv"]


def test_a_date_in_the_future_holds_nobody_back(watched: Watched) -> None:
    path = watched.put(FIVE)
    os.utime(path, (4e9, 4e9))
    watched.record(watched.settled())
    assert "as recorded" in reason(watched.look())


def test_a_rename_is_recorded_with_the_same_version(watched: Watched) -> None:
    path = watched.put(FIVE)
    before = watched.record(watched.settled())
    path.rename(watched.raw / "renamed.csv")
    assert watched.record(watched.settled()) == before
    assert watched.recorded() == ["renamed.csv"]
    assert "as recorded" in reason(watched.settled())


def test_the_contract_belongs_to_what_is_recorded(watched: Watched) -> None:
    watched.put(FIVE)
    before = watched.record(watched.settled())
    (watched.raw.parent / "contract.toml").write_text("# no contract yet\n")
    assert watched.record(watched.look()) != before
    assert "as recorded" in reason(watched.look()), "a failed check is no reason to record again"


def test_content_that_was_cancelled_is_recorded_once_something_else_was(watched: Watched) -> None:
    watched.put(FIVE)
    watched.cancel(watched.settled())
    assert "was cancelled" in reason(watched.look())
    watched.put(MORE)
    watched.record(watched.settled())
    watched.put(FIVE)
    watched.record(watched.settled())
    assert "as recorded" in reason(watched.look())


def test_a_recording_that_fails_for_now_is_tried_again_after_a_pause(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.put(FIVE)
    request = watched.settled()

    def full(self: RawSnapshot, path: Path) -> None:
        del self
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(RawSnapshot, "save", full)
        with pytest.raises(RawDataError):
            watched.record(request)
    ended = watched.instance.get_run_records(limit=1)[0].end_time
    assert ended is not None
    watched.now = ended
    assert "may go well another time: attempt 2 in 55 s" in reason(watched.look())
    watched.now += 60
    watched.record(watched.look())
    assert "as recorded" in reason(watched.look())
