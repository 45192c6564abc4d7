"""What was done to a picture as PREMIS 3 (Library of Congress), for the repository that takes it in.

Two objects, the source and the result that derives from it, with their digests; the event that lies between them; and
the two agents of it, the program and the generator.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from archivecolor.errors import OutputError
from archivecolor.jobs.files import derived_name, open_regular
from archivecolor.provenance.xmp import Record

_PREMIS: Final = "http://www.loc.gov/premis/v3"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_SUFFIX: Final = ".premis.xml"
_OURS: Final = re.compile(rb">colou?red [0-9a-f]{64}</")
"""The event's identifier, as every sidecar has it."""
_LONGEST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file as an object of PREMIS."""

    name: str
    """Below the folder that it lies in."""
    size_bytes: int
    sha256: str
    format: str


def sidecar_path(result: Path) -> Path:
    """Where the sidecar of a result lies."""
    return result.with_name(derived_name("", result.name, _SUFFIX))


def is_foreign(sidecar: Path) -> bool:
    """Whether something lies there that archivecolor did not write. Raises `OutputError` where it cannot be read."""
    try:
        with os.fdopen(open_regular(sidecar), "rb") as file:
            return _OURS.search(file.read(_LONGEST_BYTES)) is None
    except FileNotFoundError:
        return False
    except OSError as e:
        raise OutputError(f"{sidecar}: cannot be read: {e.strerror}", hint="move it elsewhere") from e


def premis(source: HeldFile, result: HeldFile, record: Record, when: str, warnings: tuple[str, ...]) -> bytes:
    """The document. ``when`` is ISO 8601; ``warnings`` are the outcome's."""
    ElementTree.register_namespace("premis", _PREMIS)
    ElementTree.register_namespace("xsi", _XSI)
    root = ElementTree.Element(f"{{{_PREMIS}}}premis", version="3.0")
    event_id, generator_id = f"colored {result.sha256}", f"generator {record.weights_sha256}"
    _object(root, source)
    derived = _object(root, result)
    relation = _add(derived, "relationship")
    _add(relation, "relationshipType", "derivation")
    _add(relation, "relationshipSubType", "has source")
    _identified(relation, "relatedObject", "sha256", source.sha256)
    _identified(derived, "linkingEvent", "local", event_id)
    event = _add(root, "event")
    _identified(event, "event", "local", event_id)
    _add(event, "eventType", "modification")
    _add(event, "eventDateTime", when)
    _add(_add(event, "eventDetailInformation"), "eventDetail", record.parameters)
    outcome = _add(event, "eventOutcomeInformation")
    _add(outcome, "eventOutcome", "success")
    for warning in warnings:
        _add(_add(outcome, "eventOutcomeDetail"), "eventOutcomeDetailNote", warning)
    _identified(event, "linkingAgent", "local", record.software)
    _identified(event, "linkingAgent", "local", generator_id)
    for held, role in ((source, "source"), (result, "outcome")):
        link = _identified(event, "linkingObject", "sha256", held.sha256)
        _add(link, "linkingObjectRole", role)
    name, _, version = record.software.partition(" ")
    _agent(root, record.software, name, version)
    _agent(root, generator_id, record.generator, "")
    ElementTree.indent(root)
    coded: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return coded + b"\n"


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{_PREMIS}}}{name}")
    # What XML cannot hold (control characters, halves of surrogate pairs) as escapes
    child.text = text and "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return child


def _identified(parent: ElementTree.Element, what: str, kind: str, value: str) -> ElementTree.Element:
    """An identifier; those of linked things repeat the whole name in each of their parts."""
    identifier = _add(parent, f"{what}Identifier")
    _add(identifier, f"{what}IdentifierType", kind)
    _add(identifier, f"{what}IdentifierValue", value)
    return identifier


def _object(root: ElementTree.Element, held: HeldFile) -> ElementTree.Element:
    described = _add(root, "object")
    described.set(f"{{{_XSI}}}type", "premis:file")
    _identified(described, "object", "sha256", held.sha256)
    characteristics = _add(described, "objectCharacteristics")
    fixity = _add(characteristics, "fixity")
    _add(fixity, "messageDigestAlgorithm", "SHA-256")
    _add(fixity, "messageDigest", held.sha256)
    _add(characteristics, "size", str(held.size_bytes))
    _add(_add(_add(characteristics, "format"), "formatDesignation"), "formatName", held.format)
    _add(described, "originalName", held.name)
    return described


def _agent(root: ElementTree.Element, identifier: str, name: str, version: str) -> None:
    agent = _add(root, "agent")
    _identified(agent, "agent", "local", identifier)
    _add(agent, "agentName", name)
    _add(agent, "agentType", "software")
    if version:
        _add(agent, "agentVersion", version)
