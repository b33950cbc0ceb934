"""The headers of raw files, and the one contract that explains all of them.

Belongs here: holding the files of one data root against its contract, or the built-in ones. Does
not belong here: which files those are (`raw_snapshot`), or how a header is read and recognised
(`processing.files`, `contract.loading`).
"""

from dataclasses import replace
from pathlib import Path

from weather_assets.adapters.files.raw_snapshot import RawSnapshot, recorded_path
from weather_assets.contract.columns import ContractError
from weather_assets.contract.loading import own_contract, recognise_header
from weather_assets.contract.schema import Contract
from weather_assets.processing.doubts.gates import Gate
from weather_assets.processing.files.layouts import Layout, layout_of
from weather_assets.processing.files.raw_file import RawFile, RawFileError, read_opening


def explain_files(
    raw: Path, snapshot: RawSnapshot, contract_file: Path
) -> tuple[Contract, tuple[Layout, ...]]:
    """Finds the one contract that every raw file fits, and its columns in each of them.

    Args:
        raw: the folder of the raw files.
        snapshot: the files.
        contract_file: the data root's own contract, which need not exist.

    Returns:
        The contract, and where its columns are in each file, in the order of their names.

    Raises:
        RawDataError: if a file is gone, or has not the length that was recorded.
        RawFileError: if a file cannot be read.
        ContractError: if a header is unknown, or two files follow different contracts.
    """
    own, limits = own_contract(contract_file)
    contracts: dict[str, Contract] = {}
    layouts: list[Layout] = []
    for file in sorted(snapshot.files, key=lambda file: file.name):
        opening = read_opening(RawFile(path=str(recorded_path(raw, file)), name=file.name))
        try:
            contract = recognise_header(opening.header, own)
        except ContractError as error:
            raise ContractError(f"{file.name}: {error}") from None
        contracts[file.name] = contract
        layouts.append(layout_of(opening, contract))
    first, *others = contracts.values()
    if any(other.name != first.name for other in others):
        listing = ", ".join(f"{name} ({contract.name})" for name, contract in contracts.items())
        raise ContractError(
            f"the raw files follow different contracts: {listing}. One data root holds one kind of "
            "file: move the others to a data root of their own"
        )
    return replace(first, limits=limits), tuple(layouts)


def evaluate_headers(raw: Path, snapshot: RawSnapshot, contract_file: Path) -> Gate:
    """One contract explains the header of every raw file (arguments as for `explain_files`)."""
    try:
        contract, _ = explain_files(raw, snapshot, contract_file)
    except (ContractError, RawFileError) as problem:
        return Gate(passed=False, sentence=str(problem))
    return Gate(passed=True, sentence=f"contract {contract.name}: {contract.title}")
