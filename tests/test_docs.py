"""The README, the guide and the pages of engines/ and train/: what they show works, and what they name exists."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import shlex
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import typer.main
from PIL import Image

import archivecolor
from archivecolor.__main__ import main
from archivecolor.cli.app import app
from archivecolor.errors import ArchiveColorError
from archivecolor.inference import select
from tests.cli.conftest import photograph, write
from tests.cli.conftest import tree as tree_of
from tests.conftest import ROOT
from tests.fakes.engines import FakeEngine, SlowEngine, by_luma
from tests.film.sources import FilmSource, moving, tinted
from tests.sequences.scans import write_dpx

PAGES = ("README.md", "GUIDE.md", "engines/README.md", "train/README.md")
LINKED_FROM = (*PAGES, "CONTRIBUTING.md")

NOT_RUN = {
    "needs a GPU": ("archivecolor build-engine", "archivecolor doctor --compare"),
    "needs a cluster": (
        "archivecolor folder /archive/scans /archive/color --cluster auto",
        "archivecolor video /archive/film.mkv /archive/film_color.mkv --cluster auto",
    ),
    "needs a plan": ("archivecolor folder scans out --engine plans/NAME.plan",),
    "needs a trained generator": ("archivecolor folder samples/stills out --generator engines/mine",),
    "needs a store": ("archivecolor folder s3://", "archivecolor verify s3://", "archivecolor video s3://"),
    "serves until Ctrl-C": ("archivecolor review",),
    "changes the user's shell": ("archivecolor --install-completion",),
}
"""Beginnings of commands that are parsed against the command tree instead."""

OTHER_PROGRAMS = ("ray", "pip", "docker")


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.DOTALL | re.MULTILINE)


def spans(page: str) -> list[str]:
    """What stands in backticks outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def shell_lines(page: str) -> list[list[str]]:
    """The commands of sh blocks, as their arguments."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def commands(page: str, *programs: str) -> list[list[str]]:
    """Commands of blocks and of prose that begin with one of these words."""
    found = [*shell_lines(page), *(shlex.split(span) for span in spans(page) if span.split()[0] in programs)]
    return [words for words in found if words[0] in programs]


def archivecolor_lines(page: str) -> list[list[str]]:
    """Commands of archivecolor's own, those given to its container too, without the program's name."""
    lines = [words[1:] for words in commands(page, "archivecolor") if len(words) > 1]
    in_docker = [words for words in shell_lines(page) if words[:2] == ["docker", "run"]]
    return lines + [words[words.index("archivecolor") + 1 :] for words in in_docker]


def reason_not_to_run(words: list[str]) -> str | None:
    line = " ".join(["archivecolor", *words])
    return next((why for why, starts in NOT_RUN.items() if line.startswith(starts)), None)


@cache
def tree() -> typer.core.TyperGroup:
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    return root


def parse(words: list[str]) -> None:
    """Let the command tree read a command without running it."""
    root = tree()
    if words[0].startswith("-"):
        assert words[0] in options_of(root)
    elif words[0] != "COMMAND":
        name, command, rest = root.resolve_command(typer.Context(root), words)
        assert command is not None
        command.make_context(name, [word.strip("[]") for word in rest])


def options_of(command: object) -> set[str]:
    parameters = getattr(command, "params", [])
    return {"--help", "-h"}.union(*([*p.opts, *p.secondary_opts] for p in parameters))


def every_option() -> set[str]:
    return options_of(tree()).union(*(options_of(command) for command in tree().commands.values()))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_shown_is_one_that_the_command_tree_understands(page: str) -> None:
    for words in archivecolor_lines(page):
        parse(words)


@pytest.mark.parametrize("wrong", ["fodler a b", "folder a b --strenght 1", "video a b --for film", "folder a"])
def test_a_command_that_does_not_exist_is_noticed(wrong: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|invalid|missing|is not one of"):
        parse(wrong.split())


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_is_named_exists(page: str) -> None:
    known = every_option()
    trained = {"--run", "--set", "--from", "--validate", "--minutes"} if page == "train/README.md" else set()
    ours = [span for span in spans(page) if span.split()[0] not in (*OTHER_PROGRAMS, "python")]
    named = {option for span in ours for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", span)}
    assert named - known - trained == set()


def test_every_variable_that_is_named_exists() -> None:
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "archivecolor").rglob("*.py"))
    for page in PAGES:
        for name in re.findall(r"ARCHIVECOLOR_\w+", text_of(page)):
            assert name in code


def test_the_readme_s_table_has_every_command_and_reviewing_before_building() -> None:
    rows = re.findall(r"^\| `archivecolor ([\w-]+)", text_of("README.md"), re.MULTILINE)
    assert sorted(rows) == sorted(tree().commands)
    assert rows.index("report") < rows.index("build-engine")


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(text_of("README.md").split()) <= 1500


def test_the_readme_has_the_commands_that_are_run_as_they_stand() -> None:
    for name, command in (("run", "archivecolor folder samples/stills out --overwrite"), ("test", "python -m tests")):
        (block,) = re.findall(rf"<!-- {name} -->\n```sh\n(.*?)```", text_of("README.md"), re.DOTALL)
        assert block.splitlines()[-1] == command
        assert block.startswith("pip install ")


@pytest.mark.parametrize("page", PAGES)
def test_extras_that_are_installed_exist(page: str) -> None:
    known = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
    for words in commands(page, "pip"):
        for extras in re.findall(r"(?:archivecolor|\.)\[([a-z0-9,]+)\]", " ".join(words)):
            assert set(extras.split(",")) <= set(known)


def test_every_message_of_the_guide_s_table_is_one_of_the_program() -> None:
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "archivecolor").rglob("*.py"))
    _, _, table = text_of("GUIDE.md").partition("## When something goes wrong")
    messages = [
        m for row in table.splitlines() for m in re.findall(r"`([^`]+)`", row.partition("|")[2].partition("|")[0])
    ]
    assert len(messages) > 20
    for message in messages:
        for part in re.split(r"\.\.\.|\d[\d x]*|png|DPX|TensorRT|[(),]", message):
            assert part.strip() in code, message


def test_every_recipe_is_listed() -> None:
    listed = re.findall(r"\| \[[\w-]+\]\(recipes/([\w-]+)\.toml\)", text_of("train/README.md"))
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "train" / "recipes").glob("*.toml"))


def anchors(page: Path) -> set[str]:
    """What the headings of a page are linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED_FROM)
def test_every_link_and_every_picture_is_there(page: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    for link in links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_sample_that_is_named_is_there() -> None:
    for page in PAGES:
        for name in re.findall(r"\bsamples/[\w/.]*\w", text_of(page)):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES)
def test_modules_that_are_run_exist_and_understand_their_options(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    understood = argparse.ArgumentParser.parse_args

    def parse_only(parser: argparse.ArgumentParser) -> NoReturn:
        understood(parser)
        raise KeyboardInterrupt  # instead of what would follow

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    for _, flag, name, *arguments in commands(page, "python"):
        assert flag == "-m"
        assert importlib.util.find_spec(name), name
        if name.startswith("train."):
            monkeypatch.setattr(sys, "argv", [name, *arguments])
            with pytest.raises(KeyboardInterrupt):
                importlib.import_module(name).main()


def test_changes_of_recipes_that_are_shown_can_be_made() -> None:
    pytest.importorskip("torch")
    from train import recipe_file

    for _, _, name, *arguments in (c for c in commands("train/README.md", "python") if len(c) > 2):
        if name == "train.fit":
            changes = [value for option, value in pairwise(arguments) if option == "--set"]
            recipe_file.load(ROOT / arguments[0], changes)


@dataclass(frozen=True)
class Desk:
    """A folder with everything that the commands shown name."""

    folder: Path

    def command(self, words: list[str]) -> list[str]:
        """The same command, on this desk where it names places at the top of the disk."""
        return [re.sub(r"^/archive", str(self.folder / "archive"), word) for word in words]


def in_color(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    luma = photograph(3, 60, 80).astype(float)
    tint = np.linspace(-60, 60, 80)[None, :, None] * np.array([1.0, -0.3, -1.0])
    Image.fromarray(np.clip(luma[..., None] + tint, 0, 255).astype(np.uint8)).save(path)
    return path


def layer(path: Path) -> Path:
    """A stroke of red for a picture of `photograph`'s size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    strokes = np.zeros((40, 60, 4), np.uint8)
    strokes[10:14, 10:30] = (180, 30, 30, 255)
    Image.fromarray(strokes).save(path)
    return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("scan.tif", "scan.png", "scans/a.tif", "scans/box 3/portrait.jpg", "scans/b.png")):
        write(tmp_path / name, seed)
    for seed in range(20):
        write(tmp_path / f"scans/roll/{seed}.png", seed)
    for folder in ("archive/scans", "samples/stills"):
        write(tmp_path / folder / "a.png", 1)
    for i in range(20):
        in_color(tmp_path / f"frames/clip/{i:02}.png")
    for name in ("kodachrome.jpg", "slides/box/1.jpg"):
        in_color(tmp_path / name)
    in_color(tmp_path / "samples/color/a.png")
    layer(tmp_path / "hints/box 3/portrait.png")
    layer(tmp_path / "strokes.png")
    with zipfile.ZipFile(tmp_path / "hints.zip", "w") as packed:
        packed.write(layer(tmp_path / "layer.png"), "a.png.png")
    judged = datetime.now(UTC) + timedelta(hours=1)  # after all that the commands make
    for name in ("anna.json", "ben.csv"):
        (tmp_path / name).write_text(f"path,mark,note,at,by\na.png,accepted,,{judged.isoformat()},{name}\n")
    write_dpx(tmp_path / "reels/reel1", range(86, 98), bits=10, transfer=1)
    film = FilmSource(moving(12), audio=1)
    film.write(tmp_path / "film.mkv")
    (tmp_path / "colored").mkdir()
    Image.fromarray(tinted(3)).save(tmp_path / "colored/3.png")
    for name in ("samples/reel.mp4", "film.mp4"):
        FilmSource(moving(12), encoder="mpeg4").write(tmp_path / name)
    FilmSource(moving(12), encoder="mpeg4", chroma=4).write(tmp_path / "color_film.mp4")
    monkeypatch.setattr(select, "open_engine", lambda *_, **__: FakeEngine(by_luma))
    return Desk(tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_shown_in_a_block_runs(page: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    if page == "GUIDE.md":
        archivecolor.color_folder("scans", "color")  # as the README did
    for words in commands(page, "archivecolor"):
        if words not in shell_lines(page) or reason_not_to_run(words[1:]):
            continue
        monkeypatch.setattr(sys, "argv", desk.command(words))
        code: object = None
        try:
            main()
        except SystemExit as e:
            code = e.code
        assert not code, words


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_python_runs_as_it_stands(page: str, desk: Desk) -> None:
    for block in blocks(page, "python"):
        try:
            exec(compile(block, page, "exec"), {})
        except ArchiveColorError as e:
            pytest.fail(f"{block}\n{e}")


def test_ten_lines_color_half_of_a_folder_and_the_next_call_the_rest(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = (block for block in blocks("README.md", "python") if "stop = " in block)
    first, *rest = block.partition("record = ")
    assert len([line for line in first.splitlines() if line]) <= 10
    monkeypatch.setattr(select, "open_engine", lambda *_, **__: SlowEngine(0.02, by_luma))
    monkeypatch.setattr("archivecolor.runs.folder.run.usable_cores", lambda: 2)
    names: dict[str, Any] = {}
    exec(first, names)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "coloring: 0 of 23"
    made = len(tree_of(desk.folder / "color"))
    assert len(told) - 1 == made
    assert 12 <= made < 23
    exec("".join(rest), names)
    assert names["record"].colored == 23 - made
    assert sorted(tree_of(desk.folder / "color")) == sorted(tree_of(desk.folder / "scans"))
