"""The token authority: what azure-identity asks login.microsoftonline.com for.

Belongs here: instance discovery, OpenID configuration, the client-credentials grant, and checking
tokens. Does not belong here: who may do what with them (`arm`, `dataplane`).

Error codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any, cast

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from weather_assets.foundation.atomic_files import PRIVATE, write_text
from weather_assets.local_azure.azure.errors import ServiceError
from weather_assets.local_azure.azure.hosts import LOGIN
from weather_assets.local_azure.azure.settings import Settings

TOKEN_SECONDS = 3600
KEY_FILE = "authority.key"
MANAGEMENT_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
DATA_AUDIENCES = ("https://ml.azure.com",)
STORAGE_AUDIENCES = ("https://storage.azure.com",)
_AUDIENCES = frozenset((*MANAGEMENT_AUDIENCES, *DATA_AUDIENCES, *STORAGE_AUDIENCES))
_KEY_ID = "local-azure"


class Authority:
    """Issues and checks the tokens of one tenant."""

    def __init__(self, settings: Settings, state: Path) -> None:
        """Loads the signing key of the state folder, or makes it.

        Args:
            settings: the tenant and the one application in it.
            state: the state folder.
        """
        self._settings = settings
        path = state / KEY_FILE
        if not path.is_file():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            pem = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            write_text(path, pem.decode(), PRIVATE)
        loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
        self._key = cast("rsa.RSAPrivateKey", loaded)

    def issue(self, audience: str, seconds: int = TOKEN_SECONDS) -> str:
        """Returns a signed token for one audience."""
        now = int(time.time())
        claims = {
            "aud": audience, "iss": self._issuer, "iat": now, "nbf": now - 5, "exp": now + seconds,
            "appid": self._settings.client_id, "oid": self._settings.client_id,
            "sub": self._settings.client_id, "tid": self._settings.tenant_id, "ver": "1.0",
            "uti": uuid.uuid4().hex,
        }  # fmt: skip
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def check(self, authorization: str | None, audiences: tuple[str, ...]) -> None:
        """Checks an Authorization header.

        Args:
            authorization: its value, or None where it is absent.
            audiences: the token must be for one of them.

        Raises:
            ServiceError: 401, as Azure Resource Manager answers.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing; get a token from "
                f"https://{LOGIN}/{self._settings.tenant_id}.",
            )
        key, wanted = self._key.public_key(), list(audiences)
        try:
            jwt.decode(token, key, algorithms=["RS256"], audience=wanted, issuer=self._issuer)
        except jwt.ExpiredSignatureError:
            message = "The access token expiry UTC time is past."
            raise _unauthenticated("ExpiredAuthenticationToken", message) from None
        except jwt.InvalidAudienceError:
            raise _unauthenticated(
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for the wrong audience; it must be for one of "
                f"{', '.join(audiences)}.",
            ) from None
        except jwt.InvalidTokenError as error:
            message = f"The access token is invalid: {error}."
            raise _unauthenticated("InvalidAuthenticationToken", message) from None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers a request to the login host."""
        parts = [part for part in request.path.lower().split("/") if part]
        if parts[-2:] == ["discovery", "instance"]:
            return web.json_response(self._instances())
        if parts[-2:] == [".well-known", "openid-configuration"]:
            return self._openid_configuration(parts[0])
        if parts[-1:] == ["keys"]:
            jwk = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
            return web.json_response({"keys": [{**jwk, "kid": _KEY_ID, "use": "sig"}]})
        if parts[-1:] == ["token"] and request.method == "POST":
            return await self._token(request, parts[0])
        return _refuse(404, "invalid_request", 900144, f"No such page here: {request.path}")

    @property
    def _issuer(self) -> str:
        return f"https://sts.windows.net/{self._settings.tenant_id}/"

    def _instances(self) -> dict[str, Any]:
        names = [LOGIN, "login.windows.net", "sts.windows.net"]
        return {
            "tenant_discovery_endpoint": (
                f"https://{LOGIN}/{self._settings.tenant_id}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [
                {"preferred_network": LOGIN, "preferred_cache": names[1], "aliases": names}
            ],
        }

    def _openid_configuration(self, tenant: str) -> web.Response:
        if tenant not in {self._settings.tenant_id, "common", "organizations"}:
            return self._unknown_tenant(tenant)
        root = f"https://{LOGIN}/{self._settings.tenant_id}"
        return web.json_response(
            {
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{root}/discovery/v2.0/keys",
                "issuer": f"{root}/v2.0",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": "local",
                "cloud_instance_name": "microsoftonline.com",
            }
        )

    def _unknown_tenant(self, tenant: str) -> web.Response:
        return _refuse(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")

    async def _token(self, request: web.Request, tenant: str) -> web.Response:
        settings, form = self._settings, await request.post()
        field = {key: str(value) for key, value in form.items()}
        scope = field.get("scope") or field.get("resource", "")
        audience = scope.split(" ")[0].removesuffix("/.default").rstrip("/")
        if tenant != settings.tenant_id:
            return self._unknown_tenant(tenant)
        if field.get("grant_type") != "client_credentials":
            return _refuse(
                400,
                "unsupported_grant_type",
                70003,
                f"The grant type '{field.get('grant_type')}' is not supported; Local Azure knows "
                "client_credentials.",
            )
        if field.get("client_id") != settings.client_id:
            message = f"Application '{field.get('client_id')}' was not found in the directory."
            return _refuse(400, "unauthorized_client", 700016, message)
        if not hmac.compare_digest(
            field.get("client_secret", "").encode(), settings.client_secret.encode()
        ):
            return _refuse(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret sent in the request is the "
                f"client secret value, for a secret added to app '{settings.client_id}'.",
            )
        if audience not in _AUDIENCES:
            message = f"The resource principal named {audience} was not found in the tenant."
            return _refuse(400, "invalid_resource", 500011, message)
        return web.json_response(
            {
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "ext_expires_in": TOKEN_SECONDS,
                "access_token": self.issue(audience),
            }
        )


def _unauthenticated(code: str, message: str) -> ServiceError:
    return ServiceError(401, code, message)


def _refuse(status: int, error: str, number: int, message: str) -> web.Response:
    trace = str(uuid.uuid4())
    return web.json_response(
        {
            "error": error,
            "error_description": f"AADSTS{number}: {message} Trace ID: {trace}",
            "error_codes": [number],
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
            "trace_id": trace,
            "correlation_id": trace,
        },
        status=status,
    )
