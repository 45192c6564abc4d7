"""The corpus: what is taken, what is dropped and told, and batches that depend on nothing but seed and step."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage.color import rgb2lab

from archivecolor.color import rgb_to_luma
from archivecolor.errors import InputError
from tests.train.conftest import png, write_shard
from train.dataset import Photographs, random_crop, small_chroma
from train.degrade import Degradation
from train.recipe import Data

Picture = npt.NDArray[np.uint8]

CLEAN = Degradation(clean=1.0)


def test_six_pictures_are_taken_and_the_rest_is_counted_by_reason(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        photographs = Photographs.load(corpus.parent, Data(corpus.name))
    assert len(photographs) == 6
    assert sorted(r.getMessage() for r in caplog.records) == [
        "1 pictures dropped: gray",
        "2 pictures dropped: cannot be decoded",
        "2 pictures dropped: shorter side under 64 px",
        f"6 pictures from {corpus}",
    ]


def test_pictures_come_in_the_order_of_their_names_as_red_green_blue(
    photographs: Photographs, color_photographs: dict[str, Picture]
) -> None:
    astronaut, cat, coffee, rocket = (color_photographs[n] for n in ("astronaut", "chelsea", "coffee", "rocket"))
    expected = [cat[:100, :120], cat[40:, 80:], coffee, astronaut, rocket, astronaut[60:]]
    for made, picture in zip(map(photographs.__getitem__, range(6)), expected, strict=True):
        np.testing.assert_array_equal(made, picture)


def test_a_source_is_drawn_as_often_as_its_weight_says(corpus: Path) -> None:
    data = Data(corpus.name, source_weights={"cat": 0.0, "astronaut": 3.0})
    photographs = Photographs.load(corpus.parent, data)
    # coffee, astronaut, rocket, astronaut (in a folder of the shard); what is never drawn is not kept either
    np.testing.assert_allclose(photographs.chances, np.array([1, 3, 1, 3]) / 8)


def test_the_digest_tells_other_pictures_apart(tmp_path: Path, color_photographs: dict[str, Picture]) -> None:
    coded = png(color_photographs["coffee"])
    digests = []
    for name, content in (("a", coded), ("b", coded), ("c", png(color_photographs["chelsea"]))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.png").write_bytes(content)
        digests.append(Photographs.load(tmp_path, Data(name)).digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_shard_and_a_folder_of_the_same_pictures_are_the_same_data(
    tmp_path: Path, color_photographs: dict[str, Picture]
) -> None:
    members = {f"{name}_1.png": png(rgb) for name, rgb in sorted(color_photographs.items())}
    (tmp_path / "files").mkdir()
    (tmp_path / "shards").mkdir()
    for name, content in members.items():
        (tmp_path / "files" / name).write_bytes(content)
    write_shard(tmp_path / "shards" / "one.tar", members)
    files, shards = (Photographs.load(tmp_path, Data(name)) for name in ("files", "shards"))
    assert files.digest == shards.digest


@pytest.mark.parametrize("damage", [lambda _: b"no tar at all, but long enough" * 40, lambda tar: tar[:5000]])
def test_a_shard_that_cannot_be_read_is_told_by_name(
    tmp_path: Path, color_photographs: dict[str, Picture], damage: object
) -> None:
    shard = tmp_path / "shard.tar"
    write_shard(shard, {"coffee_1.png": png(color_photographs["coffee"])})
    assert callable(damage)
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(InputError, match=r"shard\.tar: cannot be read"):
        Photographs.load(tmp_path.parent, Data(tmp_path.name))


def test_a_corpus_without_usable_pictures_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing: there is no such folder"):
        Photographs.load(tmp_path, Data("missing"))
    (tmp_path / "gray.png").write_bytes(png(np.full((80, 80), 90, np.uint8)))
    with pytest.raises(InputError, match="holds no usable color picture"):
        Photographs.load(tmp_path.parent, Data(tmp_path.name))


def test_a_corpus_whose_every_picture_has_weight_0_is_an_input_error(corpus: Path) -> None:
    nothing = dict.fromkeys(("cat", "coffee", "astronaut", "rocket"), 0.0)
    with pytest.raises(InputError, match="holds no usable color picture"):
        Photographs.load(corpus.parent, Data(corpus.name, source_weights=nothing))


def test_the_same_seed_and_step_give_the_same_batch(photographs: Photographs) -> None:
    key, degradation = (7, 3), Degradation()
    one = photographs.batch(key, 4, 64, 0.5, degradation)
    photographs.batch((7, 4), 4, 64, 0.5, degradation)
    two = photographs.batch(key, 4, 64, 0.5, degradation)
    np.testing.assert_array_equal(one.luma, two.luma)
    np.testing.assert_array_equal(one.chroma, two.chroma)


@pytest.mark.parametrize("key", [(7, 4), (8, 3)])
def test_another_seed_or_step_gives_another_batch(photographs: Photographs, key: tuple[int, int]) -> None:
    one, other = (photographs.batch(k, 4, 64, 0.5, CLEAN) for k in ((7, 3), key))
    assert (one.luma != other.luma).mean() > 0.5


def test_a_batch_has_luma_at_full_and_chroma_at_a_quarter(photographs: Photographs) -> None:
    batch = photographs.batch((1, 1), 3, 96, 0.5, Degradation())
    assert batch.luma.shape == (3, 1, 96, 96)
    assert batch.chroma.shape == (3, 2, 24, 24)
    assert batch.luma.dtype == batch.chroma.dtype == np.float32
    assert np.isfinite(batch.luma).all()
    assert np.isfinite(batch.chroma).all()
    assert 0 <= batch.luma.min() <= batch.luma.max() <= 1


def test_luma_and_chroma_of_a_batch_show_the_same_crop() -> None:
    # Dark red to the left, light blue to the right: chroma tells which luma belongs to it, mirrored or not
    rgb = np.full((128, 128, 3), (120, 20, 30), np.uint8)
    rgb[:, 64:] = (160, 200, 250)
    batch = Photographs([rgb], np.ones(1), "digest").batch((1, 1), 8, 64, 0.5, CLEAN)
    light = cv2.resize(batch.luma[:, 0].transpose(1, 2, 0), (16, 16), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
    mirrored = 0
    for luma, ab in zip(light, batch.chroma, strict=True):
        blue = ab[0] < 20
        both = 0 < blue.mean() < 1
        mirrored += bool(both and blue[:, 0].all())
        assert ((luma > 0.5) == blue).mean() > 0.9
    assert mirrored > 0


def test_the_chroma_is_the_mean_lab_of_each_4x4_block(color_photographs: dict[str, Picture]) -> None:
    rgb = (color_photographs["coffee"][:96, :128] / 255).astype(np.float32)
    blocks = rgb2lab(rgb)[..., 1:].reshape(24, 4, 32, 4, 2).mean(axis=(1, 3)).transpose(2, 0, 1)
    np.testing.assert_allclose(small_chroma(rgb), blocks, atol=0.5)


@pytest.mark.parametrize("size", [(64, 200), (200, 64), (64, 64), (30, 40)])
def test_a_crop_has_its_size_whatever_the_picture(size: tuple[int, int], rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    for _ in range(5):
        crop = random_crop(picture, 64, 0.3, rng)
        assert crop.shape == (64, 64, 3)
        assert crop.dtype == np.float32
        assert 0 <= crop.min() <= crop.max() <= 1


def test_a_crop_of_the_whole_short_side_is_the_picture_mirrored_or_not(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    seen = set()
    for _ in range(20):
        crop = np.rint(random_crop(picture, 64, 1.0, rng) * 255)
        seen.add("plain" if (crop == picture).all() else "mirrored" if (crop[:, ::-1] == picture).all() else "other")
    assert seen == {"plain", "mirrored"}


def test_a_clean_batch_holds_the_plain_luma() -> None:
    rgb = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    batch = Photographs([rgb], np.ones(1), "digest").batch((1, 1), 1, 64, 1.0, CLEAN)
    np.testing.assert_allclose(batch.luma, rgb_to_luma(np.array([200, 100, 50]) / 255), atol=1e-5)


def test_only_the_pictures_of_a_list_are_taken_and_those_not_found_are_counted(
    corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("cat_2.png\nrocket_1.png\ngray_1.png\nnowhere_1.png\n")
    with caplog.at_level(logging.INFO):
        photographs = Photographs.load(corpus.parent, Data(corpus.name, members=str(names)))
    assert len(photographs) == 2
    assert [r.getMessage() for r in caplog.records] == [
        f"2 pictures from {corpus}",
        "1 pictures dropped: gray",
        f"1 pictures dropped: named in {names}, but not there",
    ]
    whole = Photographs.load(corpus.parent, Data(corpus.name))
    assert photographs.digest != whole.digest


def test_further_folders_come_after_the_first(
    corpus: Path, tmp_path: Path, color_photographs: dict[str, Picture], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "page_1.png").write_bytes(png(color_photographs["rocket"]))
    with caplog.at_level(logging.INFO):
        both = Photographs.load(corpus.parent, Data(corpus.name, also=(str(tmp_path),), source_weights={"page": 2.0}))
    assert f"7 pictures from {corpus} and {tmp_path}" in caplog.messages
    np.testing.assert_array_equal(both[-1], color_photographs["rocket"])
    np.testing.assert_allclose(both.chances, np.array([1, 1, 1, 1, 1, 1, 2]) / 8)
    with pytest.raises(InputError, match="no such folder"):
        Photographs.load(corpus.parent, Data(corpus.name, also=("nowhere",)))


def test_a_list_that_cannot_be_read_is_an_input_error(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt: the list of pictures cannot be read"):
        Photographs.load(corpus.parent, Data(corpus.name, members=str(tmp_path / "none.txt")))


def test_chroma_can_be_drawn_at_the_lumas_own_size(photographs: Photographs) -> None:
    small = photographs.batch((1, 1), 2, 64, 0.5, CLEAN)
    full = photographs.batch((1, 1), 2, 64, 0.5, CLEAN, 1)
    assert full.chroma.shape == (2, 2, 64, 64)
    np.testing.assert_array_equal(full.luma, small.luma)
    blocks = full.chroma.reshape(2, 2, 16, 4, 16, 4).mean(axis=(3, 5))
    np.testing.assert_allclose(blocks, small.chroma, atol=1e-3)
