"""Option groups: dataclasses whose fields are options. A command names each as one parameter of its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, get_type_hints

import typer

from archivecolor.errors import UsageError
from archivecolor.storage.urls import COPIERS, EXTRAS, scrubbed

_FIELDS: Final = {"embed": "embed_record", "start": "start_s", "end": "end_s"}
"""What options are called in settings, where that is another name."""


def laid_out(command: Callable[..., None]) -> Callable[..., None]:
    """Lay a command's option groups out in its signature, field by field; put them together again when it is called.

    Options stand where their group stands, in the group's order, under the names of its fields, with their defaults.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        parameters += _of_group(groups[name]) if name in groups else [parameter.replace(annotation=hints[name])]
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]

    def called(**values: Any) -> None:
        _check_paths(values)
        gathered = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**values, **gathered)

    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    called.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)  # as wide as the terminal is
    called.__name__, called.__module__ = command.__name__, command.__module__
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in named}
    called.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    return called


def _check_paths(values: Mapping[str, Any]) -> None:
    """Refuse URLs of stores where paths are asked for, which have one slash of the two left. Raises `UsageError`."""
    for value in values.values():
        for path in value if isinstance(value, list) else (value,):
            scheme, _, rest = str(path).partition(":/")
            if isinstance(path, Path) and rest and scheme.lower() in EXTRAS:
                shown = scrubbed(f"{scheme}://{rest}")
                raise UsageError(
                    f"{shown}: is in a store, and must be on a disk here",
                    hint=f"copy it to one first: {COPIERS[scheme.lower()]}",
                )


def given(context: typer.Context) -> frozenset[str]:
    """The settings that a command line names, whatever values it gives them."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    named = {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}
    return frozenset(_FIELDS.get(name, name) for name in named)


def _of_group(group: Any) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
