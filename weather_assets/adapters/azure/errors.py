"""What Azure's SDK raises, in the words of the rollout: who must do what about it.

Belongs here: the translation of one exception. Does not belong here: retrying (`client`).

Exceptions of the SDK hold the request that failed, with its token, so none of them is kept as the
cause of ours: only their words are.
"""

import contextlib
import re

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from weather_assets.rollout.service import (
    AccessDenied,
    ServiceBusy,
    ServiceError,
    ServiceRefused,
    ServiceUnavailable,
)

CONFLICT = 409
NOT_FOUND = 404
_NETWORK = (ServiceRequestError, ServiceResponseError)
_DENIED = frozenset({401, 403})
_BUSY = frozenset({408, 425, 429})
_CREDENTIALS = (
    "Check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or sign in with `az login`), "
    "and that this identity may use the workspace (role AzureML Data Scientist)"
)
TRANSIENT_CODES = frozenset({"OperationCanceled", "InternalServerError"})
"""Ends of long operations that another attempt may not meet with. Source: "Troubleshoot online
endpoints" on learn.microsoft.com."""
_SIGNATURE = re.compile(r"([?&]sig=)[^&\s'\"]+", re.IGNORECASE)
_LONGEST_REASON = 2000


def without_signatures(text: str) -> str:
    """Returns a text without shared access signatures: with one, an address opens a blob."""
    return _SIGNATURE.sub(r"\1***", text)


def status_of(error: BaseException) -> int | None:
    """Returns the HTTP status that an exception of the SDK is about; None where there is none."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and status >= 400 else None


def code_of(error: BaseException) -> str:
    """Returns Azure's code of an error, such as ImageBuildFailed; "" where it has none."""
    document = getattr(error, "error", None)
    return str(getattr(document, "code", None) or "")


def reason_of(error: BaseException) -> str:
    """Returns the words of an exception on one line or a few, without signatures of addresses."""
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    # "(Code) message\nCode: Code\nMessage: message": the message once is enough. Details carry the
    # quota's numbers.
    text, _, details = text.partition("\nException Details:")
    text = text.partition("\nCode: ")[0].strip()
    details = " ".join(details.split())
    return without_signatures(f"{text} {details}".strip())[:_LONGEST_REASON]


def service_error(action: str, error: AzureError) -> ServiceError:
    """Returns what an exception of the SDK means.

    Args:
        action: what was tried, such as `setting the traffic of endpoint 'rain'`.
        error: what the SDK raised.

    Returns:
        The exception to raise: outside the `except` block, so that it keeps no reference to
        `error`.
    """
    status, reason = status_of(error), reason_of(error)
    said = f"{action}: {reason}"
    # azure-identity takes a broken connection for a failed authentication, and keeps the cause.
    if any(isinstance(each, _NETWORK) for each in (error, error.__cause__)):
        return ServiceUnavailable(
            f"{said}. Azure was not reached; check the network and the proxy, then run again"
        )
    if isinstance(error, ClientAuthenticationError) or status in _DENIED:
        return AccessDenied(f"{said}. {_CREDENTIALS}")
    accepted = isinstance(error, HttpResponseError) and status is None
    if accepted or (status == CONFLICT and code_of(error) in TRANSIENT_CODES):
        # A long-running operation that was accepted and then failed on Azure's side.
        return ServiceUnavailable(f"{said}. Run again; what was changed in part is repaired")
    if status is not None and (status >= 500 or status in _BUSY):
        return ServiceUnavailable(
            f"{said} (HTTP {status}). Run again when the service has recovered"
        )
    if status == CONFLICT:
        return ServiceBusy(
            f"{said} (HTTP {status}). Another operation is in the way; run again when it has ended"
        )
    return ServiceRefused(said)


def is_absence(error: BaseException) -> bool:
    """Tells whether the service itself said that the thing asked for does not exist."""
    return isinstance(error, HttpResponseError) and error.status_code == NOT_FOUND


def retry_after_seconds(error: BaseException) -> float | None:
    """Returns how long the service asks to wait; None where it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    with contextlib.suppress(ValueError):
        return max(0.0, float(headers.get("Retry-After", "")))
    return None
