"""The pure parts: routing, counters, hosts, settings, blob folders."""

import random
from collections import Counter as Tally
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.local_azure.azure.errors import LocalAzureError, ServiceError
from weather_assets.local_azure.azure.hosts import Hosts
from weather_assets.local_azure.azure.routing import Choice, choose
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.azure.state import Store
from weather_assets.local_azure.serving.metrics import BOUNDS_SECONDS, Counter, Metrics, quantile
from weather_assets.local_azure.storage.assets import DEFAULT_CONTAINER, locate
from weather_assets.local_azure.storage.blob_store import BlobStore

SERVING = ("blue", "green")


def test_shares_are_followed() -> None:
    chance = random.Random(1)
    tally = Tally(
        choose(None, {"blue": 70, "green": 30}, {}, SERVING, chance).deployment for _ in range(4000)
    )
    assert abs(tally["green"] - 1200) < 5 * (4000 * 0.3 * 0.7) ** 0.5


def test_copies_follow_the_mirror_share_and_never_the_pin() -> None:
    chance = random.Random(2)
    copies = [
        choose(None, {"blue": 100}, {"green": 20}, SERVING, chance).mirror for _ in range(4000)
    ]
    assert abs(copies.count("green") - 800) < 5 * (4000 * 0.2 * 0.8) ** 0.5
    for _ in range(50):
        pinned = choose("Green", {"blue": 100}, {"green": 50}, SERVING, chance)
        assert pinned == Choice("green", "pinned", None)


@pytest.mark.parametrize(
    ("pinned", "traffic"), [(None, {}), (None, {"blue": 0}), ("red", {"blue": 100})]
)
def test_nobody_answers(pinned: str | None, traffic: dict[str, int]) -> None:
    with pytest.raises(ServiceError) as caught:
        choose(pinned, traffic, {}, SERVING, random.Random(3))
    assert caught.value.status == 404


def test_a_mirror_that_does_not_serve_gets_no_copy() -> None:
    chance = random.Random(4)
    assert choose(None, {"blue": 100}, {"green": 100}, ("blue",), chance).mirror is None


@given(seconds=st.lists(st.floats(0.0005, 100), min_size=1, max_size=200))
@settings(max_examples=50, deadline=None)
def test_quantiles_are_right_to_their_bucket(seconds: list[float]) -> None:
    counter = Counter()
    for value in seconds:
        counter.add(200, 200, value)
    for share in (0.5, 0.9, 0.99):
        exact = float(np.quantile(seconds, share, method="inverted_cdf"))
        found = quantile(counter.latency_buckets, share)
        edges = (0.0, *BOUNDS_SECONDS)
        index = int(np.searchsorted(BOUNDS_SECONDS, exact))
        assert found is not None
        assert edges[index] <= found <= edges[index + 1]


def test_no_requests_have_no_latency() -> None:
    assert quantile([0] * (len(BOUNDS_SECONDS) + 1), 0.5) is None


def test_counters_survive_and_are_forgotten() -> None:
    metrics = Metrics()
    metrics.add("rain/blue", "live", 200, 200, 0.01)
    metrics.add("rain/blue", "live", 424, 500, 0.02)
    metrics.add("rain/blue", "mirrored", 408, None, 5.0)
    again = Metrics(metrics.to_document())
    assert again.of("rain/blue") == metrics.of("rain/blue")
    assert again.since == metrics.since
    live = again.of("rain/blue")["live"]
    assert (live["requests"], live["statuses"]) == (2, {"200": 1, "424": 1})
    assert again.of("rain/blue")["mirrored"]["model_statuses"] == {}
    again.forget("rain/blue")
    assert again.of("rain/blue")["live"]["requests"] == 0


def test_only_azures_own_hosts_exist() -> None:
    made = Settings.generate(region="there", storage_account="store")
    hosts = Hosts.of(made)
    for host in (
        "management.azure.com",
        "LOGIN.microsoftonline.com",
        "store.blob.core.windows.net",
    ):
        assert hosts.known(host)
    assert hosts.endpoint("Rain.there.inference.ml.azure.com") == "rain"
    for host in (
        "other.blob.core.windows.net",
        "rain.elsewhere.inference.ml.azure.com",
        ".there.inference.ml.azure.com",
        "a.b.there.inference.ml.azure.com",
        "there.inference.ml.azure.com",
        "example.com",
    ):
        assert not hosts.known(host), host


def test_settings_come_back_and_are_checked(tmp_path: Path) -> None:
    made = Settings.generate(region="there")
    made.save(tmp_path)
    assert Settings.load(tmp_path) == made
    assert Settings.generate().client_secret != made.client_secret
    for bad in ({"quota_cores": -1}, {"workspaces": ()}, {"operation_seconds": float("nan")}):
        with pytest.raises(LocalAzureError):
            made.replace(**bad)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    store = BlobStore(tmp_path / "blobs", Store(tmp_path / "state.sqlite"), "secret")
    store.create_container("c")
    return store


def put(blobs: BlobStore, name: str) -> None:
    draft = blobs.draft("c")
    draft.write_text(name)
    blobs.commit("c", name, draft, content_type="text/plain", metadata={})


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_registered_folder_is_kept_and_a_code_folder_is_not(
    blobs: BlobStore, tmp_path: Path
) -> None:
    for name in ("up/hash/model/a.txt", "up/hash/model/sub/b.txt", "up/hash/model2/c.txt"):
        put(blobs, name)
    assert blobs.download("c", "up/hash/model", tmp_path / "kept") == 2
    assert files(tmp_path / "kept") == {"model/a.txt", "model/sub/b.txt"}
    blobs.download("c", "up/hash/model", tmp_path / "inside", keep_folder=False)
    assert files(tmp_path / "inside") == {"a.txt", "sub/b.txt"}
    blobs.download("c", "up/hash/model/a.txt", tmp_path / "one")
    assert files(tmp_path / "one") == {"a.txt"}


def test_a_blob_cannot_leave_its_folder(blobs: BlobStore, tmp_path: Path) -> None:
    put(blobs, "model/../../escaped.txt")
    with pytest.raises(ValueError, match="leaves its folder"):
        blobs.download("c", "", tmp_path / "target" / "deep")
    assert not list(tmp_path.rglob("escaped.txt"))


def test_signatures_grant_what_they_say(blobs: BlobStore) -> None:
    query = dict(pair.split("=", 1) for pair in blobs.sign("c", "rl").split("&"))
    query = {key: unquote(value) for key, value in query.items()}
    assert blobs.signature_holds("c", query, "r")
    assert not blobs.signature_holds("c", query, "cw")
    assert not blobs.signature_holds("d", query, "r")
    assert not blobs.signature_holds("c", {**query, "se": "2999-01-01T00:00:00Z"}, "r")


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("azureml://s/datastores/workspaceblobstore/paths/a/b", (DEFAULT_CONTAINER, "a/b")),
        ("azureml://datastores/workspaceblobstore/paths/a", (DEFAULT_CONTAINER, "a")),
        ("https://x.blob.core.windows.net/c/src", ("c", "src")),
        ("https://x.blob.core.windows.net/c", ("c", "")),
    ],
)  # fmt: skip
def test_addresses_are_located(uri: str, place: tuple[str, str]) -> None:
    assert locate(uri) == place


@pytest.mark.parametrize(
    "uri", ["azureml://datastores/other/paths/a", "https://example.com/a", "a"]
)
def test_other_addresses_are_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="datastore"):
        locate(uri)
