"""What child processes get of this process's environment: what is listed here, and nothing else.

Belongs here: which variables are passed on to which kind of child, and how a child finds this very
package. Does not belong here: what a child is told beside that (whoever starts it).

A shell, a launcher or a notebook leaves variables behind that change what a child does without a
word: PYTHONPATH, OMP_NUM_THREADS, NCCL_SOCKET_IFNAME, SLURM_*, AML_*, MLFLOW_* and many more. No
list of those is ever complete, so that what may pass is listed instead.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

SYSTEM = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "LD_*",
    "DYLD_*",
)
"""What any program may need: where programs and libraries are, whose it is, in what language."""
NETWORK = (
    "*_PROXY",
    "*_proxy",
    "SSL_CERT_*",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
"""For programs that reach out: proxies, and who is trusted."""
INSTALLATION = ("PIP_*", "CC", "CXX", "CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG*")
"""For pip: indexes and wheels, and how packages without a wheel are compiled."""
ACCELERATORS = ("CUDA_*", "NVIDIA_*", "HIP_*", "ROCR_*")
"""Which GPUs are there for the program, and how its drivers behave."""

_PACKAGES = Path(__file__).resolve().parents[2]


def inherited(environ: Mapping[str, str], *names: str) -> dict[str, str]:
    """Returns the variables of `environ` whose names fit.

    Args:
        environ: such as `os.environ`.
        names: names or patterns, such as `*SYSTEM`.
    """
    return {
        name: value
        for name, value in environ.items()
        if any(fnmatchcase(name, pattern) for pattern in names)
    }


def product_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables of a program that runs all of the product: all but another Python's.

    Args:
        environ: such as `os.environ`.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    return {**kept, **python_settings()}


def python_settings(packages: Path = _PACKAGES) -> dict[str, str]:
    """Returns the variables under which a Python program imports this package and no stranger.

    The folder that it is started in is not on its path: a user's own `random.py` there would be run
    in place of Python's. This package is found where it is here, also in a checkout that was never
    installed.

    Args:
        packages: the folder that this package is in.
    """
    is_installed = packages.name in {"site-packages", "dist-packages"}
    return {"PYTHONSAFEPATH": "1", **({} if is_installed else {"PYTHONPATH": str(packages)})}
