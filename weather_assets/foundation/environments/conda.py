"""Reading a deployment's conda definition, as far as it can be built without conda.

Belongs here: from YAML text to a Python version and pip requirements, or a refusal that names what
cannot be built. Does not belong here: building (`building`).
"""

import hashlib
import json
import platform
import re
import sys
from dataclasses import dataclass
from typing import Any, cast

import yaml

_TOOLS = frozenset({"pip", "setuptools", "wheel"})
"""Conda packages that every virtual environment is built with anyway."""
_PYTHON = re.compile(r"python\s*=*\s*(\d+\.\d+)?(?:\.\d+|\.\*)?")
_UNSUPPORTED_OPTION = re.compile(r"(-r|-c|-e|--requirement|--constraint|--editable)\b")
SERVER = "azureml-inference-server-http"


class EnvironmentBuildError(Exception):
    """An environment that cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class EnvironmentDefinition:
    """What to build: a Python version and the lines of a requirements file."""

    python: str
    """Major and minor version, such as 3.11."""
    requirements: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Identifies the built environment: equal definitions on one kind of machine share it."""
        facts = [self.python, self.requirements, sys.platform, platform.machine()]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def read_definition(environment: dict[str, Any]) -> EnvironmentDefinition:
    """Reads the definition of a registered environment.

    Args:
        environment: `properties` of an environment version.

    Returns:
        What to build.

    Raises:
        EnvironmentBuildError: names each part that cannot be built here.
    """
    text = environment.get("condaFile")
    if not text:
        found = "a Docker build context" if environment.get("build") else "an image alone"
        raise _failed(
            f"the environment has {found}, and no containers are run here; give it a conda file "
            "with a pip section"
        )
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _failed(f"the conda file is not YAML: {error}") from None
    if not isinstance(document, dict):
        raise _failed("the conda file has no list of dependencies")
    dependencies = cast("dict[str, Any]", document).get("dependencies")
    if not isinstance(dependencies, list):
        raise _failed("the conda file has no list of dependencies")
    return _read_dependencies(cast("list[Any]", dependencies))


def _read_dependencies(dependencies: list[Any]) -> EnvironmentDefinition:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    requirements: list[str] = []
    refused: list[str] = []
    for item in dependencies:
        if isinstance(item, dict) and "pip" in item:
            lines = cast("list[Any] | None", item["pip"])
            requirements += [str(line).strip() for line in lines or []]
            continue
        name = str(cast("Any", item)).strip()
        version = _PYTHON.fullmatch(name)
        if version is not None:
            python = version[1] or python
        elif re.split(r"[\s=<>!]", name)[0] not in _TOOLS:
            refused.append(f"conda package {name!r} (move it to the pip section)")
    refused += [
        f"pip option {line!r} (name the requirements themselves)"
        for line in requirements
        if _UNSUPPORTED_OPTION.match(line)
    ]
    if refused:
        raise _failed(f"it is built with pip, which cannot install {'; '.join(refused)}")
    if not any(re.match(rf"{SERVER}\b", line, re.IGNORECASE) for line in requirements):
        raise _failed(
            f"the pip section does not name {SERVER}, without which no scoring script is served"
        )
    return EnvironmentDefinition(python, tuple(requirements))


def _failed(why: str) -> EnvironmentBuildError:
    return EnvironmentBuildError(f"The environment cannot be built: {why}.")
