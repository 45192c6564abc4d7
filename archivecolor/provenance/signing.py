"""Signing results as C2PA says: content credentials that name the source, the program and what it did.

Needs `c2pa` (the extra of that name) and the user's own key and certificate chain. Nothing is asked of any server:
there is no time stamp of an authority in it. A signature is never the same twice, and neither is a signed file.
"""

from __future__ import annotations

import io
import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from archivecolor.errors import ConfigurationError, DependencyError, OutputError
from archivecolor.installation import install_line
from archivecolor.provenance.xmp import SOURCE_TYPE, Record
from archivecolor.settings import StillFormat

if TYPE_CHECKING:
    import c2pa

_TYPES: Final = {
    StillFormat.JPEG: "image/jpeg",
    StillFormat.PNG: "image/png",
    StillFormat.TIFF: "image/tiff",
    StillFormat.WEBP: "image/webp",
    StillFormat.HEIF: "image/heic",
}
"""Formats that can hold a manifest."""
_UNKNOWN: Final = "application/octet-stream"
_STORE: Final = b"jumdc2pa"
"""What the description of a manifest store begins with (ISO 19566-5 and C2PA 11.1.4), in whatever file it lies."""


def is_signed(path: Path) -> bool:
    """Whether a file holds content credentials; False for what cannot be read. Needs no other package."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(_STORE) >= 0
    except (OSError, ValueError):  # not there, or empty
        return False


class ContentSigner:
    """Signs files with one key."""

    def __init__(self, certificates: Path, key: Path) -> None:
        """Read a certificate chain, the signer's first, and its private key, both PEM.

        Raises `DependencyError` without `c2pa`, `ConfigurationError` for a key or a chain that cannot be used.
        """
        try:
            import c2pa
        except ImportError as e:
            raise DependencyError("signing needs another package", hint=install_line("c2pa")) from e
        try:
            chain, private = certificates.read_bytes(), key.read_bytes()
            info = c2pa.C2paSignerInfo(_algorithm(private, key, chain, certificates), chain, private, None)
            self._signer: c2pa.Signer = c2pa.Signer.from_info(info)
        except OSError as e:
            raise ConfigurationError(f"{e.filename}: cannot be read: {e.strerror}") from e
        except c2pa.C2paError as e:
            message = f"{certificates}: cannot sign with it: {e}"
            raise ConfigurationError(message, hint="PEM, the signer's certificate first, then its issuers") from e

    def sign(
        self, file: BinaryIO, target: StillFormat, source: Path, kind_of_source: StillFormat, record: Record
    ) -> tuple[str, ...]:
        """Sign what is whole in ``file``, in its place; returns warnings. Raises `OutputError`."""
        import c2pa

        kind = _TYPES.get(target)
        if kind is None:
            return (f"not signed: {target} cannot hold content credentials",)
        file.seek(0)
        signed = io.BytesIO()
        try:
            with c2pa.Builder(_manifest(source.name, record)) as builder, source.open("rb") as original:
                parent = {"title": source.name, "relationship": "parentOf"}
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)  # the parent is 'opened' before it is edited
                builder.add_ingredient(parent, _TYPES.get(kind_of_source, _UNKNOWN), original)
                builder.sign(self._signer, kind, file, signed)
        except c2pa.C2paError as e:
            raise OutputError(f"{source}: its result cannot be signed: {e}") from e
        file.seek(0)
        file.truncate(0)
        file.write(signed.getbuffer())
        return ()


def _algorithm(private: bytes, path: Path, chain: bytes, certificates: Path) -> str:
    """C2PA's name of the algorithm that a key is for, if it is the chain's. `cryptography` comes with `c2pa`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        key = serialization.load_pem_private_key(private, None)
    except (ValueError, TypeError) as e:
        raise ConfigurationError(f"{path}: is not a usable private key: {e}", hint="PEM, no passphrase") from e
    try:
        own = x509.load_pem_x509_certificates(chain)[0]
    except ValueError as e:
        raise ConfigurationError(f"{certificates}: holds no certificate", hint="PEM, the signer's first") from e
    if own.public_key() != key.public_key():
        raise ConfigurationError(f"{certificates}: its first certificate is not that of {path}")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {384: "es384", 521: "es512"}.get(key.curve.key_size, "es256")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise ConfigurationError(f"{path}: is a key of another kind", hint="elliptic curve, Ed25519 or RSA")


def _manifest(title: str, record: Record) -> dict[str, Any]:
    name, _, version = record.software.partition(" ")
    agent = {"name": name, "version": version}
    action = {
        "action": "c2pa.edited",
        "digitalSourceType": SOURCE_TYPE,
        "softwareAgent": agent,
        "parameters": {"description": record.parameters},
    }
    return {
        "title": title,
        "claim_generator_info": [agent],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
