"""Every setting of every process, in one documented place.

Values come from, strongest first: environment variables (``CALLFLOOR_<NAME>``; ``DATABASE_URL`` and ``REDIS_URL`` also
bare; an empty one counts as not set), then the TOML file named by ``CALLFLOOR_CONFIG`` (default ``callfloor.toml``),
then the defaults below. ``docs/operator/settings.md`` is generated from this file.
"""

from __future__ import annotations

import os
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.clock import Clock, SystemClock


class Settings(BaseSettings):
    """Settings of one installation."""

    model_config = SettingsConfigDict(
        env_prefix="CALLFLOOR_", env_ignore_empty=True, extra="forbid", populate_by_name=True
    )

    data_dir: Annotated[Path, Field(description="Where embedded servers, spools and files live.")] = Path("var")
    keys_file: Annotated[
        Path | None,
        Field(description="File of secret keys (mode 0600), made on first run. Default: beside the user's settings."),
    ] = None
    database_url: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("CALLFLOOR_DATABASE_URL", "DATABASE_URL", "database_url"),
            description="postgresql://... ; empty: an embedded server under data_dir.",
        ),
    ] = None
    redis_url: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("CALLFLOOR_REDIS_URL", "REDIS_URL", "redis_url"),
            description="redis://... ; empty: an embedded server under data_dir.",
        ),
    ] = None
    database_pool: Annotated[int, Field(ge=1, le=50, description="Connections of one process.")] = 8

    clock_start: Annotated[
        datetime | None,
        Field(description="Instant the shared clock showed at clock_epoch; empty: the machine's clock."),
    ] = None
    clock_epoch: Annotated[float | None, Field(description="Machine time (Unix s) of clock_start.")] = None

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Least important lines that are logged.")
    ] = "info"
    metrics_port: Annotated[
        int,
        Field(
            ge=0,
            le=65535,
            description="First port of the other processes' Prometheus metrics; 0: only web's, at /metrics.",
        ),
    ] = 0

    web_host: Annotated[str, Field(description="Address the web server listens on.")] = "127.0.0.1"
    web_port: Annotated[int, Field(ge=0, le=65535, description="Its port.")] = 8400
    session_hours: Annotated[int, Field(ge=1, le=24, description="Life of a login.")] = 12

    node: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$", description="Name of this machine's media node.")] = "n1"
    media_host: Annotated[str, Field(description="Address SIP and RTP bind to.")] = "127.0.0.1"
    media_public_host: Annotated[
        str | None, Field(description="Address shown to trunks in SDP and Contact behind NAT.")
    ] = None
    media_sip_port: Annotated[int, Field(ge=1024, le=65535, description="UDP and TCP; TLS is one above.")] = 5080
    media_rtp_port: Annotated[int, Field(ge=1024, le=64000, description="First RTP port.")] = 20000
    media_rtp_ports: Annotated[int, Field(ge=8, le=40000, description="How many ports from there.")] = 8000
    media_max_calls: Annotated[int, Field(ge=2, le=1024, description="Call legs of one media process.")] = 1000
    tls_cert: Annotated[Path | None, Field(description="Certificate chain (PEM) for SIP over TLS.")] = None
    tls_key: Annotated[Path | None, Field(description="Its key (PEM).")] = None
    tap_dir: Annotated[Path, Field(description="Memory file system for the detector's taps; never on a disk.")] = Path(
        "/dev/shm"  # noqa: S108 - a memory file system by purpose, one folder per run inside
    )

    carrier_sip_port: Annotated[int, Field(ge=1024, le=65535, description="SIP port of the simulated carrier.")] = 5180
    carrier_rtp_port: Annotated[int, Field(ge=1024, le=64000, description="Its first RTP port.")] = 32000
    agents_sip_port: Annotated[
        int, Field(ge=1024, le=65535, description="SIP port of the simulated agents' phones.")
    ] = 5280
    agents_rtp_port: Annotated[int, Field(ge=1024, le=64000, description="Their first RTP port.")] = 44000

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, Path(os.environ.get("CALLFLOOR_CONFIG", "callfloor.toml")))
        return init_settings, env_settings, toml

    def clock(self) -> Clock:
        """The run's shared clock."""
        if self.clock_start is None:
            return SystemClock()
        if self.clock_epoch is None:
            raise ValueError("clock_start needs clock_epoch: set both or neither")
        return SystemClock.starting_at(self.clock_start, self.clock_epoch)

    def run_dir(self) -> Path:
        """Folder of sockets, pids and spools of this installation, absolute."""
        return self.data_dir.absolute() / "run"

    def taps(self) -> Path:
        """Folder of the detector's taps of this media node, in memory, one per SIP port."""
        return self.tap_dir / f"callfloor-{os.getuid()}-{self.node}-{self.media_sip_port}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
