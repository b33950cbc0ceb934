"""Every row that is new to what served counts once, for the model that served as it came."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions, write_manifest
from weather_assets.contract.schema import Contract
from weather_assets.forecasting.network import NetworkFileError
from weather_assets.foundation.documents import DocumentError
from weather_assets.monitoring.live_skill import Promise
from weather_assets.monitoring.settings import LiveSkillSettings
from weather_assets.workflows.candidates import SERVED_UNTIL
from weather_assets.workflows.live_skill import (
    LiveSkill,
    record_file,
    recorded_live_skill,
    watch_champion,
)
from weather_assets_tests.integration.agreeing_rows import CONTRACT
from weather_assets_tests.workflows.registered_versions import (
    NETWORK,
    RegisteredVersions,
    features,
)

START = datetime(2020, 1, 1, tzinfo=UTC)
ROWS_A_DAY = 4


def at(day: float) -> str:
    return (START + timedelta(days=day)).isoformat()


def made_rows(days: float) -> pd.DataFrame:
    """Returns rows of some days, the same first ones whatever their number."""
    count = int(days * ROWS_A_DAY)
    numbers_NF = features(CONTRACT, 1000)[:count]
    rows = pd.DataFrame(index=range(count))
    for position, feature in enumerate(CONTRACT.features):
        values = numbers_NF[:, position]
        if feature.categories:
            names = [None if np.isnan(v) else feature.categories[int(v)] for v in values]
            rows[feature.name] = names
        else:
            rows[feature.name] = values
    step = timedelta(days=1 / ROWS_A_DAY)
    # Half a step on, so that no row lies just between two days.
    rows["when"] = pd.to_datetime([START + (place + 0.5) * step for place in range(count)])
    rows["label_encoded"] = (np.random.default_rng(1).random(1000)[:count] < 0.4).astype(int)
    rows["split"], rows["row_hash"] = "train", np.arange(count)
    return rows


class Service(RegisteredVersions):
    """Rows that come, and models that serve."""

    def rows_are(self, rows: pd.DataFrame, contract: Contract = CONTRACT) -> None:
        def write(folder: Path) -> None:
            rows.to_parquet(folder / "weather.parquet")
            (folder / "contract.json").write_text(json.dumps(contract.to_dict()))
            write_manifest(folder, {})

        versions = ProcessedVersions(self.root.processed)
        name = f"version-{len(list(self.root.processed.iterdir()))}"
        versions.build(name, write)
        versions.publish(name)

    def champion_is(self, version: str, learned_days: float) -> None:
        self.add(version)
        self.registry.tag_version(version, {SERVED_UNTIL: at(learned_days)})
        self.registry.promote(version)

    def look(self) -> LiveSkill:
        return watch_champion(self.root, self.registry, LiveSkillSettings())

    def counted(self) -> Mapping[str, int]:
        """Returns how many rows each version was asked about."""
        found: dict[str, int] = {}
        for day in self.look().days:
            found[day.version] = found.get(day.version, 0) + day.rows
        return found


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(DataRoot.at(tmp_path).create())


def test_without_a_champion_there_is_nothing_to_watch(service: Service) -> None:
    service.rows_are(made_rows(10))
    found = service.look()
    assert (found.champion, found.wants_training, found.days) == ("", True, ())
    assert "nothing serves yet" in found.sentence


def test_rows_that_are_new_to_the_champion_are_forecast_by_it(service: Service) -> None:
    service.rows_are(made_rows(30))
    service.champion_is("1", learned_days=20)
    found = service.look()
    assert not found.wants_training
    assert [day.date for day in found.days] == [at(day)[:10] for day in range(20, 30)]
    assert {day.rows for day in found.days} == {ROWS_A_DAY}
    labels_N = made_rows(30)["label_encoded"].to_numpy()
    said_N = NETWORK.probabilities(features(CONTRACT, 1000)[:120])
    own = ((said_N - labels_N) ** 2).reshape(30, ROWS_A_DAY).sum(1)[20:]
    assert [day.squared_error for day in found.days] == pytest.approx(own.tolist())
    assert "on the 10 days with rows since 2020-01-21, " in found.sentence


def test_each_row_counts_once_however_often_one_looks(service: Service) -> None:
    service.rows_are(made_rows(20.5))
    service.champion_is("1", learned_days=20)
    assert service.counted() == {"1": 2}
    assert service.counted() == {"1": 2}
    service.rows_are(made_rows(22))
    assert [day.rows for day in service.look().days] == [ROWS_A_DAY, ROWS_A_DAY]
    service.rows_are(made_rows(15))
    assert service.counted() == {"1": 8}, "rows that went are still what was served"


def test_rows_belong_to_the_model_that_served_as_they_came(service: Service) -> None:
    service.rows_are(made_rows(20))
    service.champion_is("1", learned_days=20)
    assert service.counted() == {}
    service.rows_are(made_rows(30))
    service.champion_is("2", learned_days=30)
    assert service.counted() == {"1": 40}, "though another one is champion by now"
    service.rows_are(made_rows(35))
    assert service.counted() == {"1": 40, "2": 20}


def test_a_version_that_was_deleted_meanwhile_loses_its_rows_and_nothing_else(
    service: Service,
) -> None:
    service.rows_are(made_rows(20))
    service.champion_is("1", learned_days=20)
    service.look()
    record = json.loads(record_file(service.root).read_text())
    record_file(service.root).write_text(json.dumps({**record, "champion": "77"}))
    service.rows_are(made_rows(30))
    service.champion_is("2", learned_days=25)
    assert service.counted() == {"2": 20}


@pytest.mark.parametrize("is_champion", [True, False])
def test_weights_that_are_gone_matter_where_they_serve(service: Service, is_champion: bool) -> None:
    service.rows_are(made_rows(20))
    service.champion_is("1", learned_days=20)
    service.look()
    (service.root.registry / "1" / "model.safetensors").write_bytes(b"damaged")
    service.rows_are(made_rows(30))
    if is_champion:
        with pytest.raises(NetworkFileError):
            service.look()
    else:
        service.champion_is("2", learned_days=25)
        assert service.counted() == {"2": 20}


def test_without_a_time_or_under_another_contract_nobody_can_tell(service: Service) -> None:
    service.rows_are(made_rows(20))
    service.champion_is("1", learned_days=10)
    service.rows_are(made_rows(20), replace(CONTRACT, timestamp=None))
    assert "rows have no time" in service.look().sentence
    other = replace(CONTRACT, columns=CONTRACT.columns[:-1])
    service.rows_are(made_rows(20), other)
    found = service.look()
    assert found.wants_training
    assert "was trained for other rows" in found.sentence
    assert not record_file(service.root).exists()


def test_a_lost_promise_is_an_alarm_until_another_model_serves(service: Service) -> None:
    service.rows_are(made_rows(20))
    service.champion_is("1", learned_days=20)
    service.look()
    record = json.loads(record_file(service.root).read_text())
    promise = Promise(skill=0.99, floor=0.98, deviation=0.01)
    promised = {
        name: {"skill": promise.skill, "floor": promise.floor, "deviation": promise.deviation}
        for name in "12"
    }
    record_file(service.root).write_text(json.dumps({**record, "promises": promised}))
    service.rows_are(made_rows(200))
    found = service.look()
    assert found.is_lost
    assert found.wants_training
    assert recorded_live_skill(service.root, LiveSkillSettings()).wants_training
    assert found.sentence.startswith(f"live skill is lost since {found.seen.alarm}: ")
    assert "the verdict on champion 1 showed +0.990; an alarm takes evidence" in found.sentence
    assert "of less than +0.980: there is " in found.sentence
    service.champion_is("2", learned_days=200)
    service.rows_are(made_rows(203))
    assert not service.look().is_lost


@pytest.mark.parametrize("text", ["{", '{"format": 1, "champion": "1"}', '{"format": 2}'])
def test_a_damaged_record_is_named(service: Service, text: str) -> None:
    service.rows_are(made_rows(20))
    service.champion_is("1", learned_days=10)
    record_file(service.root).write_text(text)
    with pytest.raises(DocumentError, match=r"live_skill\.json, the record of live skill"):
        service.look()
