"""Add C2PA manifests to pictures, with the optional library `c2pa-python` (`pip install exemplar[c2pa]`)."""

import asyncio
import io
import json
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from domain.receipts.manifests import without_manifest
from domain.receipts.receipt import AI_MADE
from gateway.receipts.settings import ReceiptSettings

_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_SETTINGS: Final = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": False}}


class C2paError(Exception):
    """Manifests cannot be made; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class C2paSigner:
    """Sign manifests with the first of some certificates (PEM); `version`: that of exemplar."""

    certificates: bytes
    key: bytes = field(repr=False)
    algorithm: str
    version: str

    async def sign(self, picture: bytes, content_type: str, *, title: str) -> bytes:
        """Return the picture with a manifest that says that AI has made it.

        Nothing else in the file changes; raises C2paError otherwise.
        """
        return await asyncio.to_thread(partial(self._sign, picture, content_type, title))

    def _sign(self, picture: bytes, content_type: str, title: str) -> bytes:
        import c2pa  # noqa: PLC0415 - it is optional

        target = io.BytesIO()
        info = c2pa.C2paSignerInfo(self.algorithm.encode(), self.certificates, self.key, None)
        try:
            with (
                c2pa.Context(c2pa.Settings.from_dict(_SETTINGS)) as context,
                c2pa.Signer.from_info(info) as signer,
                c2pa.Builder(json.dumps(self._manifest(title)), context) as builder,
            ):
                builder.sign(signer, content_type, io.BytesIO(picture), target)
        except c2pa.C2paError as error:
            raise C2paError(f"a manifest cannot be signed: {error}") from error
        if without_manifest(target.getvalue()) != picture:
            raise C2paError("adding a manifest would change the picture")
        return target.getvalue()

    def _manifest(self, title: str) -> dict[str, Any]:
        created = {"action": "c2pa.created", "digitalSourceType": AI_MADE}
        return {
            "claim_generator_info": [{"name": "exemplar", "version": self.version}],
            "title": title,
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}],
        }


def open_c2pa_signer(receipt_settings: ReceiptSettings, version: str) -> C2paSigner | None:
    """Read certificates and key of the settings; None without them. Raises C2paError."""
    certificates, key = receipt_settings.c2pa_certificates, receipt_settings.c2pa_key
    if certificates is None or key is None:
        return None
    if find_spec("c2pa") is None:
        raise C2paError("EXEMPLAR_C2PA_KEY is set, but c2pa-python is not installed: pip install exemplar[c2pa]")
    try:
        return C2paSigner(certificates.read_bytes(), (pem := key.read_bytes()), _algorithm_of(pem), version)
    except OSError as error:
        raise C2paError(f"EXEMPLAR_C2PA_KEY, EXEMPLAR_C2PA_CERTIFICATES: {error}") from None


def _algorithm_of(pem: bytes) -> str:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise C2paError(f"EXEMPLAR_C2PA_KEY is no file of a private key without a password: {error}") from None
    match key:
        case ec.EllipticCurvePrivateKey() if key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case rsa.RSAPrivateKey():
            return "ps256"
        case _:
            raise C2paError("EXEMPLAR_C2PA_KEY must be of P-256, P-384, P-521, Ed25519 or RSA")
