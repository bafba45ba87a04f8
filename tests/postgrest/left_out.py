"""Recorded exchanges that are run but not compared, by name, with the reason.

Nothing is left out because of PostgreSQL: the bundled major words every recorded error as 15 does.
"""

REASONS: dict[str, tuple[str, ...]] = {
    "embedded resources: supasync reads one table at a time": (
        "read-embed-many-to-one",
        "read-embed-one-to-many",
        "read-embed-unknown",
    ),
}

LEFT_OUT = {name: reason for reason, names in REASONS.items() for name in names}
