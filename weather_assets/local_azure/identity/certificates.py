"""The certificate authority of one simulator, and the certificate that it serves with.

Belongs here: making keys and certificates, and where they lie. Does not belong here: which hosts
exist (`hosts`), or TLS connections (`server`).
"""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weather_assets.local_azure.azure.settings import write_private

AUTHORITY_FILE = "ca.pem"
AUTHORITY_KEY_FILE = "ca.key"
LEAF_FILE = "server.pem"  # certificate, then key
_AUTHORITY_DAYS = 3650
_LEAF_DAYS = 397  # the longest that clients of public web servers accept


def ensure_authority(state: Path) -> Path:
    """Makes the certificate authority of a state folder where it is missing.

    Args:
        state: the state folder; the key in it is readable by its owner alone.

    Returns:
        The PEM file of the authority's certificate, for REQUESTS_CA_BUNDLE.
    """
    path = state / AUTHORITY_FILE
    if path.is_file() and (state / AUTHORITY_KEY_FILE).is_file():
        return path
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Local Azure certificate authority")
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _builder(name, name, key.public_key(), _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(state / AUTHORITY_KEY_FILE, _key_pem(key))
    write_private(path, certificate.public_bytes(serialization.Encoding.PEM).decode())
    return path


def server_context(state: Path, hosts: Sequence[str]) -> ssl.SSLContext:
    """Returns a TLS context that answers for `hosts`, with a certificate made for this start.

    Args:
        state: the state folder with its authority.
        hosts: DNS names; `*.` stands for one label.
    """
    authority_key = cast(
        "ec.EllipticCurvePrivateKey",
        serialization.load_pem_private_key(
            (state / AUTHORITY_KEY_FILE).read_bytes(), password=None
        ),
    )
    authority = x509.load_pem_x509_certificate((state / AUTHORITY_FILE).read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        _builder(_name("Local Azure"), authority.subject, key.public_key(), _LEAF_DAYS)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    pem = leaf.public_bytes(serialization.Encoding.PEM).decode() + _key_pem(key)
    write_private(state / LEAF_FILE, pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(state / LEAF_FILE)
    return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks in containers may lag
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
