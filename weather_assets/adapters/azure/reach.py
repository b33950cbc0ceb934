"""How Azure is reached: as this process's environment says, or as the file of Local Azure says.

Belongs here: proxy, certificates, cloud and identity, as the arguments that clients take. Does not
belong here: the clients themselves, or Local Azure (`local`).

Where nothing is said, azure-core, azure-identity and requests read the environment themselves, as
in any program. What Local Azure says goes to these clients alone: nothing else in this process may
be led to a simulator.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_SERVICE_PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
_PROOFS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH")


@dataclass(frozen=True, slots=True)
class Reach:
    """Arguments of clients."""

    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """In place of the process's environment; one of them is a secret. Empty: the environment."""

    @property
    def transport(self) -> dict[str, Any]:
        """Of every client on azure-core."""
        if not self.variables:
            return {}
        return {
            "proxies": {"https": self.variables["HTTPS_PROXY"]},
            "connection_verify": self.variables["REQUESTS_CA_BUNDLE"],
            "use_env_settings": False,
        }

    @property
    def cloud(self) -> dict[str, str]:
        """Of `MLClient`: an inherited other cloud would lead to hosts that do not exist there."""
        return {"cloud": self.variables["AZUREML_CURRENT_CLOUD"]} if self.variables else {}

    def credential(self, limits: Mapping[str, Any]) -> "TokenCredential":
        """Returns who asks: the one that is named here, or azure-identity's default credential.

        The default tries a service principal of the environment first and, where there is one,
        nothing else. That one is then taken directly: inside the chain, an unreachable authority
        would read as a refused secret.

        Args:
            limits: retries and time limits, as azure-core takes them.
        """
        from azure.identity import (  # noqa: PLC0415 - takes half a second
            ClientSecretCredential,
            DefaultAzureCredential,
            EnvironmentCredential,
        )

        if self.variables:
            return ClientSecretCredential(
                self.variables["AZURE_TENANT_ID"],
                self.variables["AZURE_CLIENT_ID"],
                self.variables["AZURE_CLIENT_SECRET"],
                authority=self.variables["AZURE_AUTHORITY_HOST"],
                **limits,
                **self.transport,
            )
        principal = all(os.environ.get(name) for name in _SERVICE_PRINCIPAL)
        if principal and any(os.environ.get(name) for name in _PROOFS):
            return EnvironmentCredential(**limits)
        return DefaultAzureCredential()

    def session(self) -> requests.Session:
        """Returns a session for asking an endpoint."""
        session = requests.Session()
        if self.variables:
            session.trust_env = False
            session.proxies = {"https": self.variables["HTTPS_PROXY"]}
            session.verify = self.variables["REQUESTS_CA_BUNDLE"]
        return session
