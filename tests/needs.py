"""What some tests need and not every machine has; `.ci/run` installs all of it."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest

FFMPEG, FFPROBE = shutil.which("ffmpeg"), shutil.which("ffprobe")
EXIFTOOL, IDENTIFY = shutil.which("exiftool"), shutil.which("identify")

needs_ffmpeg = pytest.mark.skipif(not FFMPEG or not FFPROBE, reason="Debian's ffmpeg is not installed")
needs_otio = pytest.mark.skipif(
    importlib.util.find_spec("opentimelineio") is None, reason="needs the extra otio: pip install opentimelineio"
)
needs_s3 = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("s3fs", "moto", "flask")),
    reason="needs s3fs, moto and flask: pip install s3fs 'moto[s3]' flask flask-cors",
)
needs_fsspec = pytest.mark.skipif(importlib.util.find_spec("fsspec") is None, reason="needs fsspec: pip install fsspec")
needs_exiftool = pytest.mark.skipif(not EXIFTOOL, reason="needs exiftool")
needs_imagemagick = pytest.mark.skipif(not IDENTIFY, reason="needs ImageMagick")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx is not installed: pip install tensorrt-rtx"
)
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs the extra ray: pip install 'archivecolor[ray]'"
)
