"""Where things lie, and who this is to others. Nothing but the settings belongs here.

The data root and the cache are found before anything else is imported, by `files.data_root` and
`files.user_cache`, and credentials are read by azure-identity and Spark: this says what they are.
"""

from dataclasses import dataclass

from weather_assets.foundation.settings import Allowed, CheckedSettings, one_of, setting, text

_HOSTS = Allowed(
    "names such as ui.example.com or 10.0.0.7:3000, between commas",
    lambda names: not any(set(name) & set("/ ") for name in names),
)


@dataclass(frozen=True, slots=True)
class Places(CheckedSettings):
    """Where this product reads and writes."""

    data: str = setting("data", text("a folder"))
    """The data root, with raw/ in it."""
    cache: str = setting("", text("a folder"))
    """The one folder outside the data root that is written to. Empty: the user's cache folder."""
    tracking_uri: str = setting("", text("an address of an MLflow server", r"([a-z+]+:.*)?"))
    """MLflow's server. Empty: the data root is its own store."""

    follow_links: str = setting("no", one_of("no", "yes"))
    """Whether a symbolic link in raw/ may lead out of it."""
    ui_hosts: tuple[str, ...] = setting((), _HOSTS)
    """Further names of Dagster's web server, such as a reverse proxy's."""


@dataclass(frozen=True, slots=True)
class Credentials(CheckedSettings):
    """How this product proves who it is; `az login` or a managed identity do, too."""

    tenant_id: str = setting("", text("an id"))
    """Microsoft Entra tenant of a service principal."""
    client_id: str = setting("", text("an id"))
    """The service principal."""
    client_secret: str = setting("", text("a secret"))
    """Its secret."""
    spark_secret: str = setting("", text("a secret"))
    """What the processes of a Spark cluster authenticate with."""
