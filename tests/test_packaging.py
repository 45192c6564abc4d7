"""The wheel and the sdist, built from a copy of this tree: what is in them, and that the wheel works by itself."""

from __future__ import annotations

import ast
import email
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import files, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import archivecolor
from tests.conftest import ROOT

NOT_SHIPPED = (".git", ".mypy_cache", ".ruff_cache", ".import_linter_cache", "__pycache__", ".hypothesis")
STRAYS = ("engines/archive/sm89.plan", "engines/archive/old.engine", "archivecolor/.x.png.part", "runs/log.txt")

PUBLIC = {
    *("Colorizer", "color_film", "color_folder", "copy_accepted", "strip", "take_marks", "verify", "__version__"),
    "merge_journals",
    *("AlreadyColor", "ColorSettings", "EncodeSettings", "EngineSettings", "FilmSettings", "FolderSettings"),
    *("OutputSettings", "Purpose", "Shard", "SmoothingSettings", "StillFormat"),
    *("AcceptedRecord", "FilmRecord", "FolderRecord", "StripRecord", "VerifyRecord"),
    *("ItemOutcome", "ItemStatus", "Listener", "Progress"),
    *("ArchiveColorError", "ConfigurationError", "DependencyError", "EngineError", "InputError", "ItemsFailedError"),
    *("NotProvableError", "OutputError", "Stopped", "UsageError", "VerificationError"),
}


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What the copy does without; training runs lie at the top, where ``archivecolor/runs`` does not."""
    at_top = {"runs", "samples"} if Path(folder) == ROOT else set()
    return at_top | set(shutil.ignore_patterns(*NOT_SHIPPED)(folder, names))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and an sdist, built of a copy of this tree in which things lie about as on any desk."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    work = tmp_path_factory.mktemp("packaging")
    shutil.copytree(ROOT, work / "tree", ignore=_left_out)
    for name in STRAYS:
        path = work / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"stray")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(work / "dist"), str(work / "tree")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return work / "dist"


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def in_wheel(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as z:
        return z.namelist()


@pytest.fixture(scope="session")
def in_sdist(built: Path) -> list[str]:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as t:
        return [name.partition("/")[2] for name in t.getnames()]


def test_the_wheel_s_only_names_are_the_package_and_its_metadata(in_wheel: list[str]) -> None:
    version = archivecolor.__version__
    assert {name.partition("/")[0] for name in in_wheel} == {"archivecolor", f"archivecolor-{version}.dist-info"}


def test_every_module_and_every_engine_is_in_the_wheel(in_wheel: list[str]) -> None:
    kinds = (".py", ".html", ".css", ".js", ".jpg", ".onnx")
    modules = [p for p in (ROOT / "archivecolor").rglob("*") if p.suffix in kinds]
    assert {p.relative_to(ROOT).as_posix() for p in modules} <= set(in_wheel)
    assert "archivecolor/py.typed" in in_wheel
    shipped = ("engine.toml", "generator.onnx", "weights.safetensors", "MODEL_CARD.md")
    assert not any(name.endswith(("Dockerfile", "README.md")) for name in in_wheel)
    for folder in (p for p in (ROOT / "engines").iterdir() if p.is_dir()):
        for name in shipped:
            if (folder / name).exists() or name != "MODEL_CARD.md":
                assert f"archivecolor/_engines/{folder.name}/{name}" in in_wheel


@pytest.mark.parametrize("stray", [".plan", ".engine", ".part", ".pt", ".ckpt"])
def test_what_is_built_for_one_machine_is_not_shipped(stray: str, in_wheel: list[str], in_sdist: list[str]) -> None:
    assert [name for name in (*in_wheel, *in_sdist) if name.endswith(stray)] == []


def test_training_tests_and_runs_are_not_in_the_wheel(in_wheel: list[str]) -> None:
    assert [name for name in in_wheel if {"train", "tests", "samples"} & set(name.split("/"))] == []
    assert [name for name in in_wheel if name.startswith("runs/") or name.endswith("log.txt")] == []


def test_the_sdist_has_what_it_takes_to_build_and_to_test(in_sdist: list[str]) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "train/fit.py"):
        assert name in in_sdist
    assert [name for name in in_sdist if name.split("/")[0] in ("runs", ".ci", ".git")] == []


def test_the_shipped_engine_is_the_one_of_the_tree_to_the_byte(wheel: Path) -> None:
    description = tomllib.loads((ROOT / "engines" / "archive" / "engine.toml").read_text(encoding="utf-8"))
    with zipfile.ZipFile(wheel) as z:
        for name, digest in description["sha256"].items():
            assert hashlib.sha256(z.read(f"archivecolor/_engines/archive/{name}")).hexdigest() == digest


def test_the_metadata_name_the_command_and_keep_torch_and_training_optional(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as z:
        info = f"archivecolor-{archivecolor.__version__}.dist-info"
        metadata = email.message_from_bytes(z.read(f"{info}/METADATA"))
        entry = z.read(f"{info}/entry_points.txt").decode()
    assert "archivecolor = archivecolor.__main__:main" in entry
    assert metadata["Version"] == archivecolor.__version__
    plain = [r for r in metadata.get_all("Requires-Dist") or [] if "extra ==" not in r]
    assert not any(r.startswith(("torch", "tensorrt", "onnx>", "safetensors", "pytest")) for r in plain)
    assert any(r.startswith("onnxruntime") for r in plain)


def test_the_wheel_works_by_itself(wheel: Path, tmp_path: Path) -> None:
    """Unpacked beside nothing, with the tree out of reach: the engines are found inside the package."""
    with zipfile.ZipFile(wheel) as z:
        z.extractall(tmp_path / "site")
    code = "from archivecolor.__main__ import main; import archivecolor; print(archivecolor.__file__); main()"
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", code, "engines"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=120)
    where, *table = done.stdout.splitlines()
    assert where == str(tmp_path / "site" / "archivecolor" / "__init__.py")
    assert any(str(tmp_path / "site" / "archivecolor" / "_engines" / "archive") in line for line in table)


def test_the_public_names_are_these_and_each_can_be_had() -> None:
    names = archivecolor.__all__
    assert type(names) is list
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted(PUBLIC)
    for name in names:
        assert getattr(archivecolor, name) is not None
    assert not hasattr(archivecolor, "colorize")


def test_the_public_names_have_docstrings() -> None:
    for name in archivecolor.__all__:
        thing = getattr(archivecolor, name)
        if isinstance(thing, type):
            assert thing.__doc__, name
            assert thing.__module__.startswith("archivecolor."), name


@pytest.mark.parametrize("path", sorted((ROOT / "archivecolor").rglob("*.py")), ids=lambda p: p.stem)
def test_every_module_says_what_it_is_about(path: Path) -> None:
    if path.stat().st_size:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_imports_point_one_way(tmp_path: Path) -> None:
    command = shutil.which("lint-imports", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if command is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [command, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_the_container_installs_extras_that_there_are() -> None:
    recipe = (ROOT / "engines" / "Dockerfile").read_text(encoding="utf-8")
    named = re.findall(r"EXTRAS=([a-z,]+)", recipe)
    (line,) = re.findall(r'pip install .*"/src\[\$\{EXTRAS\},([a-z,]+)\]"', recipe)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {extra for names in (*named, line) for extra in names.split(",")} <= set(known)
    assert {"tensorrt", "rtx", "cuda"} <= {extra for names in named for extra in names.split(",")}


def test_the_plain_install_stays_below_510_megabytes(wheel: Path) -> None:
    """Of what it needs without extras, as that is installed here, in blocks of the disk; pip is not counted."""
    with zipfile.ZipFile(wheel) as opened:
        metadata = email.message_from_bytes(opened.read(f"archivecolor-{archivecolor.__version__}.dist-info/METADATA"))
        sizes = [info.file_size for info in opened.infolist()]
    packages, left = set[str](), [Requirement(text) for text in metadata.get_all("Requires-Dist") or []]
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        if name not in packages and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            packages.add(name)
            left += [Requirement(text) for text in requires(name) or ()]
    assert {"av", "numpy", "onnxruntime"} <= packages
    assert not packages & {"torch", "imagecodecs", "opentimelineio"}
    places = {Path(str(file.locate())) for name in packages for file in files(name) or ()}
    sizes += [place.stat().st_size for place in places if place.is_file()]
    assert 200 << 20 < sum(-(-size // 4096) * 4096 for size in sizes) < 510 << 20
