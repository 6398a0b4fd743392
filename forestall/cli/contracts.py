"""`forestall schema`, `forestall packs` and `forestall pack check`: what is declared."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from forestall.cli.ledgers import find
from forestall.cli.options import AsJson
from forestall.cli.screen import plural, print_hanging, print_json, stdout
from forestall.errors import InputError, PackError

if TYPE_CHECKING:
    from forestall.packs import Sampled

BAD_SHOWN = 10


def register(app: typer.Typer) -> None:
    app.command(help="Print the JSON Schemas of what crosses a boundary.")(schema)
    app.command(help="List the installed packs.")(packs)
    group = typer.Typer(help="Work on a pack.", no_args_is_help=True)
    group.command(name="check", help="Load a pack and report every mistake in it.")(check)
    app.add_typer(group, name="pack")


def schema(
    name: Annotated[str | None, typer.Argument(help="A contract, such as Plan; all of them by default.")] = None,
    names: Annotated[bool, typer.Option("--list", help="Only their names and versions.")] = False,
) -> None:
    from contracts import exported_schemas

    schemas = exported_schemas()
    if names:
        for each, found in schemas.items():
            stdout().print(f"{each} {found['version']}")
    elif name is None:
        print_json(schemas)
    else:
        by_letter = {each.lower(): each for each in schemas}
        exact = by_letter.get(name.lower(), name)
        if exact not in schemas:
            exact = find(exact, schemas, "contract")
        print_json(schemas[exact])


def packs(as_json: AsJson = False) -> None:
    from forestall.packs import known_packs, load_pack

    found: list[dict[str, object]] = []
    for name in known_packs():
        try:
            pack = load_pack(name)
        except PackError as error:
            found.append({"name": name, "mistakes": list(error.mistakes)})
            continue
        manifest = pack.manifest
        found.append(
            {
                "name": name,
                "title": manifest.title,
                "mode": manifest.mode,
                "topics": [stream.name for stream in manifest.streams],
                "runbooks": [runbook.template for runbook in pack.runbooks],
                "tools": [tool.name for tool in pack.catalogue],
                "folder": str(pack.folder),
                "mistakes": [],
            }
        )
    if as_json:
        print_json(found)
        return
    console = stdout()
    for each in found:
        _print_pack(console, each)
    if not found:
        console.print("No pack is installed. A pack is also taken by its path: forestall run --pack FOLDER")


def _print_pack(console: Console, pack: dict[str, object]) -> None:
    if pack["mistakes"]:
        console.print(Text.assemble((str(pack["name"]), "bold"), ("  cannot be loaded", "red")))
        console.print(Text(f"  forestall pack check {pack['name']} tells why", "dim"))
        return
    console.print(Text.assemble((str(pack["name"]), "bold"), f"  {pack['title']}"))
    for label in ("mode", "topics", "runbooks", "tools"):
        value = pack[label]
        told = ", ".join(value) if isinstance(value, list) else str(value)
        print_hanging(console, Text(f"  {label:<10}", "dim"), Text(told or "none"))


def check(
    path: Annotated[str, typer.Argument(help="A pack's folder, its pack.yaml, or an installed pack's name.")],
    sample: Annotated[Path | None, typer.Option("--sample", help="A file of rows to try its mapping on.")] = None,
    stream: Annotated[str | None, typer.Option("--stream", help="Which stream the sample is for.")] = None,
) -> None:
    from forestall.packs import check_sample, load_pack

    if sample is not None and not sample.exists():
        raise InputError(f"{sample}: no such file", "Correct the path and run the command again.")

    pack = load_pack(path)
    tried = None if sample is None else check_sample(path, sample, stream)
    manifest = pack.manifest
    counts = [
        (len(manifest.streams), "stream"),
        (len(manifest.measures), "measure"),
        (len(manifest.detectors), "detector"),
        (len(pack.runbooks), "runbook"),
        (len(list(pack.catalogue)), "tool"),
    ]
    if manifest.topic_tools:
        counts.append((len(manifest.topic_tools), "topic tool"))
    told = ", ".join(plural(number, word) for number, word in counts)
    if number := len(manifest.reflexes):
        told += f", {number:,} reflex{'' if number == 1 else 'es'}"
    console = stdout()
    if tried is None or tried.events:
        console.print(Text.assemble((f"{pack.name}: no mistakes.", "green"), f" {told}; digest {pack.digest[:12]}…"))
    if sample is not None and tried is not None:
        _print_sample(console, sample, tried)
        if not tried.events:
            step = "Correct the mapping or `keep`, or try it on the rows that it is for." if tried.rows else None
            nothing = f"none of {plural(tried.rows, 'row')} becomes an event" if tried.rows else "there are no rows"
            raise InputError(f"{sample}: {nothing}; as it is, {tried.stream} would come to nothing", step)


def _print_sample(console: Console, sample: Path, found: "Sampled") -> None:
    left = f"; {found.filtered:,} are filtered out" if found.filtered else ""
    console.print(
        f"{sample.name}: {found.events:,} of {plural(found.rows, 'row')} become events of {found.stream}{left}."
    )
    if found.cut:
        console.print(f"Only the first {found.rows:,} rows were looked at.")
    for each in found.doubts:
        print_hanging(console, Text("! ", "bold yellow"), Text(each))
    if found.bad:
        console.print(Text(f"{plural(len(found.bad), 'row')} cannot be mapped:", "yellow"))
    for each in found.bad[:BAD_SHOWN]:
        print_hanging(console, Text("  "), Text(each))
    if len(found.bad) > BAD_SHOWN:
        console.print(Text(f"  and {len(found.bad) - BAD_SHOWN:,} more", "dim"))
