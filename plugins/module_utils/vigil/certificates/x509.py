# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file that speaks to the `cryptography` library (3.3 or newer, which ansible-core brings)."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from ..model import VigilError
from .values import Facts, Pair

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:
    HAS_CRYPTOGRAPHY = False
else:
    HAS_CRYPTOGRAPHY = True

BACKDATE = 3600.0
"""Seconds a certificate is valid before it was made: the clocks of hosts differ."""

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\r?\n?", re.DOTALL)


def require_library() -> None:
    """Raise VigilError where the library is missing."""
    if not HAS_CRYPTOGRAPHY:
        raise VigilError(
            "The Python library `cryptography` was not found on the controller, where certificates are made. "
            "Install it beside ansible-core: pip install cryptography"
        )


def blocks(pem: bytes) -> list[bytes]:
    """Return each certificate of a PEM text by itself, ended by one newline."""
    return [block.strip() + b"\n" for block in _BLOCK.findall(pem)]


def read_facts(certificate: bytes, key: bytes | None = None) -> Facts:
    """Return what the first certificate of a PEM text says; a broken text gives Facts with ``error``, never an exception."""
    found = blocks(certificate)
    if not found:
        return Facts(error="it holds no PEM certificate")
    try:
        loaded = x509.load_pem_x509_certificate(found[0])
        names, constraints = _names(loaded), _extension(loaded, x509.BasicConstraints)
    except (ValueError, x509.DuplicateExtension) as error:
        return Facts(error=str(error).splitlines()[0] if str(error) else "it is damaged")
    return Facts(
        names=names,
        not_before=_moment(loaded, "not_valid_before") + BACKDATE,
        not_after=_moment(loaded, "not_valid_after"),
        issuer=_authority_identifier(loaded),
        identity=_identity(loaded).digest.hex(),
        chain=b"".join(found[1:]),
        authority=bool(constraints and constraints.ca),
        path_length=constraints.path_length if constraints else None,
        key_matches=_belongs(loaded, key),
    )


def make_authority(common_name: str, now: float, not_after: float, issuer: Pair | None = None) -> Pair:
    """Make a certificate authority: one of its own, or below ``issuer`` one that signs hosts only."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(common_name, key, now, not_after)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    return _signed(builder, key, issuer)


def issue(common_name: str, names: tuple[str, ...], now: float, not_after: float, issuer: Pair) -> Pair:
    """Issue a host's certificate, for a server and for a client, with a new private key. ``names`` as in names.subject_names."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(common_name, key, now, not_after)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = builder.add_extension(usage, critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
    return _signed(builder, key, issuer)


def _builder(common_name: str, key: Any, now: float, not_after: float) -> Any:
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Vigil"),
        # A common name ends at 64 characters (RFC 5280, ub-common-name); the alternative names carry the whole of it.
        x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
    ])
    start = datetime.fromtimestamp(now, timezone.utc) - timedelta(seconds=BACKDATE)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(datetime.fromtimestamp(not_after, timezone.utc))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(builder: Any, key: Any, issuer: Pair | None) -> Pair:
    if issuer is None:
        signed = builder.issuer_name(builder._subject_name).sign(key, hashes.SHA256())
    else:
        above = x509.load_pem_x509_certificate(blocks(issuer.certificate)[0])
        signing = serialization.load_pem_private_key(issuer.key, password=None)
        identifier = x509.AuthorityKeyIdentifier(_identity(above).digest, None, None)
        signed = builder.issuer_name(above.subject).add_extension(identifier, critical=False).sign(signing, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(signed.public_bytes(serialization.Encoding.PEM), private)


def _usage(**used: bool) -> Any:
    kinds = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{kind: used.get(kind, False) for kind in kinds})


def _general_name(name: str) -> Any:
    kind, _colon, value = name.partition(":")
    if kind == "IP":
        return x509.IPAddress(ipaddress.ip_address(value))
    return x509.UniformResourceIdentifier(value) if kind == "URI" else x509.DNSName(value)


def _names(certificate: Any) -> tuple[str, ...]:
    alternative = _extension(certificate, x509.SubjectAlternativeName) or []
    kinds: dict[Any, str] = {x509.DNSName: "DNS", x509.IPAddress: "IP", x509.UniformResourceIdentifier: "URI"}
    return tuple(sorted(f"{kinds[type(one)]}:{one.value}" for one in alternative if type(one) in kinds))


def _extension(certificate: Any, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _identity(certificate: Any) -> Any:
    stated = _extension(certificate, x509.SubjectKeyIdentifier)
    return stated or x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())


def _authority_identifier(certificate: Any) -> str:
    stated = _extension(certificate, x509.AuthorityKeyIdentifier)
    return stated.key_identifier.hex() if stated and stated.key_identifier else ""


def _belongs(certificate: Any, key: bytes | None) -> bool:
    if not key:
        return False
    try:
        public = serialization.load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError):
        return False
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return bool(public.public_bytes(*form) == certificate.public_key().public_bytes(*form))


def _moment(certificate: Any, name: str) -> float:
    # `not_valid_after_utc` came with 42; the older name is naive UTC, and will go.
    aware = getattr(certificate, f"{name}_utc", None)
    moment: datetime = aware if aware is not None else getattr(certificate, name).replace(tzinfo=timezone.utc)
    return moment.timestamp()
