"""The certificate authority of one simulator, and the certificate that it serves with.

Belongs here: where they lie, and for how long they hold. Does not belong here: making them
(trustme), which hosts exist (`hosts`), or TLS connections (`server`).
"""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from weather_assets.foundation.atomic_files import PRIVATE, write_bytes

AUTHORITY_FILE = "ca.pem"
AUTHORITY_KEY_FILE = "ca.key"
LEAF_FILE = "server.pem"  # key, then certificate
_NAME = "Local Azure"
_LEAF_DAYS = 397  # the longest that clients of public web servers accept


def ensure_authority(state: Path) -> None:
    """Makes the certificate authority of a state folder where it is missing.

    Args:
        state: the state folder; the key in it is readable by its owner alone.
    """
    certificate, key = state / AUTHORITY_FILE, state / AUTHORITY_KEY_FILE
    if not (certificate.is_file() and key.is_file()):
        authority = trustme.CA(organization_name=_NAME, organization_unit_name="authority")
        write_bytes(key, authority.private_key_pem.bytes(), PRIVATE)
        write_bytes(certificate, authority.cert_pem.bytes())


def server_context(state: Path, hosts: Sequence[str]) -> ssl.SSLContext:
    """Returns a TLS context that answers for `hosts`, with a certificate made for this start.

    Args:
        state: the state folder with its authority.
        hosts: DNS names; `*.` stands for one label.
    """
    authority = trustme.CA.from_pem(
        (state / AUTHORITY_FILE).read_bytes(), (state / AUTHORITY_KEY_FILE).read_bytes()
    )
    now = datetime.now(UTC)
    leaf = authority.issue_cert(
        *hosts,
        organization_name=_NAME,
        organization_unit_name="server",
        not_before=now - timedelta(days=1),  # clocks in containers may lag
        not_after=now + timedelta(days=_LEAF_DAYS),
    )
    path = state / LEAF_FILE
    write_bytes(path, leaf.private_key_and_cert_chain_pem.bytes(), PRIVATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(path)
    return context
