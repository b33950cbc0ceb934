"""Who does the work makes no difference to what comes of it."""

from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession

from weather_assets.processing.files.raw_file import RawFileError
from weather_assets.processing.parts.tasks import SMALL_BYTES, Here, InSpark, Workers, is_little


@pytest.fixture(params=["here", "in Spark"])
def workers(request: pytest.FixtureRequest, spark: SparkSession) -> Workers:
    return Here() if request.param == "here" else InSpark(spark)


def test_answers_come_in_the_order_of_the_pieces(workers: Workers) -> None:
    assert workers.each(5, lambda piece: f"{piece * piece}") == ["0", "1", "4", "9", "16"]
    assert workers.each(0, str) == []


def failing_at(number: int, error: Exception) -> Callable[[int], str]:
    def work(piece: int) -> str:
        if piece == number:
            raise error
        return ""

    return work


def test_what_is_wrong_with_a_file_is_said_as_it_was_found(workers: Workers) -> None:
    with pytest.raises(RawFileError, match=r"^w\.csv\.gz: the compressed file is damaged$"):
        workers.each(3, failing_at(1, RawFileError("w.csv.gz: the compressed file is damaged")))
    with pytest.raises(Exception, match="disk full"):
        workers.each(3, failing_at(2, OSError("disk full")))


def test_little_work_is_not_worth_a_session() -> None:
    assert is_little(SMALL_BYTES, compared=4_000_000, written=2_000_000)
    assert not is_little(SMALL_BYTES, written=5_000_000)
    assert not is_little(SMALL_BYTES, compared=20_000_000)
    assert is_little(0)
    assert not is_little(0, written=1)
