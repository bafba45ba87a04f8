"""`supasync tables`: add tables to tables.yaml, or remove them, and leave the rest of the file as it is."""

from contextlib import suppress
from pathlib import Path

import click

from supasync_core.api.backend import Catalog, Source
from supasync_core.cli import output
from supasync_core.cli.init import keys_of, proposals_of, references_of, source_of
from supasync_core.cli.table_options import complete_tables
from supasync_core.init import edit_tables, render
from supasync_core.init.choose_strategy import Proposal
from supasync_core.init.draft_source import listed
from supasync_core.init.known_references import with_references
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, RefusedError, SchemaError
from supasync_core.project.session import Session
from supasync_core.system.links import replace_whole


@click.group()
def tables() -> None:
    """Add tables to tables.yaml, or remove them.

    Comments and the form of all other lines stay as they are.
    """


@tables.command()
@click.argument("name")
@click.pass_obj
def add(session: Session, name: str) -> int:
    """Add a table of OLD, with the settings that init proposes.

    NAME is a table, or schema.table for one outside of public. It is taken out of undecided: and ignore:.
    """
    declared = [table.name for table in session.settings.tables]
    if name in declared:
        raise ConfigError([f"{session.config}: the table {name} is there already"])
    proposal = _proposal(session, name)
    if proposal.refusal:
        raise SchemaError(f"{name} cannot be copied as it is: {proposal.refusal}")
    text = _read(session)
    for section in ("undecided", "ignore"):
        text = edit_tables.without_name(text, section, name)
    entry = render.entries([proposal])
    _write(session, edit_tables.with_entry(text, proposal.table.name, entry))
    click.echo(entry)
    output.line(f"added to {session.config}; next: supasync check", err=True)
    return 0


@tables.command()
@click.argument("name", shell_complete=complete_tables)
@click.pass_obj
def remove(session: Session, name: str) -> int:
    """Remove a table, and list it under ignore:.

    Its rows stay in NEW, and so does its state: it continues where it stopped if it is added again.
    """
    settings = session.settings
    if name not in [table.name for table in settings.tables]:
        raise ConfigError([f"{session.config}: there is no table {name}"])
    if len(settings.tables) == 1:
        raise ConfigError([f"{session.config}: {name} is the only table: nothing would be copied"])
    if children := [table.name for table in settings.tables if name in table.depends_on]:
        sentence = (
            f"{', '.join(children)} depends on {name}: remove it from depends_on: there, or remove both"
        )
        raise ConfigError([f"{session.config}: {sentence}"])
    address = next(table.address for table in settings.tables if table.name == name)
    text = edit_tables.without_entry(_read(session), name)
    _write(session, edit_tables.with_name(text, "ignore", ".".join(address).removeprefix("public.")))
    output.line(f"{name} is no longer copied; its rows and its state stay in NEW (supasync check)")
    return 0


def _proposal(session: Session, name: str) -> Proposal:
    """What init proposes for that table of OLD."""
    ledger = Ledger()
    with source_of(session, None, ledger, declared=True) as source:
        schema, relation = _address(source, name)
        listing = listed(source, [schema])
        if relation not in listing.get(schema, {}):
            raise SchemaError(
                f"OLD shows no table {name}", hint="supasync init lists the tables that it shows"
            )
        references = references_of(session, source, ledger, [schema])
        shapes = with_references(listing, references or ())
        asked = {schema: {relation: shapes[schema][relation]}}
        keys = keys_of(session, None, asked)
        (found,) = proposals_of(source, ledger, asked, session.settings.tables, keys=keys)
    return found


def _address(source: Source, name: str) -> tuple[str, str]:
    """Schema and name; the whole name where public has such a table, whose name may hold dots."""
    schema, dot, relation = name.rpartition(".")
    if dot and isinstance(source, Catalog):
        with suppress(RefusedError, SchemaError):
            if name in source.tables("public"):
                return "public", name
    return schema or "public", relation


def _read(session: Session) -> str:
    """The text, whose lines end as in the file, or with LF where all end with CRLF."""
    text = _text(session)
    return text.replace("\r\n", "\n") if _has_crlf(text) else text


def _write(session: Session, text: str) -> None:
    text = text.replace("\n", "\r\n") if _has_crlf(_text(session)) else text
    replace_whole(Path(session.config), lambda file: file.write(text.encode()))


def _text(session: Session) -> str:
    return Path(session.config).read_bytes().decode("utf-8-sig")


def _has_crlf(text: str) -> bool:
    return 0 < text.count("\r\n") == text.count("\n") == text.count("\r")
