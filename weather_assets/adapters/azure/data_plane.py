"""Asking the endpoint for forecasts, as any client of it does: HTTPS with a key or a token.

Belongs here: one scoring request and its reply. Does not belong here: which rows to ask about, and
what replies mean (`rollout`), or managing the endpoint (`service`).

The SDK's own `invoke` is not used: it keeps a pinned deployment for all later calls of the process.
"""

import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import requests
from requests.auth import AuthBase

from weather_assets.rollout.evidence import Reply
from weather_assets.rollout.service import ServiceError

DEPLOYMENT_HEADER = "azureml-model-deployment"
MODEL_STATUS_HEADER = "ms-azureml-model-error-statuscode"
_UNAUTHORIZED = 401
_LONGEST_PROBLEM = 300
_CONNECT_SECONDS = 10.0


class BearerSecret(AuthBase):
    """Puts a key or token into requests, and shows it nowhere.

    As an auth object, and not as a header, it also goes before what a `.netrc` has for the host.
    """

    def __init__(self, secret: str) -> None:
        """Keeps the secret."""
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Adds the header."""
        request.headers["Authorization"] = f"Bearer {self._secret}"
        return request


@dataclass(slots=True)
class ScoringClient:
    """A client of one endpoint.

    Attributes:
        uri: scoring URI.
        fetch: gets a key or a token; called at the first request, and after each 401.
        timeout_seconds: longest wait for a reply.
        session: has proxy and certificates; one that the environment tells them by default.
    """

    uri: str
    fetch: Callable[[], str]
    timeout_seconds: float
    session: requests.Session = field(default_factory=requests.Session)
    _secret: BearerSecret | None = None

    def ask(self, rows: Sequence[Mapping[str, object]], deployment: str | None) -> Reply:
        """Asks for the probabilities of raw rows.

        Args:
            rows: raw rows by column name, in SI or other units as the contract has them.
            deployment: which one answers; None: as the traffic is shared.

        Returns:
            The reply, whatever it is. A refused secret is fetched anew, once; where that fails,
            there is no answer (status 0).
        """
        body = json.dumps({"rows": [dict(row) for row in rows]}).encode()
        try:
            reply = self._post(body, deployment)
            if reply.status == _UNAUTHORIZED:  # keys were rotated, or a token has expired
                self._secret = None
                reply = self._post(body, deployment)
        except ServiceError as error:
            return Reply(0, 0.0, None, "", str(error))
        return reply

    def close(self) -> None:
        """Closes connections."""
        self.session.close()

    def _post(self, body: bytes, deployment: str | None) -> Reply:
        if self._secret is None:
            self._secret = BearerSecret(self.fetch())
        headers = {"Content-Type": "application/json"}
        if deployment is not None:
            headers[DEPLOYMENT_HEADER] = deployment
        began = time.perf_counter()
        try:
            answer = self.session.post(
                self.uri,
                data=body,
                headers=headers,
                auth=self._secret,
                timeout=(_CONNECT_SECONDS, self.timeout_seconds),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            seconds = time.perf_counter() - began
            problem = f"{type(error).__name__}: {str(error)[:_LONGEST_PROBLEM]}"
            return Reply(0, seconds, None, deployment or "", problem)
        seconds = time.perf_counter() - began
        served = answer.headers.get(DEPLOYMENT_HEADER, deployment or "")
        probabilities, problem = _read(answer)
        return Reply(answer.status_code, seconds, probabilities, served, problem)


def _read(answer: requests.Response) -> tuple[tuple[float, ...] | None, str]:
    """Returns probabilities, or what is wrong with an answer."""
    if answer.status_code != requests.codes.ok:
        model = answer.headers.get(MODEL_STATUS_HEADER)
        said = f"the container answered {model}: " if model else ""
        return None, f"{said}{answer.text[:_LONGEST_PROBLEM]}"
    with contextlib.suppress(ValueError, TypeError, KeyError):
        found = answer.json()["probability"]
        if isinstance(found, list):
            return tuple(_number(value) for value in cast("list[Any]", found)), ""
    return None, f"no list of probabilities: {answer.text[:_LONGEST_PROBLEM]}"


def _number(value: object) -> float:
    """Returns a number; one that is missing counts as NaN, which no verdict accepts."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no probability")
    return float(value)
