"""The settings of one server: `PGRST_...` as the real one reads them, and what only a gateway has."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = "for-tests-only-a-jwt-secret-of-at-least-32-characters"
VERSION = "14.10"


@dataclass(frozen=True)
class Settings:
    """The options of one server."""

    database_url: str
    schemas: tuple[str, ...] = ("public",)
    prefix: str = ""
    keys: dict[str, str] = field(default_factory=dict)  # API key -> role; empty means: no gateway in front
    max_rows: int | None = 1000
    anon_role: str = "anon"
    jwt_secret: str = SECRET
    version: str = VERSION
    pool_size: int = 8
    openapi_url: str = "http://rest.example.test/"
    host: str = "127.0.0.1"
    port: int = 0

    @property
    def is_13(self) -> bool:
        """Tell whether to answer as 13.0.8, bugs included."""
        return self.version.startswith("13.")

    def environment(self) -> dict[str, str]:
        """Return the variables that make a PostgREST serve the same, without the gateway."""
        values = {
            "PGRST_DB_URI": self.database_url,
            "PGRST_DB_SCHEMAS": ",".join(self.schemas),
            "PGRST_DB_ANON_ROLE": self.anon_role,
            "PGRST_DB_MAX_ROWS": "" if self.max_rows is None else str(self.max_rows),
            "PGRST_DB_POOL": str(self.pool_size),
            "PGRST_DB_CHANNEL_ENABLED": "true",
            "PGRST_JWT_SECRET": self.jwt_secret,
            "PGRST_OPENAPI_SERVER_PROXY_URI": self.openapi_url,
            "PGRST_SERVER_HOST": self.host,
            "PGRST_SERVER_PORT": str(self.port),
        }
        return {name: value for name, value in values.items() if value}


def read(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Read settings as PostgREST does: a file of `name = value`, over which the environment goes."""
    values = configured(file.read_text("utf-8")) if file else {}
    marked = (item for item in environment.items() if item[0].startswith("PGRST_"))
    values |= {name.removeprefix("PGRST_").lower().replace("_", "-"): value for name, value in marked}
    if "db-uri" not in values:
        raise ValueError("there is no db-uri: set PGRST_DB_URI")
    most = values.get("db-max-rows")
    return Settings(
        database_url=values["db-uri"],
        schemas=tuple(name.strip() for name in values.get("db-schemas", "public").split(",")),
        max_rows=int(most) if most else None,
        anon_role=values.get("db-anon-role", "anon"),
        jwt_secret=values.get("jwt-secret", SECRET),
        pool_size=int(values.get("db-pool", "8")),
        openapi_url=values.get("openapi-server-proxy-uri", "http://rest.example.test/"),
        host=values.get("server-host", "127.0.0.1"),
        port=int(values.get("server-port", "3000")),
    )


def configured(text: str) -> dict[str, str]:
    """Read the lines of a configuration file."""
    found = re.findall(r'^\s*([a-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s#]+)', text, re.MULTILINE)
    return {name: str(json.loads(value)) if value.startswith('"') else value for name, value in found}
