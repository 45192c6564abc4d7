"""The command tree: help for everything, at once, in plain text where asked for; data on stdout, people on stderr."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from archivecolor.cli.app import app
from archivecolor.version import __version__
from tests.cli.conftest import Done, Run, write
from tests.conftest import ROOT
from tests.fakes.command import command

TREE: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = dict(TREE.commands)
HEAVY = ("numpy", "cv2", "onnxruntime", "torch", "av", "PIL", "tifffile")


def options_of(name: str) -> Iterator[Any]:
    yield from COMMANDS[name].params


def python(*arguments: str | Path, code: str | None = None, **environment: str) -> Done:
    """Another Python, with or without something to run first."""
    start = [sys.executable, "-c", code] if code else [sys.executable]
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")} | environment
    done = subprocess.run(
        [*start, *map(str, arguments)], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str, run: Run) -> None:
    assert COMMANDS[name].help
    done = run(name, "--help")
    assert (done.code, done.err) == (0, "")
    first = COMMANDS[name].help.split("\n")[0].split(":")[0]
    assert first.split()[0] in done.out
    assert name in run("--help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_has_help_and_stands_in_it(name: str, run: Run) -> None:
    shown = run(name, "--help").out
    for parameter in options_of(name):
        assert parameter.help, f"{name} {parameter.name}"
        for word in parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]:
            assert word in shown, f"{name} {word}"


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_in_the_help_breaks_inside_a_word_at_80_columns(name: str) -> None:
    shown = python("-m", "archivecolor", name, "--help", COLUMNS="80").out
    assert max(map(len, shown.splitlines())) <= 80
    assert [line for line in shown.splitlines() if re.search(r"<[^>]*$", line)] == []
    words = {word for parameter in options_of(name) for word in (parameter.help or "").split()}
    cells = {word.strip("│") for word in shown.split()}
    assert words <= cells


def test_panels_stand_in_the_order_in_which_a_person_needs_them() -> None:
    order = ["What to color", "Color", "Film", "Result", "Engine", "Provenance", "Output", "Cluster"]
    for name in COMMANDS:
        shown = python("-m", "archivecolor", name, "--help").out
        panels = re.findall(r"╭─ ([\w ]+) ─", shown)
        assert panels[:1] in (["Arguments"], ["Options"]), name
        assert [p for p in panels if p not in ("Arguments", "Options")] == [p for p in order if p in panels], name


def test_options_that_coloring_commands_share_have_one_wording() -> None:
    told: dict[str, set[str]] = {}
    for name in ("folder", "video", "evaluate"):
        for parameter in options_of(name):
            if parameter.param_type_name == "option" and not {"--jobs", "--shard"} & {*parameter.opts}:
                told.setdefault(parameter.opts[0], set()).add(parameter.help)
    assert [option for option, helps in told.items() if len(helps) > 1] == []


def test_the_exit_codes_stand_in_the_help(run: Run) -> None:
    shown = " ".join(run("--help").out.split())
    for code in ("0 done", "2 usage", "3 input", "5 output", "7 some items failed", "130/143 interrupted"):
        assert code in shown


def test_short_and_long_help_are_the_same(run: Run) -> None:
    assert run("folder", "-h").out == run("folder", "--help").out


def test_no_arguments_show_the_help_and_are_a_usage_error(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "folder" in done.out + done.err


def test_the_version_is_the_package_s(run: Run) -> None:
    assert run("--version") == Done(0, f"archivecolor {__version__}\n", "")


def test_a_command_that_is_not_there_is_a_usage_error_with_a_guess(run: Run) -> None:
    done = run("foldr")
    assert (done.code, done.out) == (2, "")
    assert "'folder'" in done.err


@pytest.mark.parametrize("arguments", [["folder"], ["folder", "in"], ["folder", "in", "out", "more"]])
def test_missing_and_superfluous_arguments_are_usage_errors(arguments: list[str], run: Run) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "archivecolor folder" in done.err


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import sys
from archivecolor.__main__ import main
for arguments in ([], {", ".join(f'["{name}"]' for name in COMMANDS)}):
    sys.argv = ["archivecolor", *arguments, "--help"]
    try:
        main()
    except SystemExit as e:
        assert not e.code
print("imported:", [name for name in {HEAVY} if name in sys.modules])
"""
    done = python(code=code)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "imported: []"


def test_coloring_a_folder_imports_no_torch(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.png")
    code = """
import sys
from importlib.machinery import ModuleSpec
class Unwanted:  # may be looked for, but not imported
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.partition(".")[0] in ("torch", "train") else None
    def create_module(self, spec):
        raise SystemExit(f"{spec.name} was imported")
sys.meta_path.insert(0, Unwanted())
from archivecolor.__main__ import main
main()
"""
    done = python("folder", tmp_path / "in", tmp_path / "out", code=code)
    assert (done.code, done.out) == (0, ""), done.err
    assert "1 colored" in done.err
    assert (tmp_path / "out" / "a.png").is_file()


def test_the_module_runs_like_the_command() -> None:
    done = python("-m", "archivecolor", "--version")
    assert done == Done(0, f"archivecolor {__version__}\n", "")


COLORS = re.compile(r"\x1b\[")


@pytest.mark.parametrize("arguments", [["--help"], ["folder", "--help"], ["folder", "--color"], ["foldr"]])
def test_no_color_gives_no_escape_codes(arguments: list[str]) -> None:
    with_color = python("-m", "archivecolor", *arguments, FORCE_COLOR="1", TERM="xterm-256color")
    assert COLORS.search(with_color.out + with_color.err)
    without = python("-m", "archivecolor", *arguments, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1")
    assert not COLORS.search(without.out + without.err)
    assert without.code == with_color.code


def test_a_reader_that_goes_away_ends_the_run_in_words_and_the_next_run_goes_on(tmp_path: Path, run: Run) -> None:
    for i in range(12):
        write(tmp_path / "in" / f"{i:02d}.png", seed=i)
    process = subprocess.Popen(
        command(0.05, "never", "folder", tmp_path / "in", tmp_path / "out", "--json", "--jobs", "1"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith('{"source":')
    process.stdout.close()
    stderr = process.stderr.read()
    assert process.wait(120) == 5
    process.stderr.close()
    assert "archivecolor: nothing reads the output any more\n" in stderr
    assert "Traceback" not in stderr
    assert "BrokenPipe" not in stderr
    done = run("folder", tmp_path / "in", tmp_path / "out")
    assert done.code == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 12


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_messages_stand_above_it(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    for i in range(6):
        write(tmp_path / "in" / f"{i}.png", seed=i)
    (tmp_path / "in" / "empty.jpg").touch()
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k != "FORCE_COLOR"} | {"TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        command(0.05, "never", "folder", tmp_path / "in", tmp_path / "out", "-v"),
        cwd=ROOT,
        env=env,
        stderr=theirs,
        stdout=subprocess.PIPE,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux's way of saying that the terminal's other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    stdout, _ = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (7, b"")
    text = shown.decode()
    assert "6/6" in text
    assert " left" in text
    assert "finishing" in text
    assert re.search(r"\x1b\[2K5\.png: colored in [\d.]+ s\r\n", text)
    assert not re.search(r"\x1b\[(\d+;)*(3|4|9)\d(;\d+)*m", text), "NO_COLOR was set"


def test_help_needs_no_decoder() -> None:
    code = "import sys; import archivecolor.cli.app; sys.exit(bool({'av', 'cv2', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
