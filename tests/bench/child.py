"""What benchmarks run in processes of their own: the floor, and the whole tool with its stages watched.

``python -m tests.bench.child transcode FILM OUT PRESET`` decodes and encodes a film with PyAV, and nothing else.
``python -m tests.bench.child transcode FILM OUT PRESET CHROMA`` does so with color that is there already.
``python -m tests.bench.child chroma COLORED CHROMA`` writes down the Cb and Cr of a film, to be such color.
``python -m tests.bench.child stages FILM OUT PRESET`` colors it and prints where the time went, as JSON.
``python -m tests.bench.child scans FOLDER OUT`` reads and writes DPX frames with OpenImageIO, and nothing else.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

CRF = "18"
"""What `--for share` takes."""


def write_chroma(source: Path, target: Path) -> None:
    """Write Cb and Cr of every frame, 8 bit 4:2:0."""
    import av

    from archivecolor.film.form import stored_chroma

    with av.open(source) as film, target.open("wb") as file:
        for frame in film.decode(video=0):
            file.writelines(plane.tobytes() for plane in stored_chroma(frame))


def transcode(source: Path, target: Path, preset: str, chroma: str | None = None) -> None:
    """Decode and encode, 8 bit 4:2:0 to the same; ``chroma`` is a file of what takes the place of the film's own."""
    import av
    import numpy as np

    with ExitStack() as files:
        colors = files.enter_context(Path(chroma).open("rb")) if chroma else None
        old, new = files.enter_context(av.open(source)), files.enter_context(av.open(target, "w"))
        was = old.streams.video[0]
        was.thread_type = "AUTO"
        stream = new.add_stream("libx264", rate=was.average_rate, options={"crf": CRF, "preset": preset})
        stream.width, stream.height, stream.pix_fmt = was.width, was.height, "yuv420p"
        stream.codec_context.thread_type = "AUTO"
        for frame in old.decode(was):
            frame.pict_type = av.video.frame.PictureType.NONE
            if colors:
                frame.make_writable()
                for plane in frame.planes[1:]:
                    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width]
                    rows[...] = np.frombuffer(colors.read(rows.size), np.uint8).reshape(rows.shape)
            new.mux(stream.encode(frame))
        new.mux(stream.encode())


def copy_scans(source: Path, target: Path) -> None:
    """Decode and encode every frame of a folder, samples of the type that OpenImageIO gives them."""
    import OpenImageIO

    target.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        old = OpenImageIO.ImageInput.open(str(path))
        new = OpenImageIO.ImageOutput.create("dpx")
        if old is None or new is None:
            raise RuntimeError(OpenImageIO.geterror())
        spec = old.spec()
        samples = old.read_image(spec.format)
        old.close()
        if not (new.open(str(target / path.name), spec) and new.write_image(samples) and new.close()):
            raise RuntimeError(new.geterror())


class Stages:
    """Processor time and waiting of calls, without those of the watched calls inside them."""

    def __init__(self) -> None:
        self.cpu_s: defaultdict[str, float] = defaultdict(float)
        self.wait_s: defaultdict[str, float] = defaultdict(float)
        self._inside = threading.local()

    def measure(self, name: str, call: Callable[[], Any], *, alone: bool = False) -> Any:
        """Call; ``alone`` counts all threads, for nothing else runs then."""
        clock = time.process_time if alone else time.thread_time
        outer = getattr(self._inside, "spent", None)
        self._inside.spent = spent = [0.0, 0.0]
        cpu, began = clock(), time.perf_counter()
        try:
            return call()
        finally:
            cpu, took = clock() - cpu, time.perf_counter() - began
            self.cpu_s[name] += cpu - spent[0]
            self.wait_s[name] += max(0.0, took - spent[1] - (cpu - spent[0]))
            self._inside.spent = outer
            if outer is not None:
                outer[0] += cpu
                outer[1] += took

    def watch(self, owner: Any, attribute: str, name: str, *, alone: bool = False) -> None:
        """Measure all calls of a function or method."""
        call = getattr(owner, attribute)

        @functools.wraps(call)
        def measured(*arguments: Any, **options: Any) -> Any:
            return self.measure(name, lambda: call(*arguments, **options), alone=alone)

        setattr(owner, attribute, measured)

    def watch_items(self, owner: Any, attribute: str, name: str) -> None:
        """Measure how long each item of a generator takes to come."""
        call = getattr(owner, attribute)

        def measured(*arguments: Any, **options: Any) -> Iterator[Any]:
            items = call(*arguments, **options)
            while (item := self.measure(name, lambda: next(items, None))) is not None:
                yield item

        setattr(owner, attribute, measured)


def stages(source: Path, target: Path, preset: str) -> dict[str, dict[str, float]]:
    """Color a film as ``--for share`` does; CPU seconds and seconds of waiting by stage."""
    found = Stages()
    began = time.process_time()
    from archivecolor.chroma import film as chroma
    from archivecolor.chroma.temporal import MotionEstimator
    from archivecolor.film.encoding import Encoder
    from archivecolor.inference import select
    from archivecolor.runs.film import composing, job, joining, plan, segment_maker
    from archivecolor.runs.settings import FilmSettings
    from archivecolor.settings import EncodeSettings, Purpose

    found.cpu_s["start: imports"] = time.process_time() - began
    found.watch(plan, "scan", "survey: every frame decoded once, cuts", alone=True)
    found.watch(select, "open_engine", "start: the engine", alone=True)
    found.watch(joining, "join", "join", alone=True)
    found.watch(joining, "inventory", "inventory of the result", alone=True)
    found.watch(
        segment_maker.SegmentMaker, "make_all", "segments: all else, codecs' and libraries' threads", alone=True
    )
    found.watch(segment_maker, "write_segment", "segments: smoothing, and the rest of their thread")
    found.watch_items(segment_maker, "frames", "segments: decode, this thread's share")
    found.watch(chroma.FilmColorizer, "_network_y", "segments: what the network sees")
    found.watch(MotionEstimator, "__call__", "segments: motion")
    found.watch(chroma, "estimate_with", "segments: network, this thread's share")
    found.watch(composing, "chroma_beside", "segments: chroma beside luma")
    found.watch(composing, "make_frame", "segments: frames")
    found.watch(Encoder, "encode", "segments: encode, this thread's share")
    encode = EncodeSettings(purpose=Purpose.SHARE, preset=preset)
    job.color_film(source, target, FilmSettings(encode=encode, overwrite=True))
    inside = sum(cpu for name, cpu in found.cpu_s.items() if name.startswith("segments") and "all else" not in name)
    found.cpu_s["segments: all else, codecs' and libraries' threads"] -= inside
    found.wait_s.pop("segments: all else, codecs' and libraries' threads")
    return {
        name: {"cpu_s": round(cpu, 3), "wait_s": round(found.wait_s.get(name, 0), 3)}
        for name, cpu in found.cpu_s.items()
    }


if __name__ == "__main__":
    what, film, out, *chosen = sys.argv[1:]
    if what == "scans":
        copy_scans(Path(film), Path(out))
    elif what == "chroma":
        write_chroma(Path(film), Path(out))
    elif what == "transcode":
        transcode(Path(film), Path(out), *chosen)
    else:
        sys.stdout.write(json.dumps(stages(Path(film), Path(out), *chosen)))
