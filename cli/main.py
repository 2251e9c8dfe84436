"""The ``callfloor`` command: one word for every process and every act of an operator.

What a command does stands in a small file of its own, imported when the command runs, so that ``callfloor --help``
and each process load only what they use. Options that change a setting are put into the environment: the whole
process, and whatever it starts, sees one and the same value.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.calling import caller_id_app, campaign_app, trunk_app
from cli.loading import load_settings

app = typer.Typer(
    name="callfloor",
    help="Self-hosted contact centre: a SIP predictive dialer and one agent desktop for every channel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks print local variables, and those hold personal data
)
user_app = typer.Typer(help="People who log in: add, password, list, deactivate.", no_args_is_help=True)
brand_app = typer.Typer(help="Names under which people are contacted: add.", no_args_is_help=True)
app.add_typer(user_app, name="user", rich_help_panel="Data and people")
app.add_typer(brand_app, name="brand", rich_help_panel="Data and people")
app.add_typer(trunk_app, name="trunk", rich_help_panel="What is dialled")
app.add_typer(caller_id_app, name="caller-id", rich_help_panel="What is dialled")
app.add_typer(campaign_app, name="campaign", rich_help_panel="What is dialled")

RUN = "Run everything"
PROCESSES = "One process, in the foreground"
DATA = "Data and people"


# ---- everything ------------------------------------------------------------------------------------------------


@app.command(rich_help_panel=RUN)
def up(web_port: Annotated[int | None, typer.Option(help="Port of the web server.")] = None) -> None:
    """Everything on one machine, supervised: servers unless their URLs are set, web, engine, media, workers."""
    values = load_settings("supervisor", web_port=web_port)
    from cli.up import run

    run(values)


@app.command(rich_help_panel=RUN)
def demo(
    seconds: Annotated[float | None, typer.Option("--for", min=1, help="Launch calls for so long, then drain.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
    web_port: Annotated[int | None, typer.Option(help="Port of the web server.")] = None,
) -> None:
    """`up` with sample data, a simulated carrier (real SIP and RTP) and simulated agents."""
    values = load_settings("supervisor", web_port=web_port)
    from cli.demo import run

    raise typer.Exit(run(values, seconds=seconds, report=report))


# ---- one process each ------------------------------------------------------------------------------------------


@app.command(rich_help_panel=PROCESSES)
def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """The web server: pages, REST API, live updates. Stateless, any number."""
    values = load_settings("web", web_host=host, web_port=port)
    from agent_ui.server import run

    run(values)


@app.command(rich_help_panel=PROCESSES)
def engine() -> None:
    """Paces campaigns and decides for each call. Any number; a campaign is held by one at a time."""
    values = load_settings("engine")
    from dialer.engine.process import run

    run(values)


@app.command(rich_help_panel=PROCESSES)
def media(
    node: Annotated[str | None, typer.Option(help="Name of this media node, unlike any other's.")] = None,
    sip_port: Annotated[int | None, typer.Option(help="SIP over UDP and TCP; TLS is one above.")] = None,
) -> None:
    """SIP and audio: one pjsua2 endpoint. Any number, each with a node name and ports of its own."""
    values = load_settings("media", node=node, media_sip_port=sip_port)
    from dialer.media.process import run

    run(values)


@app.command(rich_help_panel=PROCESSES)
def detector(
    node: Annotated[str | None, typer.Option(help="Media node whose calls it listens to.")] = None,
) -> None:
    """Tells people from machines on the audio of one media node, on the node's machine."""
    values = load_settings("detector", node=node)
    from dialer.detection.process import run

    run(values)


@app.command(rich_help_panel=PROCESSES)
def worker() -> None:
    """Background jobs: imports, exports, daily upkeep. Any number."""
    values = load_settings("worker")
    from core.jobs import run_worker

    run_worker(values)


@app.command(rich_help_panel=PROCESSES)
def carrier(
    preset: Annotated[str, typer.Option(help="Mix of behaviours: easy, or debt with 2.5 % live answers.")] = "easy",
    seed: Annotated[int, typer.Option(help="The same seed gives each number the same behaviour.")] = 1,
) -> None:
    """The simulated carrier: answers by number as people, machines and networks do, on real SIP and RTP."""
    values = load_settings("carrier")
    from dialer.simulation.carrier import run

    run(values, preset=preset, seed=seed)


@app.command(rich_help_panel=PROCESSES)
def agents(
    count: Annotated[
        int, typer.Option(help="How many of the demo's agents: agent01 and so on; 0: only telephones.", min=0)
    ] = 12,
    seed: Annotated[int, typer.Option(help="The same seed gives each agent the same habits.")] = 1,
    password: Annotated[
        str | None, typer.Option(envvar="CALLFLOOR_AGENT_PASSWORD", help="Default: the demo's.")
    ] = None,
) -> None:
    """Simulated agents: SIP phones and the scripts of those who work them."""
    values = load_settings("agents")
    from cli.agents import run
    from cli.sample import PASSWORD

    run(values, logins=[f"agent{n:02d}" for n in range(1, count + 1)], password=password or PASSWORD, seed=seed)


# ---- data and people ---------------------------------------------------------------------------------------------


@app.command(rich_help_panel=DATA)
def migrate() -> None:
    """Bring the database's tables to this version's shape."""
    values = load_settings("migrate")
    from cli.up import database_server
    from core.migrations import migrate as run

    with database_server(values):
        run(values)


@app.command("import", rich_help_panel=DATA)
def import_(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX as the creditor sent it.")],
    portfolio: Annotated[str, typer.Option(help="Portfolio it belongs to; made if new.")],
    brand: Annotated[str | None, typer.Option(help="Brand, if there are several.")] = None,
    creditor: Annotated[str | None, typer.Option(help="Creditor of a new portfolio.")] = None,
    mapping: Annotated[str | None, typer.Option(help="Saved mapping, or JSON file: heading -> our field.")] = None,
    save_mapping: Annotated[str | None, typer.Option(help="Keep the mapping under this name.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Campaign that gets the cases as a lead list.")] = None,
    priority: Annotated[int, typer.Option(help="Of that lead list; higher goes first.")] = 0,
    rejects: Annotated[Path | None, typer.Option(help="Folder for the rejected rows.")] = None,
) -> None:
    """Take in a list of debtors, debts and phones; bad rows go to a rejects file with their reasons."""
    values = load_settings("import")
    from cli.import_ import Order, run

    order = Order(file, portfolio, brand, creditor, mapping, save_mapping, campaign, priority, rejects)
    raise typer.Exit(run(values, order))


@app.command(rich_help_panel=DATA)
def backup(file: Annotated[Path, typer.Argument(help="File to write; must not exist.")]) -> None:
    """Write the whole database to a file (pg_dump's custom format)."""
    values = load_settings("backup")
    from cli.backup import backup as run

    run(values, file)


@app.command(rich_help_panel=DATA)
def restore(file: Annotated[Path, typer.Argument(help="File written by `callfloor backup`.")]) -> None:
    """Fill an empty database from a backup, then bring it to this version's shape."""
    values = load_settings("restore")
    from cli.backup import restore as run

    run(values, file)


@user_app.command("add")
def user_add(
    login: str,
    role: Annotated[str, typer.Option(help="agent, supervisor, manager or admin.")] = "agent",
    name: Annotated[str | None, typer.Option(help="Name shown to others; else the login.")] = None,
    brand: Annotated[list[str] | None, typer.Option(help="Brand the person works for; may be repeated.")] = None,
    phone: Annotated[str | None, typer.Option(help="SIP URI of an agent's telephone, e.g. sip:anna@10.0.0.7.")] = None,
) -> None:
    """Add a login; asks for the password twice, or reads it from a pipe."""
    values = load_settings("user")
    from cli.users import add

    add(values, login, role=role, name=name or login, brands=brand or [], phone=phone)


@user_app.command("password")
def user_password(login: str) -> None:
    """Set a new password, unlock the login and end its sessions."""
    values = load_settings("user")
    from cli.users import password

    password(values, login)


@user_app.command("list")
def user_list() -> None:
    """List the logins with role and state."""
    values = load_settings("user")
    from cli.users import show

    show(values)


@user_app.command("deactivate")
def user_deactivate(login: str) -> None:
    """Refuse a login from now on and end its sessions; what the person did stays."""
    values = load_settings("user")
    from cli.users import deactivate

    deactivate(values, login)


@brand_app.command("add")
def brand_add(
    name: str,
    callback_number: Annotated[str, typer.Option(help="Number named in the message of abandoned calls.")],
    timezone: Annotated[str, typer.Option(help="Zone of its working day.")] = "Europe/Warsaw",
) -> None:
    """Add a brand with the usual dispositions and pause reasons."""
    values = load_settings("brand")
    from cli.brands import add

    add(values, name, callback_number=callback_number, timezone=timezone)


# ---- about -------------------------------------------------------------------------------------------------------


@app.command()
def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/operator/settings.md.")] = False,
) -> None:
    """Every setting with its variable, present value and meaning."""
    from cli.settings_page import markdown as page
    from cli.settings_page import table

    print(page() if markdown else table(load_settings("settings")), end="")


@app.command()
def outcomes(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/operator/outcomes.md.")] = False,
) -> None:
    """What each signal of a carrier means, and what follows each outcome."""
    from cli.outcomes_page import markdown as page
    from cli.outcomes_page import table

    print(page() if markdown else table(), end="")


@app.command()
def ready(
    what: Annotated[list[str], typer.Argument(help="web, media, database, bus.")],
) -> None:
    """Whether these answer (exit code 0); for container health checks."""
    from cli.probes import PROBES

    if unknown := set(what) - set(PROBES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; there are: {', '.join(PROBES)}")
    values = load_settings("ready")
    silent = [name for name in what if not PROBES[name](values)]
    if silent:
        print(f"No answer: {', '.join(silent)}", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Version of Callfloor, Python and the SIP library's flavour."""
    from cli.version import text

    print(text())


if __name__ == "__main__":
    app()
