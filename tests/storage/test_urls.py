from __future__ import annotations

from pathlib import Path

import pytest

from archivecolor.errors import UsageError
from archivecolor.storage.urls import StoreURL, placed, scrubbed


def test_paths_and_files_are_places_on_a_disk_and_the_rest_in_a_store() -> None:
    assert placed("scans/a") == Path("scans/a")
    assert placed("file:///archive/a%20b") == Path("/archive/a b")
    assert placed("s3://bucket/scans/") == StoreURL("s3", "bucket/scans")
    assert str(placed("S3://Bucket/x?".rstrip("?"))) == "s3://Bucket/x"
    assert StoreURL("gs", "a/b").holds(StoreURL("gcs", "a/b/c"))
    assert not StoreURL("gs", "a/b").holds(StoreURL("gs", "a/bc"))


@pytest.mark.parametrize(
    "wrong",
    [
        "s3://key:secretword@bucket/a",
        "s3://bucket/a?X-Amz-Signature=secretword",
        "az://container/a?sig=secretword",
        "ftp://me:secretword@host/a",
        "file://secretword@host/a",
        "s3://",
        "s3://bucket/../a",
        "s3://bucket//a",
    ],
)
def test_a_url_that_is_no_place_is_refused_without_what_is_secret_in_it(wrong: str) -> None:
    with pytest.raises(UsageError) as refused:
        placed(wrong)
    assert "secretword" not in str(refused.value)


def test_secrets_are_taken_out_of_what_stores_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=abcdefgh")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "tokentoken")
    said = "GET https://me:word@host/a?sig=x&y=z failed: AccountKey=abcdefgh with tokentoken, 'https://h/b?c=d'"
    assert scrubbed(said) == "GET https://host/a failed: *** with ***, 'https://h/b'"
