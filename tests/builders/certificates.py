"""A self-signed chain of certificates that signs C2PA manifests (C2PA 2.1, 14.5.1)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_KINDS: Final[Mapping[str, Callable[[], PrivateKey]]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


class Chain(NamedTuple):
    """PEM: the certificates, the signer's first; its key; the root alone."""

    certificates: bytes
    key: bytes
    root: bytes


def chain(kind: str = "P-256") -> Chain:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), _KINDS[kind]()
    root = _certificate("A root of the tests", root_key, root_key)
    leaf = _certificate("A signer of the tests", key, root_key, issuer=root)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificates = [one.public_bytes(Encoding.PEM) for one in (leaf, root)]
    return Chain(b"".join(certificates), pem, certificates[1])


def _certificate(
    name: str, key: PrivateKey, signer: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None = None
) -> x509.Certificate:
    """Sign a certificate; without an issuer its own."""
    now, is_root = datetime.now(UTC), issuer is None
    attributes = [(NameOID.ORGANIZATION_NAME, "Tests"), (NameOID.COMMON_NAME, name)]
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])
    usages = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    usage = x509.KeyUsage(
        digital_signature=not is_root,
        key_cert_sign=is_root,
        crl_sign=is_root,
        encipher_only=False,
        decipher_only=False,
        **usages,
    )
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not is_root:
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return built.sign(signer, SHA256())
