from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from archivecolor.errors import OutputError
from archivecolor.film import hardware
from archivecolor.film.encoding import Encoding, plan_encoding
from archivecolor.film.form import PictureForm, luma_plane, make_frame
from archivecolor.film.scaler import reformatted
from archivecolor.settings import EncoderKind, EncodeSettings, FilmCodec, Purpose

RATE = Fraction(25)
SIZE = (256, 144)
FORM = PictureForm(
    width=256,
    height=144,
    depth=8,
    full_range=False,
    matrix=1,
    primaries=1,
    transfer=1,
    chroma_shift=(1, 1),
    sample_aspect=None,
    field_order=0,
    display_matrix=None,
    pixel_format="yuv420p",
    converted=False,
)


def works(encoding: Encoding, form: PictureForm, size: tuple[int, int], rate: Fraction) -> None:
    """A GPU that does everything."""
    assert encoding.encoder.endswith("_nvenc")


def fails(encoding: Encoding, form: PictureForm, size: tuple[int, int], rate: Fraction) -> None:
    """A machine without one."""
    raise OutputError("hevc_nvenc refuses pictures: no capable devices found")


def choose(settings: EncodeSettings, trial: hardware.Trial, *, interlaced: bool = False) -> Encoding:
    software = plan_encoding(FORM, settings, "matroska", interlaced=interlaced)
    return hardware.choose(software, settings, FORM, SIZE, RATE, trial)


def test_software_encodes_unless_a_gpu_is_asked_for() -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing is to be tried")

    assert choose(EncodeSettings(), never).encoder == "libx265"


@pytest.mark.parametrize("kind", [EncoderKind.AUTO, EncoderKind.NVENC])
def test_a_gpu_that_works_is_used_and_named(kind: EncoderKind) -> None:
    encoding = choose(EncodeSettings(encoder=kind, crf=20), works)
    assert (encoding.encoder, encoding.taken_format) == ("hevc_nvenc", "p010le")
    assert encoding.summary == "H265 by NVENC, 10 bit 4:2:0"
    assert dict(encoding.options)["cq"] == "20"
    assert encoding.notes == ()


def test_without_a_gpu_auto_says_why_and_goes_on_in_software() -> None:
    encoding = choose(EncodeSettings(encoder=EncoderKind.AUTO), fails)
    assert encoding.encoder == "libx265"
    assert encoding.notes == ("encoding in software: hevc_nvenc refuses pictures: no capable devices found",)


def test_without_a_gpu_nvenc_by_name_is_an_error() -> None:
    with pytest.raises(OutputError, match="no capable devices") as caught:
        choose(EncodeSettings(encoder=EncoderKind.NVENC), fails)
    assert "--encoder auto" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("settings", "interlaced", "reason"),
    [
        (EncodeSettings(codec=FilmCodec.VP9), False, "no vp9"),
        (EncodeSettings(Purpose.MASTER), False, "no ffv1"),
        (EncodeSettings(codec=FilmCodec.H264, depth=10), False, "no h264 of 10 bit"),
        (EncodeSettings(codec=FilmCodec.H264), True, "no interlaced"),
    ],
)
def test_what_a_gpu_cannot_do_is_said_without_a_trial(settings: EncodeSettings, interlaced: bool, reason: str) -> None:
    encoding = choose(replace(settings, encoder=EncoderKind.AUTO), works, interlaced=interlaced)
    assert not encoding.encoder.endswith("_nvenc")
    assert reason in encoding.notes[-1]


def test_quality_is_on_the_gpus_own_scale() -> None:
    encoding = choose(EncodeSettings(codec=FilmCodec.AV1, crf=63, encoder=EncoderKind.AUTO), works)
    assert dict(encoding.options)["cq"] == "51"


def test_the_order_that_a_gpu_takes_samples_in_changes_none(rng: np.random.Generator) -> None:
    luma, cb, cr = (rng.integers(64, 940, shape).astype(np.uint16) for shape in ((144, 256), (72, 128), (72, 128)))
    frame = reformatted(make_frame("yuv420p10le", (luma, cb, cr)), pixel_format="p010le")
    assert np.array_equal(luma_plane(frame), luma)
    pairs = np.frombuffer(frame.planes[1], "<u2").reshape(72, -1)[:, :256] >> 6  # type: ignore[call-overload]
    assert np.array_equal(pairs[:, ::2], cb)
    assert np.array_equal(pairs[:, 1::2], cr)


def test_a_trial_encodes_and_tells_what_fails() -> None:
    software = plan_encoding(FORM, EncodeSettings(Purpose.SHARE), "mp4", interlaced=False)
    hardware.try_encoding(software, FORM, SIZE, RATE)
    with pytest.raises(OutputError, match="libx264 refuses"):
        hardware.try_encoding(replace(software, options=(("preset", "sluggish"),)), FORM, SIZE, RATE)


def test_each_encoder_of_this_ffmpeg_is_tried_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def only_h264(encoding: Encoding, form: PictureForm, size: tuple[int, int], rate: Fraction) -> None:
        tried.append(encoding.encoder)
        if encoding.encoder != "h264_nvenc":
            raise OutputError(f"{encoding.encoder} refuses pictures")

    monkeypatch.setattr(hardware, "try_encoding", only_h264)
    found = dict(hardware.encoders_here())
    assert tried == list(found)
    assert set(found) <= {"h264_nvenc", "hevc_nvenc", "av1_nvenc"}
    for name, why in found.items():
        assert why == (None if name == "h264_nvenc" else f"{name} refuses pictures")
