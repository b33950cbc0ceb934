"""Reading conda definitions: what can be built is read, what cannot is named."""

import sys
from typing import Any

import pytest

from weather_assets.foundation.environments.conda import (
    EnvironmentBuildError,
    EnvironmentDefinition,
    read_definition,
)

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
SERVER = "azureml-inference-server-http==1.5.1"


def definition(*dependencies: str) -> EnvironmentDefinition:
    lines = "\n".join(f"  - {line}" for line in dependencies)
    return read_definition({"condaFile": f"name: n\nchannels: [c]\ndependencies:\n{lines}\n"})


def test_python_and_pins_are_read() -> None:
    found = definition("python=3.12.4", "pip>=23", f"pip: ['{SERVER}', 'numpy==2.3.0']")
    assert found == EnvironmentDefinition("3.12", (SERVER, "numpy==2.3.0"))


@pytest.mark.parametrize("line", ["python", "pip"])
def test_an_unpinned_python_is_this_one(line: str) -> None:
    assert definition(line, f"pip: ['{SERVER}']").python == HERE


def test_a_python_without_a_minor_version_is_refused() -> None:
    with pytest.raises(EnvironmentBuildError, match="python=3"):
        definition("python=3.*", f"pip: ['{SERVER}']")


@pytest.mark.parametrize(
    ("dependencies", "said"),
    [
        (("numpy=1.26", f"pip: ['{SERVER}']"), "conda package 'numpy=1.26'"),
        (("scipy", "cudatoolkit", f"pip: ['{SERVER}']"), "'cudatoolkit'"),
        ((f"pip: ['{SERVER}', '-r more.txt']",), "pip option '-r more.txt'"),
        ((f"pip: ['{SERVER}', '-e .']",), "pip option '-e .'"),
        (("python=3.11",), "does not name azureml-inference-server-http"),
        (("pip: ['azureml-inference-server']",), "does not name"),
    ],
)
def test_what_cannot_be_built_is_named(dependencies: tuple[str, ...], said: str) -> None:
    with pytest.raises(EnvironmentBuildError, match=r"cannot install|does not name") as caught:
        definition(*dependencies)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"image": "mcr.microsoft.com/x:1"}, "an image alone"),
        ({"build": {"contextUri": "x"}}, "a Docker build context"),
        ({"condaFile": "a: [b"}, "not YAML"),
        ({"condaFile": "name: x"}, "no list of dependencies"),
        ({"condaFile": "[1, 2]"}, "no list of dependencies"),
    ],
)
def test_other_environments_are_refused(environment: dict[str, Any], said: str) -> None:
    with pytest.raises(EnvironmentBuildError) as caught:
        read_definition(environment)
    assert said in str(caught.value)


def test_equal_definitions_share_a_cache_entry() -> None:
    one = EnvironmentDefinition("3.11", (SERVER,))
    assert one.digest == EnvironmentDefinition("3.11", (SERVER,)).digest
    others = {
        EnvironmentDefinition("3.12", (SERVER,)).digest,
        EnvironmentDefinition("3.11", (SERVER, "numpy")).digest,
    }
    assert len({one.digest, *others}) == 3
