"""Films made on the spot: a textured square moves over a textured ground, in any form that a test needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.stream import VideoStream
from PIL import Image

Plane = npt.NDArray[np.uint8 | np.uint16]


def scene(index: int, height: int = 96, width: int = 128, seed: int = 1) -> npt.NDArray[np.uint8]:
    """8-bit limited-range luma of one frame; another ``seed`` is another scene."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(50, 200, (height // 8 + 2, width // 8 + 2)).astype(np.float32)
    ground = np.kron(coarse, np.ones((8, 8), np.float32))[:height, :width]
    ground = (ground + np.roll(ground, 3, 1) + np.roll(ground, 3, 0)) / 3
    side = min(height, width) // 3
    x = (4 + 2 * index) % max(1, width - side)
    y = height // 3
    picture = ground.astype(np.uint8)
    patch = np.random.default_rng(seed + 100).integers(80, 230, (side, side))
    picture[y : y + side, x : x + side] = patch[: picture.shape[0] - y, : picture.shape[1] - x]
    return picture


@dataclass
class FilmSource:
    """What to put into a film file."""

    lumas: Sequence[npt.NDArray[np.uint8]]
    encoder: str = "ffv1"
    pixel_format: str = "yuv420p"
    time_base: Fraction = Fraction(1, 25)
    times: Sequence[int] | None = None
    rate: Fraction = Fraction(25)
    muxer: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    color_range: int = 1
    colorspace: int = 6
    sample_aspect: Fraction | None = None
    rotation: int | None = None
    field_order: int | None = None
    audio: int = 0
    """Sound tracks, each of its own language."""
    audio_codec: str = "aac"
    audio_rate: int = 8000
    subtitles: str | None = None
    chapters: bool = False
    attachment: bytes | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    chroma: int | None = None
    """Seed of colors in the chroma planes; None is gray."""

    def write(self, path: Path) -> Path:
        """Write the film; gives ``path``."""
        with av.open(str(path), "w", format=self.muxer) as container:
            added = container.add_stream(self.encoder, rate=self.rate, options=self.options)
            video = cast(VideoStream, added)
            height, width = self.lumas[0].shape
            video.width, video.height, video.pix_fmt = width, height, self.pixel_format
            video.codec_context.time_base = self.time_base
            video.time_base = self.time_base
            video.codec_context.color_range = self.color_range
            video.codec_context.colorspace = self.colorspace
            if self.sample_aspect:
                video.codec_context.sample_aspect_ratio = self.sample_aspect
            if self.rotation is not None:
                video.set_display_rotation(self.rotation)
            if self.field_order is not None:
                video.codec_context.field_order = self.field_order
                video.codec_context.flags |= (1 << 18) | (1 << 29)
            sounds = [
                cast(AudioStream, container.add_stream(self.audio_codec, rate=self.audio_rate))
                for _ in range(self.audio)
            ]
            for number, sound in enumerate(sounds):
                sound.metadata["language"] = ("eng", "fra", "deu")[number]
            if self.chapters:
                container.set_chapters(
                    [
                        {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
                        {"id": 2, "start": 400, "end": 900, "time_base": Fraction(1, 1000), "metadata": {"title": "2"}},
                    ]
                )
            if self.attachment is not None:
                container.add_attachment("font.ttf", "font/ttf", self.attachment)
            container.metadata.update(self.metadata)
            for i, luma in enumerate(self.lumas):
                frame = self._frame(luma)
                frame.time_base = self.time_base
                frame.pts = self.times[i] if self.times else i
                container.mux(video.encode(self._in_fields(frame)))
            container.mux(video.encode())
            for number, sound in enumerate(sounds):
                self._sound(container, sound, number)
        return path

    def _frame(self, luma: npt.NDArray[np.uint8]) -> VideoFrame:
        height, width = luma.shape
        frame = VideoFrame(width, height, self.pixel_format)
        depth = frame.format.components[0].bits
        rng = np.random.default_rng(self.chroma or 0)
        for i, plane in enumerate(frame.planes):
            view = samples(plane, depth)
            if i == 0:
                view[...] = luma.astype(view.dtype) << (depth - 8)
                view[::2, ::3] += int(depth > 8)  # bits that 8 could not hold
            elif self.chroma is None:
                view[...] = 1 << (depth - 1)
            else:
                blocks = rng.integers(60, 200, (4, 4)) << (depth - 8)
                view[...] = np.kron(blocks, np.ones((height // 4 + 1, width // 4 + 1)))[: plane.height, : plane.width]
        frame.color_range, frame.colorspace = self.color_range, self.colorspace
        return frame

    def _in_fields(self, frame: VideoFrame) -> VideoFrame:
        """The frame with its order of fields on it, which only a filter can write."""
        order = {2: "tff", 3: "bff"}.get(self.field_order or 0)
        if order is None:
            return frame
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        marker, sink = graph.add("setfield", order), graph.add("buffersink")
        graph.link_nodes(source, marker, sink).configure()
        graph.vpush(frame)
        return graph.vpull()

    def _sound(self, container: OutputContainer, sound: AudioStream, number: int) -> None:
        seconds = len(self.lumas) / float(self.rate) + 0.7  # longer than the picture
        t = np.arange(int(self.audio_rate * seconds)) / self.audio_rate
        wave = (0.3 * np.sin(2 * np.pi * (300 + 200 * number) * t)).astype(np.float32)
        for first in range(0, wave.size, 1024):
            part = wave[first : first + 1024][None]
            frame = av.AudioFrame.from_ndarray(np.repeat(part, 2, 0), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = self.audio_rate, first, Fraction(1, self.audio_rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())


def moving(count: int = 12, height: int = 96, width: int = 128, seed: int = 1) -> list[npt.NDArray[np.uint8]]:
    """A shot."""
    return [scene(i, height, width, seed) for i in range(count)]


def tinted(
    index: int, seed: int = 1, tint: tuple[int, int, int] = (70, -20, -20), size: tuple[int, int] = (96, 128)
) -> npt.NDArray[np.uint8]:
    """A frame of `moving` as somebody may have colored it, in one hue, ``[h, w, 3]`` RGB of another ``size``."""
    gray = (scene(index, seed=seed).astype(float) - 16) * 255 / 219
    hue = np.array(tint) - np.dot(tint, (0.299, 0.587, 0.114))
    rgb = np.clip(gray[..., None] * 0.6 + 40 + hue, 0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(rgb).resize(size[::-1]))


def samples(plane: VideoPlane, depth: int) -> Plane:
    """A view of a plane without its padding."""
    raw = np.frombuffer(plane, np.uint8) if depth == 8 else np.frombuffer(plane, "<u2")  # type: ignore[call-overload]
    view: Plane = raw.reshape(plane.height, -1)[:, : plane.width]
    return view


@dataclass(frozen=True)
class Decoded:
    """What another reader finds in a film."""

    times: list[Fraction]
    lumas: list[Plane]
    cb: list[Plane]
    cr: list[Plane]
    interlaced: list[bool]


def decode(path: Path) -> Decoded:
    """Timestamps in seconds and planes, by PyAV and plain NumPy."""
    out = Decoded([], [], [], [], [])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            planes = [samples(p, frame.format.components[0].bits).copy() for p in frame.planes]
            assert frame.pts is not None
            out.times.append(frame.pts * (stream.time_base or Fraction(1)))
            out.lumas.append(planes[0])
            if len(planes) > 2:
                out.cb.append(planes[1])
                out.cr.append(planes[2])
            out.interlaced.append(frame.interlaced_frame)
    return out


def packets(path: Path, kind: str) -> list[list[tuple[Fraction | None, bytes]]]:
    """Time and content of every packet of every stream of a kind."""
    with av.open(str(path)) as container:
        indices = [s.index for s in container.streams if s.type == kind]
    found: list[list[tuple[Fraction | None, bytes]]] = []
    for index in indices:
        with av.open(str(path)) as container:
            stream = container.streams[index]
            found.append(
                [(None if p.pts is None else p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]
            )
    return found
