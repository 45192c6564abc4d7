"""Make the sample film: a camera moves over three of the sample photographs, with grain, weave and a sound track.

``python samples/make_reel.py`` writes ``samples/reel.mp4``. The photographs are those of ``samples/stills``; the sound
is computed. The same versions of NumPy, OpenCV and PyAV write the same file.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from archivecolor.film.form import make_frame

SAMPLES = Path(__file__).resolve().parent
WIDTH, HEIGHT = 480, 360
RATE = 24
SHOT_FRAMES = 60
SOUND_RATE = 22050
GRAIN = 2.5
WEAVE_PX = 0.6

SHOTS = (
    # photograph, where the camera begins and where it ends: center x, y and width, as shares of the picture
    ("pagoda_16bit.tif", (0.40, 0.55, 0.70), (0.60, 0.45, 0.70)),
    ("raccoon_sideways.jpg", (0.50, 0.50, 0.95), (0.62, 0.50, 0.55)),
    ("people/astronaut.jpg", (0.50, 0.60, 0.80), (0.45, 0.30, 0.60)),
)


def photograph(name: str) -> npt.NDArray[np.float32]:
    """Luma of a still, upright, 0..255."""
    picture = ImageOps.exif_transpose(Image.open(SAMPLES / "stills" / name))
    luma = np.asarray(picture, dtype=np.float32)
    return np.asarray(luma * np.float32(255 / (65535 if picture.mode.startswith("I") else 255)), dtype=np.float32)


def frames() -> list[npt.NDArray[np.uint8]]:
    """Luma of every frame, limited range."""
    rng = np.random.default_rng(1904)
    made = []
    for name, begin, end in SHOTS:
        picture = photograph(name)
        for i in range(SHOT_FRAMES):
            share = i / (SHOT_FRAMES - 1)
            x, y, width = (a + (b - a) * share for a, b in zip(begin, end, strict=True))
            scale = WIDTH / (width * picture.shape[1])
            right, down = rng.normal(0, WEAVE_PX, 2)
            right += WIDTH / 2 - x * picture.shape[1] * scale
            down += HEIGHT / 2 - y * picture.shape[0] * scale
            move = np.array([[scale, 0, right], [0, scale, down]], np.float32)
            view = cv2.warpAffine(picture, move, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
            grained = 16 + view * np.float32(219 / 255) + rng.normal(0, GRAIN, (HEIGHT, WIDTH))
            made.append(np.clip(np.rint(grained), 16, 235).astype(np.uint8))
    return made


def sound() -> npt.NDArray[np.float32]:
    """A slow arpeggio, one note a half second."""
    notes = (220.0, 277.2, 329.6, 440.0, 329.6, 277.2)
    length = SOUND_RATE // 2
    t = np.arange(length) / SOUND_RATE
    count = len(SHOTS) * SHOT_FRAMES * 2 // RATE
    parts = [0.2 * np.exp(-4 * t) * np.sin(2 * np.pi * notes[i % len(notes)] * t) for i in range(count)]
    return np.concatenate(parts).astype(np.float32)


def main() -> None:
    """Write the film."""
    neutral = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    with av.open(SAMPLES / "reel.mp4", "w", options={"movflags": "faststart"}) as film:
        picture = film.add_stream("libx264", rate=RATE, options={"crf": "27", "preset": "veryslow", "threads": "1"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        track = film.add_stream("aac", rate=SOUND_RATE, options={"b": "48000"}, layout="mono")
        track.metadata["language"] = "zxx"
        film.metadata["title"] = "A sample reel"
        for index, luma in enumerate(frames()):
            frame = make_frame("yuv420p", (luma, neutral, neutral))
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            film.mux(picture.encode(frame))
        film.mux(picture.encode())
        wave = sound()
        for first in range(0, wave.size, 1024):
            part = av.AudioFrame.from_ndarray(wave[None, first : first + 1024], format="fltp", layout="mono")
            part.sample_rate, part.pts, part.time_base = SOUND_RATE, first, Fraction(1, SOUND_RATE)
            film.mux(track.encode(part))
        film.mux(track.encode())


if __name__ == "__main__":
    main()
