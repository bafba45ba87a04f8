"""`supasync demo`: the whole of the main job on two small files, without any account or server."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import click

from supasync_core.model.printable import argument

PAGE = "supasync-demo.html"
HOURS = (
    "a first load of everything that OLD holds",
    "an hour later: new users and jobs, some updates",
    "two hours later, one run was missed; the next one catches up",
)


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the demo's files here, to look at and go on with. Default: a folder that is removed again.",
)
@click.option("--open", "show", is_flag=True, help="Show the report in the browser.")
@click.pass_context
def demo(ctx: click.Context, folder: Path | None, *, show: bool) -> int:
    """Watch three hourly runs between two small files.

    No account and no server are needed.

    OLD and NEW are DuckDB files here; everything else is what runs between two Supabase projects. It ends
    with a report of its runs: supasync-demo.html in this folder, or in the one of --folder.
    """
    from supasync_core.cli.styles import styled_line  # noqa: PLC0415 - --help prints none

    with _folder(folder) as place:
        for name in ("tables.yaml", "changes.sql"):
            (place / name).write_text(_text(name), encoding="utf-8")
        for name in ("old.duckdb", "new.duckdb"):
            _run(place / name, _text("schema.sql"))
        _run(place / "old.duckdb", _text("rows.sql"))
        for hour, what in enumerate(HOURS):
            styled_line(f"\n--- {what}", "bold")
            for change in _text("changes.sql").split("-- next hour\n")[hour : hour + 1]:
                _run(place / "old.duckdb", change)
            if hour == 0:
                _call(ctx, place, "setup")
            _call(ctx, place, "sync")
        styled_line("\n--- how it stands", "bold")
        if folder:
            _call(ctx, place, "status")
        else:
            _status_without_next(ctx, place)
        styled_line("\n--- whether it is all there", "bold")
        _call(ctx, place, "diff", "old", "new")
        styled_line("OLD and NEW hold the same rows in all five tables.", "green")
        styled_line("\n--- and as a picture", "bold")
        page = (folder or Path()) / PAGE
        _call(ctx, place, "report", "--out", str(page), *(["--open"] if show else []))
        if folder:
            click.echo(f"go on with: cd {argument(str(place))} && supasync status")
        else:
            click.echo(f"open {PAGE} in a browser to look at it")
            click.echo(
                "all other files are removed now; to keep them and go on: supasync demo --folder FOLDER"
            )
    return 0


def _status_without_next(ctx: click.Context, place: Path) -> None:
    """The status without the next step: nobody can take it in a folder that is removed."""
    with redirect_stdout(StringIO()) as printed:
        _call(ctx, place, "status")
    click.echo(printed.getvalue().rpartition("\nnext: ")[0])


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    if chosen is None:
        from tempfile import TemporaryDirectory  # noqa: PLC0415 - --help writes no file

        with TemporaryDirectory(prefix="supasync-demo-") as made:
            yield Path(made)
        return
    if chosen.exists() and any(chosen.iterdir()):
        raise click.UsageError(f"--folder {chosen}: is not empty; name a new one")
    chosen.mkdir(parents=True, exist_ok=True)
    yield chosen


def _text(name: str) -> str:
    from importlib import resources  # noqa: PLC0415 - --help reads none

    return (resources.files("supasync_duckdb") / "demonstration" / name).read_text(encoding="utf-8")


def _run(path: Path, statements: str) -> None:
    import duckdb  # noqa: PLC0415 - DuckDB is large

    with duckdb.connect(str(path)) as connection:
        connection.execute(statements)


def _call(ctx: click.Context, place: Path, *command: str) -> None:
    """Run a command of the same command line, with what it prints under what a person would have typed."""
    from supasync_core.cli.styles import styled_line  # noqa: PLC0415 - as above

    styled_line(f"$ supasync {' '.join(command)}", "cyan")
    sys.stdout.flush()
    root = ctx.find_root().command
    code = root.main(
        ["--config", str(place / "tables.yaml"), *command], prog_name="supasync", standalone_mode=False
    )
    if code:
        ctx.exit(code)
