"""``archivecolor video FILM OUT``: colour a film."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.film_progress import FilmProgress, clock, parse_time
from archivecolor.cli.interrupt import Interruption, interruptible
from archivecolor.errors import InputError, ItemsFailedError, OutputError, UsageError
from archivecolor.settings import (
    ColorSettings,
    EncodeSettings,
    EngineSettings,
    FilmCodec,
    FilmSettings,
    Precision,
    Purpose,
    Smoothing,
)

if TYPE_CHECKING:
    from archivecolor.film.encoding import Encoding
    from archivecolor.film.writing import Cut, Joined
    from archivecolor.film_pipeline import Scan
    from archivecolor.film_run import SegmentMaker

_LISTED_WARNINGS = 20
_SHEETS = {".png", ".jpg", ".jpeg"}
_BITS_A_SAMPLE = {FilmCodec.PRORES: 3.0, FilmCodec.FFV1: 5.0}
"""Upper estimates of what a pixel takes; of the other codecs `_USUAL_BITS`."""
_USUAL_BITS = 0.5


def video(
    source: Annotated[Path, typer.Argument(metavar="FILM", help="The film; it is only read.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The result: .mp4, .mov or .mkv.")],
    purpose: options.For = Purpose.ARCHIVE,
    codec: options.Codec = None,
    crf: options.Crf = None,
    preset: options.Preset = None,
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    precision: options.EnginePrecision = Precision.AUTO,
    batch: options.Batch = None,
    generator: options.Generator = "archive",
    network_px: options.NetworkPx = None,
    strength: options.Strength = 1.0,
    smoothing: options.SmoothingKind = Smoothing.FULL,
    every: options.Every = 8,
    start: options.Start = None,
    end: options.End = None,
    side_by_side: options.SideBySide = False,
    preview: options.Preview = False,
    recolor: options.Recolor = False,
    leave_out: options.LeaveOut = False,
    overwrite: options.Overwrite = False,
    jobs: options.FilmJobs = 1,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log_file: options.LogFile = None,
) -> None:
    """Colour a film: FILM's picture in colour, its luma as it was; sound, subtitles, chapters and times untouched.

    The film is read once to find its shots, then coloured in segments of at most 30 seconds, which are kept beside OUT
    until it is finished: after an interruption the same command goes on from there.
    """
    console.set_up_logging(quiet=quiet, verbose=verbose, log_file=log_file)
    runtime = EngineSettings(kind=engine, device=device, precision=precision, batch=batch)
    color = ColorSettings(strength=strength, network_px=network_px)
    film_settings = FilmSettings(smoothing=smoothing, every=every)
    encode = EncodeSettings(purpose, codec, crf, preset, side_by_side)
    began = time.monotonic()

    from archivecolor.film.encoding import beside_size, container_for, plan_encoding, try_encoder
    from archivecolor.film.writing import unsupported
    from archivecolor.film_pipeline import FilmColorizer, scan
    from archivecolor.film_run import SegmentMaker
    from archivecolor.inference import select

    if preview and out.suffix.lower() not in _SHEETS:
        raise UsageError(f"a preview is a picture, not '{out.name}'", hint="end its name in .png or .jpg")
    muxer = "matroska" if preview else container_for(out.suffix)
    _check_names(source, out, overwrite=overwrite)
    if not preview and not leave_out:
        _check_streams(source, unsupported(source, muxer), out)
    with FilmProgress("reading", quiet=quiet) as progress:
        found = scan(source, progress.share)
    if found.film.coloured and not recolor:
        raise OutputError(f"{source}: is in colour already", hint="--recolor colours it anew, from its luma")
    cut = found.part(parse_time(start), parse_time(end))
    if cut.first >= cut.last:
        raise UsageError(
            "no frame lies between --start and --end", hint=f"the film lasts {clock(found.film.duration_s)}"
        )
    encoding = plan_encoding(found.film.form, encode, muxer, interlaced=found.film.interlaced > 0)
    size = beside_size(found.film.form) if side_by_side else (found.film.form.width, found.film.form.height)
    try_encoder(encoding, found.film.form, size, found.film.rate)
    _tell_plan(source, out, found, cut, encoding, json=json, dry_run=dry_run)
    if dry_run:
        return
    with select.open_engine(runtime, generator) as opened, interruptible() as interruption:
        console.log.info("colouring with '%s' on %s", generator, opened.description)
        colorizer = FilmColorizer(opened, color, film_settings)
        maker = SegmentMaker(source, found, colorizer, encoding, side_by_side)
        if preview:
            count = maker.contact_sheet(out, cut)
            console.log.info("%s shows %d frames", console.printable(out), count)
            return
        _check_space(out, size, cut, encoding)
        settings = f"{color} {film_settings} {encode} {cut} {sorted(opened.folder.digests.items())}"
        run = _Run(maker, out, cut, muxer, settings, leave_out=leave_out, fast_start=purpose is Purpose.SHARE)
        joined = run.make(interruption, jobs=jobs, overwrite=overwrite, quiet=quiet)
    interruption.raise_if_interrupted()
    if joined is not None:
        _report(out, found, cut, encoding, joined, time.monotonic() - began, json=json)
    if found.film.warnings:
        raise ItemsFailedError(
            f"{source}: is damaged; everything that can be decoded was written", hint="the warnings tell where"
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """What it takes to make one film."""

    maker: SegmentMaker
    out: Path
    cut: Cut
    muxer: str
    settings: str
    """Everything that changes pixels, in words: another run's segments are used only where these are the same."""
    leave_out: bool
    fast_start: bool

    def make(self, interruption: Interruption, *, jobs: int, overwrite: bool, quiet: bool) -> Joined | None:
        """Make segments, join them, give the result its name; None when interrupted."""
        from archivecolor.film_run import Stopped
        from archivecolor.jobs.atomic import atomic_write

        try:
            with atomic_write(self.out, overwrite=overwrite):
                return self._make(interruption, jobs=jobs, quiet=quiet)
        except Stopped:
            return None

    def _make(self, interruption: Interruption, *, jobs: int, quiet: bool) -> Joined:
        from archivecolor import __version__
        from archivecolor.film.writing import join
        from archivecolor.jobs.atomic import part_path
        from archivecolor.segments import Journal, plan_segments

        film, path = self.maker.scan.film, self.maker.path
        part = part_path(self.out)
        status = path.stat()
        identity = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
        fingerprint = f"{__version__} {identity} {self.maker.encoding} {self.settings}"
        segments = plan_segments([film.seconds(i) for i in range(self.cut.last)], self.maker.scan.cuts, self.cut.first)
        journal = Journal(part.with_suffix(".work"), fingerprint)
        ready = sum(made.frames for made in journal.made.values())
        count = self.cut.last - self.cut.first
        if ready:
            console.log.info("going on: %d of %d frames are there", ready, count)
        rate = len(film.times) / film.duration_s
        with FilmProgress("colouring", count, done=ready, rate=rate, quiet=quiet) as progress:
            self.maker.make_all(segments, journal, jobs=jobs, stop=interruption.stop, advance=progress.advance)
        parts = [(journal.segment_path(s.number), journal.made[s.number]) for s in segments]
        joined = join(
            path,
            part,
            film,
            parts,
            self.cut,
            self.maker.encoding,
            self.muxer,
            leave_out=self.leave_out,
            fast_start=self.fast_start,
        )
        journal.remove()
        return joined


def _check_names(source: Path, out: Path, *, overwrite: bool) -> None:
    """Refuse what could lose a file, before hours of work."""
    if not source.exists():
        raise InputError(f"{source}: there is no such file")
    if out.exists():
        if out.samefile(source):
            raise OutputError(f"{out}: is the film itself", hint="give the result another name")
        if not overwrite:
            raise OutputError(f"{out}: exists already", hint="--overwrite replaces it")


def _check_streams(source: Path, lost: list[str], out: Path) -> None:
    if lost:
        raise OutputError(
            f"{source}: {out.suffix} cannot hold {'; '.join(lost)}",
            hint="end the result's name in .mkv, or give --leave-out to do without",
        )


def _check_space(out: Path, size: tuple[int, int], cut: Cut, encoding: Encoding) -> None:
    """Segments and the film they are joined into lie beside each other for a while."""
    bits = _BITS_A_SAMPLE.get(encoding.codec, _USUAL_BITS) * size[0] * size[1] * (cut.last - cut.first)
    folder = next(p for p in (out.parent, *out.parent.parents) if p.exists())
    needed, free = int(2 * bits / 8), shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder}: {free >> 20:,} MB are free and up to {needed >> 20:,} MB may be needed", hint="make room"
        )


def _tell_plan(
    source: Path, out: Path, found: Scan, cut: Cut, encoding: Encoding, *, json: bool, dry_run: bool
) -> None:
    form = found.film.form
    shots = 1 + sum(cut.first < c < cut.last for c in found.cuts)
    console.log.info(
        "%s: %d x %d, %d bit, %.3f fps, %s, %d frames in %d shots -> %s",
        console.printable(source.name),
        form.width,
        form.height,
        form.depth,
        float(found.film.rate),
        clock(found.film.duration_s),
        cut.last - cut.first,
        shots,
        encoding.summary,
    )
    for note in encoding.notes:
        console.log.warning("%s", note)
    for warning in found.film.warnings[:_LISTED_WARNINGS]:
        console.log.warning("at %s: %s", clock(warning.time_s), warning.text)
    if len(found.film.warnings) > _LISTED_WARNINGS:
        console.log.warning("and %d more", len(found.film.warnings) - _LISTED_WARNINGS)
    if dry_run and json:
        console.emit({"source": str(source), "target": str(out), "status": "planned", **_facts(found, cut, encoding)})
    elif dry_run:
        console.write_out(f"{console.printable(source)} -> {console.printable(out)}")


def _facts(found: Scan, cut: Cut, encoding: Encoding) -> dict[str, object]:
    film = found.film
    return {
        "frames": cut.last - cut.first,
        "seconds_of_film": round(film.duration_s, 3),
        "cuts_s": [round(film.seconds(c), 3) for c in found.cuts if cut.first < c < cut.last],
        "encoding": encoding.summary,
        "notes": list(encoding.notes),
        "warnings": [{"time_s": round(w.time_s, 3), "text": w.text} for w in film.warnings],
    }


def _report(
    out: Path, found: Scan, cut: Cut, encoding: Encoding, joined: Joined, seconds: float, *, json: bool
) -> None:
    """What was made."""
    console.log.info(
        "%s: %d frames in %s (%.1f fps), %s, %.1f MB",
        console.printable(out),
        joined.frames,
        console.duration(seconds),
        joined.frames / seconds,
        encoding.summary,
        out.stat().st_size / 1e6,
    )
    if joined.copied:
        console.log.info("copied untouched: %s", "; ".join(console.printable(c) for c in joined.copied))
    if json:
        facts = _facts(found, cut, encoding)
        record = {"target": str(out), "status": "colored", "copied": list(joined.copied), "seconds": round(seconds, 3)}
        console.emit(record | facts)
