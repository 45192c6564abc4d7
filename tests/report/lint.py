"""``python -m tests.report.lint``: Biome on the page's scripts and style; `biome.json` holds the rules, npm fetches it.

The scripts are looked at one by one, and once more joined as on the page, from disk and from a server: nothing but the
whole shows which names are unused, missing or taken twice.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from archivecolor.report import page
from tests.skips import NO_SKIPS

ROOT: Final = Path(__file__).resolve().parents[2]
ASSETS: Final = Path(page.__file__).with_name("assets")
LIVE: Final = ASSETS.parents[1] / "review" / "assets"
BIOME: Final = "@biomejs/biome@2.6.8"


def main() -> int:
    """Lint the page; the exit code is 0 when there is nothing to mend, or no npm where tests may skip."""
    npm = shutil.which("npm")
    if npm is None:
        sys.stdout.write("skipped: the linter of the page needs npm\n")
        return int(NO_SKIPS)
    with tempfile.TemporaryDirectory() as folder:
        joined, live = Path(folder) / "joined.js", Path(folder) / "live" / "joined.js"
        live.parent.mkdir()
        scripts = {name: (ASSETS / name).read_text("utf-8") for name in page._SCRIPTS}
        joined.write_text("\n".join(scripts.values()), "utf-8")
        scripts["backend.js"] += "\n" + (LIVE / "live.js").read_text("utf-8")
        live.write_text("\n".join(scripts.values()), "utf-8")
        biome = [npm, "exec", "--yes", "--", BIOME]
        files = [*(str(assets.relative_to(ROOT)) for assets in (ASSETS, LIVE)), str(joined), str(live)]
        lint = [*biome, "lint", "--config-path=.", "--error-on-warnings", *files]
        return subprocess.run(lint, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
