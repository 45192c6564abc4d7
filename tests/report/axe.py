"""axe-core, which looks for what people with a screen reader or bad eyes stumble over."""

from __future__ import annotations

import shutil
import subprocess
import tarfile

import pytest

from tests.report.browsing import Page

AXE = "axe-core@4.14.1"
_RUN = """
    const [done] = arguments;
    axe.run(document, { resultTypes: ["violations"], preload: false }).then(({ violations }) =>
      done(violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`)));"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core's script, from npm."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("axe-core needs npm")
    command = [npm, "pack", AXE, "--silent", "--pack-destination", str(folder)]
    assert subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL).returncode == 0
    with tarfile.open(next(folder.glob("*.tgz"))) as file:
        script = file.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def problems(on: Page, axe: str) -> list[str]:
    """What is serious in the page as it is now."""
    on.run(axe)
    return list(on.browser.execute_async_script(_RUN))
