"""What the simulated services refuse, as they say it on the wire.

Belongs here: the two exceptions and the JSON bodies of errors. Does not belong here: when something
is refused (`rules` and the services).
"""

from collections.abc import Mapping, Sequence
from typing import Any


class LocalAzureError(ValueError):
    """A user's mistake in operating the simulator itself. The message says what to do."""


class ServiceError(Exception):
    """A request that a simulated service refuses."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keeps what the answer says.

        Args:
            status: HTTP status of the answer.
            code: Azure's error code, such as `ResourceNotFound`.
            message: what is wrong, the value, and what would be accepted.
            details: further (code, message) pairs, as Azure nests them.
            headers: further response headers, such as Retry-After.
        """
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Returns the JSON body of an Azure Resource Manager error."""
        return {"error": error_document(self.code, self.message, self.details)}


def bad_request(message: str) -> ServiceError:
    """Returns the refusal of a request that says something wrong."""
    return ServiceError(400, "BadRequest", message)


def not_found(message: str, code: str = "ResourceNotFound") -> ServiceError:
    """Returns the refusal of a request for something that is not there."""
    return ServiceError(404, code, message)


def conflict(message: str) -> ServiceError:
    """Returns the refusal of something that another operation stands in the way of."""
    return ServiceError(409, "Conflict", message)


class ProvisioningError(Exception):
    """A deployment that cannot come to serve; the operation ends as Failed with this error."""

    def __init__(self, code: str, message: str) -> None:
        """Keeps Azure's error code and the message."""
        super().__init__(message)
        self.code, self.message = code, message


def error_document(
    code: str, message: str, details: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Returns an error as Azure nests it in answers and in operation states."""
    nested: list[dict[str, Any]] = [
        {"code": inner, "message": text, "details": []} for inner, text in details
    ]
    return {"code": code, "message": message, "target": None, "details": nested}
