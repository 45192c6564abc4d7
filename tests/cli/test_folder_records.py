"""``folder --sidecar`` and ``--no-embed``: what is said beside a result, and what is not said in it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from xml.etree import ElementTree

from archivecolor.stills import open_still
from tests.cli.conftest import Run, tree

PREMIS = "{http://www.loc.gov/premis/v3}"


def texts(root: ElementTree.Element, name: str) -> list[str | None]:
    return [e.text for e in root.iter(f"{PREMIS}{name}")]


def test_a_sidecar_tells_source_result_event_and_agents(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out, "--sidecar", "--strength", "0.5").code == 0
    root = ElementTree.parse(out / "sub" / "z.bmp.premis.xml").getroot()
    digests = [hashlib.sha256(p.read_bytes()).hexdigest() for p in (source / "sub/z.bmp", out / "sub/z.bmp")]
    assert texts(root, "messageDigest") == digests
    assert texts(root, "size") == [str(p.stat().st_size) for p in (source / "sub/z.bmp", out / "sub/z.bmp")]
    assert texts(root, "relatedObjectIdentifierValue") == digests[:1]
    assert texts(root, "linkingObjectIdentifierValue") == digests
    assert texts(root, "eventType") == ["modification"]
    (detail,) = texts(root, "eventDetail")
    assert "strength 0.5; luma from the source" in str(detail)
    agents = texts(root, "agentIdentifierValue")
    assert agents[0] == "archivecolor 0.1.0"
    assert texts(root, "linkingAgentIdentifierValue") == agents
    order = [child.tag.removeprefix(PREMIS) for child in root]
    assert order == ["object", "object", "event", "agent", "agent"]


def test_a_second_run_leaves_sidecars_alone_and_they_are_no_results(run: Run, source: Path, out: Path) -> None:
    run("folder", source, out, "--sidecar")
    before = tree(out)
    assert "3 already there" in run("folder", source, out, "--sidecar").err
    assert {name: data for name, data in tree(out).items() if "journal" not in name} == {
        name: data for name, data in before.items() if "journal" not in name
    }
    assert "3 of 3 results" in run("verify", out, "--source", source).err


def test_no_embed_leaves_the_metadata_as_they_were(run: Run, source: Path, out: Path) -> None:
    run("folder", source, out, "--no-embed")
    assert open_still(out / "a.png").metadata.xmp is None
    run("folder", source, out)
    assert b"compositeWithTrainedAlgorithmicMedia" in (open_still(out / "a.png").metadata.xmp or b"")
