"""The words ``callfloor trunk``, ``caller-id`` and ``campaign`` with their options; what they do stands beside."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.loading import load_settings

trunk_app = typer.Typer(help="Carriers: add, list, edit, remove, rule.", no_args_is_help=True)
caller_id_app = typer.Typer(help="Our own numbers and their pools: add, list, rest.", no_args_is_help=True)
campaign_app = typer.Typer(help="Campaigns: add, list, edit, start, stop, assign.", no_args_is_help=True)

Brand = Annotated[str | None, typer.Option(help="Brand, if there are several.")]
Name = Annotated[str, typer.Argument(help="Its name.")]
Password = Annotated[bool, typer.Option("--password", help="Ask for the password, or read it from a pipe.")]
Auth = Annotated[str | None, typer.Option(help="How the carrier knows us: ip (default) or register.")]
Proxy = Annotated[str | None, typer.Option(help="HOST[:PORT] every request goes through; '' for none.")]
Transport = Annotated[str | None, typer.Option(help="udp (default), tcp or tls.")]
Srtp = Annotated[str | None, typer.Option(help="off (default), optional or mandatory.")]
Username = Annotated[str | None, typer.Option(help="Of the account at the carrier.")]
FromDomain = Annotated[str | None, typer.Option(help="Domain in From, if it is not the host.")]
Header = Annotated[
    str | None,
    typer.Option(
        help="Where the shown number goes: p_asserted_identity (default), from, p_preferred_identity, remote_party_id."
    ),
]
Privacy = Annotated[str | None, typer.Option(help="Value of a Privacy header (RFC 3323), e.g. id; '' for none.")]
Format = Annotated[
    str | None,
    typer.Option(help="Numbers as plus (default: +48...), digits (48...), zeros (0048...), national (0...)."),
]
Prefix = Annotated[list[str] | None, typer.Option(help="Prefix that may be dialled, +48 by default; may be repeated.")]
Calls = Annotated[int | None, typer.Option(help="Lines: calls at once (30).")]
Cps = Annotated[float | None, typer.Option(help="New calls a second (5).")]
Ring = Annotated[int | None, typer.Option(help="Seconds a phone rings, 15 to 120 (25).")]
Longest = Annotated[int | None, typer.Option(help="Seconds after which a call is ended (3600).")]
Options = Annotated[int | None, typer.Option(help="Seconds between two OPTIONS; 0: none (30).")]


@trunk_app.command("add")
def trunk_add(
    name: Name,
    host: Annotated[str, typer.Option(help="HOST[:PORT] of the carrier; without a port SRV is asked.")],
    brand: Brand = None,
    password: Password = False,
    auth: Auth = None,
    username: Username = None,
    outbound_proxy: Proxy = None,
    transport: Transport = None,
    srtp: Srtp = None,
    from_domain: FromDomain = None,
    caller_id_header: Header = None,
    privacy: Privacy = None,
    number_format: Format = None,
    prefix: Prefix = None,
    max_calls: Calls = None,
    max_cps: Cps = None,
    ring_timeout: Ring = None,
    max_duration: Longest = None,
    options_interval: Options = None,
) -> None:
    """Add a carrier; see docs/operator/trunks.md."""
    columns = _trunk_columns(locals())
    values = load_settings("trunk")
    from cli.trunks import add

    add(values, name, brand=brand, password=password, options=columns)


@trunk_app.command("edit")
def trunk_edit(
    name: Name,
    rename: Annotated[str | None, typer.Option(help="New name.")] = None,
    host: Annotated[str | None, typer.Option(help="HOST[:PORT] of the carrier.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it may be used.")] = None,
    brand: Brand = None,
    password: Password = False,
    auth: Auth = None,
    username: Username = None,
    outbound_proxy: Proxy = None,
    transport: Transport = None,
    srtp: Srtp = None,
    from_domain: FromDomain = None,
    caller_id_header: Header = None,
    privacy: Privacy = None,
    number_format: Format = None,
    prefix: Prefix = None,
    max_calls: Calls = None,
    max_cps: Cps = None,
    ring_timeout: Ring = None,
    max_duration: Longest = None,
    options_interval: Options = None,
) -> None:
    """Change what is given; media follows at once, calls that are up go on."""
    columns = _trunk_columns(locals()) | {"name": rename, "enabled": enabled}
    values = load_settings("trunk")
    from cli.trunks import edit

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


TrunkName = Annotated[str | None, typer.Option(help="Trunk, if the brand has several.")]
PoolName = Annotated[str | None, typer.Option(help="Pool of caller IDs, if the brand has several.")]
Mode = Annotated[str | None, typer.Option(help="fixed_ratio (default), progressive, preview or manual.")]
Ratio = Annotated[float | None, typer.Option(help="Calls for each ready agent in fixed_ratio (2).")]
Lines = Annotated[int | None, typer.Option(help="Calls at once (30).")]
Patience = Annotated[int | None, typer.Option(help="A person waits at most so long for an agent (2000).")]
Decision = Annotated[int | None, typer.Option(help="Undecided for so long counts as a person (1500).")]
Wrapup = Annotated[int | None, typer.Option(help="Limit of wrap-up (60).")]
Policy = Annotated[str | None, typer.Option(help='Stricter rules of contact, JSON: {"attempts_per_day": 2}.')]


@campaign_app.command("add")
def campaign_add(
    name: Name,
    brand: Brand = None,
    trunk: TrunkName = None,
    pool: PoolName = None,
    mode: Mode = None,
    ratio: Ratio = None,
    max_lines: Lines = None,
    patience_ms: Patience = None,
    max_decision_ms: Decision = None,
    wrapup_seconds: Wrapup = None,
    policy: Policy = None,
) -> None:
    """Add a campaign, stopped; every agent of the brand may work in it."""
    columns = _campaign_columns(locals())
    values = load_settings("campaign")
    from cli.campaigns import add

    add(values, name, brand=brand, trunk=trunk, pool=pool, options=columns)


@campaign_app.command("edit")
def campaign_edit(
    name: Name,
    rename: Annotated[str | None, typer.Option(help="New name.")] = None,
    brand: Brand = None,
    trunk: TrunkName = None,
    pool: PoolName = None,
    mode: Mode = None,
    ratio: Ratio = None,
    max_lines: Lines = None,
    patience_ms: Patience = None,
    max_decision_ms: Decision = None,
    wrapup_seconds: Wrapup = None,
    policy: Policy = None,
) -> None:
    """Change what is given; a running campaign follows at once."""
    columns = _campaign_columns(locals()) | {"name": rename}
    values = load_settings("campaign")
    from cli.campaigns import edit

    edit(values, name, brand=brand, trunk=trunk, pool=pool, options=columns)


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


def _trunk_columns(options: dict[str, object]) -> dict[str, object]:
    """The options of a trunk by their columns."""
    others = ("name", "rename", "brand", "password", "enabled", "prefix")
    columns = {name: value for name, value in options.items() if name not in others}
    return columns | {"allowed_prefixes": options["prefix"] or None}


def _campaign_columns(options: dict[str, object]) -> dict[str, object]:
    """The options of a campaign that are columns of the same name."""
    return {name: value for name, value in options.items() if name not in ("name", "rename", "brand", "trunk", "pool")}
