"""``folder --sign-key``: content credentials that another reader of C2PA finds valid."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.errors import ConfigurationError
from archivecolor.provenance.signing import ContentSigner
from archivecolor.provenance.xmp import SOURCE_TYPE
from tests.cli.conftest import Run, write
from tests.stills.sources import GRAY16

c2pa = pytest.importorskip("c2pa")

TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".tif": "image/tiff", ".webp": "image/webp"}


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A chain of an authority and a signer, and the signer's key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(name: str) -> x509.Name:
        attributes = ((NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, "Archive"))
        return x509.Name([x509.NameAttribute(*pair) for pair in attributes])

    def certified(name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> bytes:
        root = key is by
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        ) | {"encipher_only": False, "decipher_only": False}
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))
            .not_valid_after(datetime.datetime(2044, 1, 1, tzinfo=datetime.UTC))
            .add_extension(x509.BasicConstraints(root, None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not root, key_cert_sign=root, crl_sign=root, **usage), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        )
        if not root:
            emails = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(emails, critical=False)
        return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, signer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    folder = tmp_path_factory.mktemp("credentials")
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certified("signer", signer, authority) + certified("authority", authority, authority))
    key.write_bytes(
        signer.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, key


def test_results_are_signed_and_keep_their_luma(
    run: Run, tmp_path: Path, out: Path, credentials: tuple[Path, Path]
) -> None:
    chain, key = credentials
    for suffix in TYPES:
        write(tmp_path / "in" / f"a{suffix}")
    Image.fromarray(GRAY16).save(tmp_path / "in" / "deep.png")
    write(tmp_path / "in" / "b.bmp")
    done = run("folder", tmp_path / "in", out, "--sign-key", key, "--sign-certificates", chain)
    assert done.code == 0, done.err
    assert "1 x not signed: bmp cannot hold content credentials [b.bmp]" in done.err
    for path in sorted(out.glob("[ad]*.*")):
        with c2pa.Reader(TYPES[path.suffix], io.BytesIO(path.read_bytes())) as reader:
            found = json.loads(reader.json())
        failed = [status["code"] for status in found.get("validation_status", [])]
        assert set(failed) <= {"signingCredential.untrusted"}, path  # nobody knows the authority of this test
        manifest = found["manifests"][found["active_manifest"]]
        actions = [a for x in manifest["assertions"] for a in x["data"].get("actions", [])]
        (action,) = [a for a in actions if a["action"] == "c2pa.edited"]
        assert action["digitalSourceType"] == SOURCE_TYPE
        assert [i["relationship"] for i in manifest["ingredients"]] == ["parentOf"]
    assert run("verify", out, "--source", tmp_path / "in").code == 0


def test_a_pixel_changed_after_signing_is_found(
    run: Run, tmp_path: Path, out: Path, credentials: tuple[Path, Path]
) -> None:
    chain, key = credentials
    write(tmp_path / "in" / "a.tif")
    assert run("folder", tmp_path / "in", out, "--sign-key", key, "--sign-certificates", chain).code == 0
    data = np.fromfile(out / "a.tif", np.uint8)
    data[len(data) // 4] ^= 1
    with c2pa.Reader("image/tiff", io.BytesIO(data.tobytes())) as reader:
        found = json.loads(reader.json())
    assert any("mismatch" in status["code"] for status in found["validation_status"])


def test_keys_that_cannot_be_used_are_refused_before_anything_is_colored(
    run: Run, source: Path, out: Path, credentials: tuple[Path, Path], tmp_path: Path
) -> None:
    chain, key = credentials
    (tmp_path / "bad.pem").write_text("no key")
    done = run("folder", source, out, "--sign-key", tmp_path / "bad.pem", "--sign-certificates", chain)
    assert done.code == 9
    assert "is not a usable private key" in done.err
    assert run("folder", source, out, "--sign-key", key).code == 2
    assert run("folder", source, out, "--sign-key", key, "--sign-certificates", tmp_path / "gone.pem").code == 9
    with pytest.raises(ConfigurationError):
        ContentSigner(tmp_path / "bad.pem", key)
    assert not list(out.glob("*.png"))
