"""The words ``callfloor trunk``, ``caller-id`` and ``campaign`` with their options; what they do stands beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from cli.loading import load_settings
from cli.options import with_options

trunk_app = typer.Typer(help="Carriers: add, list, edit, remove, rule.", no_args_is_help=True)
caller_id_app = typer.Typer(help="Our own numbers and their pools: add, list, rest.", no_args_is_help=True)
campaign_app = typer.Typer(help="Campaigns: add, list, edit, start, stop, assign.", no_args_is_help=True)

Brand = Annotated[str | None, typer.Option(help="Brand, if there are several.")]
Name = Annotated[str, typer.Argument(help="Its name.")]
Rename = Annotated[str | None, typer.Option(help="New name.")]


# ---- carriers ----------------------------------------------------------------------------------------------------


def trunk_options(
    auth: Annotated[str | None, typer.Option(help="How the carrier knows us: ip (default) or register.")] = None,
    username: Annotated[str | None, typer.Option(help="Of the account at the carrier.")] = None,
    outbound_proxy: Annotated[
        str | None, typer.Option(help="HOST[:PORT] every request goes through; '' for none.")
    ] = None,
    transport: Annotated[str | None, typer.Option(help="udp (default), tcp or tls.")] = None,
    srtp: Annotated[str | None, typer.Option(help="off (default), optional or mandatory.")] = None,
    from_domain: Annotated[str | None, typer.Option(help="Domain in From, if it is not the host.")] = None,
    caller_id_header: Annotated[
        str | None,
        typer.Option(
            help="Where the shown number goes: p_asserted_identity (default), from, p_preferred_identity, "
            "remote_party_id."
        ),
    ] = None,
    privacy: Annotated[
        str | None, typer.Option(help="Value of a Privacy header (RFC 3323), e.g. id; '' for none.")
    ] = None,
    number_format: Annotated[
        str | None,
        typer.Option(help="Numbers as plus (default: +48...), digits (48...), zeros (0048...), national (0...)."),
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option(help="Prefix that may be dialled, +48 by default; may be repeated.")
    ] = None,
    max_calls: Annotated[int | None, typer.Option(help="Lines: calls at once (30).")] = None,
    max_cps: Annotated[float | None, typer.Option(help="New calls a second (5).")] = None,
    ring_timeout: Annotated[int | None, typer.Option(help="Seconds a phone rings, 15 to 120 (25).")] = None,
    max_duration: Annotated[int | None, typer.Option(help="Seconds after which a call is ended (3600).")] = None,
    options_interval: Annotated[int | None, typer.Option(help="Seconds between two OPTIONS; 0: none (30).")] = None,
) -> dict[str, object]:
    """Columns of a trunk that may be set and changed."""
    columns = dict(locals())
    return columns | {"allowed_prefixes": columns.pop("prefix") or None}


Password = Annotated[bool, typer.Option("--password", help="Ask for the password, or read it from a pipe.")]


@trunk_app.command("add")
@with_options(trunk_options)
def trunk_add(
    name: Name,
    host: Annotated[str, typer.Option(help="HOST[:PORT] of the carrier; without a port SRV is asked.")],
    options: Mapping[str, object],
    brand: Brand = None,
    password: Password = False,
) -> None:
    """Add a carrier; see docs/operator/trunks.md."""
    values = load_settings("trunk")
    from cli.trunks import add

    add(values, name, brand=brand, password=password, options={"host": host, **options})


@trunk_app.command("edit")
@with_options(trunk_options)
def trunk_edit(
    name: Name,
    options: Mapping[str, object],
    rename: Rename = None,
    host: Annotated[str | None, typer.Option(help="HOST[:PORT] of the carrier.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it may be used.")] = None,
    brand: Brand = None,
    password: Password = False,
) -> None:
    """Change what is given; media follows at once, calls that are up go on."""
    values = load_settings("trunk")
    from cli.trunks import edit

    columns = {"name": rename, "host": host, "enabled": enabled, **options}
    edit(values, name, brand=brand, password=password, options=columns)


@trunk_app.command("list")
def trunk_list() -> None:
    """List the trunks with host, limits and format."""
    values = load_settings("trunk")
    from cli.trunks import show

    show(values)


@trunk_app.command("remove")
def trunk_remove(name: Name, brand: Brand = None) -> None:
    """Remove a trunk nothing hangs on; one that was used is disabled instead."""
    values = load_settings("trunk")
    from cli.trunks import remove

    remove(values, name, brand=brand)


@trunk_app.command("rule")
def trunk_rule(
    name: Name,
    sip_code: Annotated[int | None, typer.Option(help="Final SIP code the line is about.")] = None,
    q850: Annotated[int | None, typer.Option(help="Q.850 cause (Reason header) the line is about.")] = None,
    outcome: Annotated[str | None, typer.Option(help="What it means here.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the line away.")] = False,
    brand: Brand = None,
) -> None:
    """Read a signal of this carrier otherwise than the shipped table; without a signal, list its own lines."""
    values = load_settings("trunk")
    from cli.trunks import rule

    rule(values, name, brand=brand, sip_code=sip_code, q850=q850, outcome=outcome, remove=remove)


# ---- our own numbers ---------------------------------------------------------------------------------------------


@caller_id_app.command("add")
def caller_id_add(
    number: str,
    proof: Annotated[str, typer.Option(help="The contract that gives us the number.")],
    pool: Annotated[str, typer.Option(help="Pool it stands in; made if new.")],
    valid_from: Annotated[str | None, typer.Option(help="First day, 2026-11-23; else today.")] = None,
    valid_to: Annotated[str | None, typer.Option(help="Last day; else open.")] = None,
    trunk: Annotated[str | None, typer.Option(help="The only trunk it may be shown on; else any.")] = None,
    brand: Brand = None,
) -> None:
    """Take in one of our numbers, or change what is known of it."""
    values = load_settings("caller-id")
    from cli.caller_ids import add

    add(values, number, pool=pool, proof=proof, valid_from=valid_from, valid_to=valid_to, trunk=trunk, brand=brand)


@caller_id_app.command("list")
def caller_id_list() -> None:
    """List our numbers with pools, dates and proof."""
    values = load_settings("caller-id")
    from cli.caller_ids import show

    show(values)


@caller_id_app.command("rest")
def caller_id_rest(
    number: str,
    end: Annotated[bool, typer.Option("--end", help="Its rest is over: show it again.")] = False,
    brand: Brand = None,
) -> None:
    """Show a number no more for a while."""
    values = load_settings("caller-id")
    from cli.caller_ids import rest

    rest(values, number, resting=not end, brand=brand)


# ---- campaigns ---------------------------------------------------------------------------------------------------


def campaign_options(
    mode: Annotated[str | None, typer.Option(help="fixed_ratio (default), progressive, preview or manual.")] = None,
    ratio: Annotated[float | None, typer.Option(help="Calls for each ready agent in fixed_ratio (2).")] = None,
    max_lines: Annotated[int | None, typer.Option(help="Calls at once (30).")] = None,
    patience_ms: Annotated[int | None, typer.Option(help="A person waits at most so long for an agent (2000).")] = None,
    max_decision_ms: Annotated[
        int | None, typer.Option(help="Undecided for so long counts as a person (1500).")
    ] = None,
    wrapup_seconds: Annotated[int | None, typer.Option(help="Limit of wrap-up (60).")] = None,
    policy: Annotated[
        str | None, typer.Option(help='Stricter rules of contact, JSON: {"attempts_per_day": 2}.')
    ] = None,
) -> dict[str, object]:
    """Columns of a campaign that may be set and changed."""
    return dict(locals())


TrunkName = Annotated[str | None, typer.Option(help="Trunk, if the brand has several.")]
PoolName = Annotated[str | None, typer.Option(help="Pool of caller IDs, if the brand has several.")]


@campaign_app.command("add")
@with_options(campaign_options)
def campaign_add(
    name: Name,
    options: Mapping[str, object],
    brand: Brand = None,
    trunk: TrunkName = None,
    pool: PoolName = None,
) -> None:
    """Add a campaign, stopped; every agent of the brand may work in it."""
    values = load_settings("campaign")
    from cli.campaigns import add

    add(values, name, brand=brand, trunk=trunk, pool=pool, options=options)


@campaign_app.command("edit")
@with_options(campaign_options)
def campaign_edit(
    name: Name,
    options: Mapping[str, object],
    rename: Rename = None,
    brand: Brand = None,
    trunk: TrunkName = None,
    pool: PoolName = None,
) -> None:
    """Change what is given; a running campaign follows at once."""
    values = load_settings("campaign")
    from cli.campaigns import edit

    edit(values, name, brand=brand, trunk=trunk, pool=pool, options={"name": rename, **options})


@campaign_app.command("list")
def campaign_list() -> None:
    """List the campaigns with state, agents and leads."""
    values = load_settings("campaign")
    from cli.campaigns import show

    show(values)


@campaign_app.command("start")
def campaign_start(name: Name, brand: Brand = None) -> None:
    """Let it launch calls."""
    values = load_settings("campaign")
    from cli.campaigns import start

    start(values, name, brand=brand)


@campaign_app.command("stop")
def campaign_stop(name: Name, brand: Brand = None) -> None:
    """Launch nothing more; what is up goes on to its end."""
    values = load_settings("campaign")
    from cli.campaigns import stop

    stop(values, name, brand=brand)


@campaign_app.command("assign")
def campaign_assign(
    name: Name,
    login: Annotated[str, typer.Argument(help="Login of the agent.")],
    withdraw: Annotated[bool, typer.Option("--withdraw", help="The other way: no further shift in it.")] = False,
    brand: Brand = None,
) -> None:
    """Let an agent work in it: one who came after it was made, or was taken out."""
    values = load_settings("campaign")
    from cli.campaigns import assign

    assign(values, name, login, brand=brand, withdraw=withdraw)
