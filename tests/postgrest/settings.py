"""What one server is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field

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

    @property
    def is_13(self) -> bool:
        """Tell whether to answer as 13.0.8, bugs included."""
        return self.version.startswith("13.")
