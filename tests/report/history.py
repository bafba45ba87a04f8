"""A month of runs, written into the records of a DuckDB file as runs would have left them."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

TABLES = ("users", "jobs", "sessions", "usage_logs", "ad_sessions")


def add_history(sink: Path, now: datetime, days: int = 30, *, seed: int = 7) -> None:
    """Hourly runs of the last days before ``now``: a growing OLD, some failures, and what they cost."""
    chance = random.Random(seed)  # noqa: S311 - the same history each time
    rows = []
    for hour in range(days * 24, 0, -2):
        began = now - timedelta(hours=hour)
        age = days - hour / 24
        status = chance.choices(["success", "partial", "failed"], [90, 6, 4])[0]
        synced = {name: chance.randrange(200) if status != "failed" else 0 for name in TABLES}
        seconds = 4 + chance.random() * 6
        details = {
            "tables": {
                name: {
                    "status": "failed" if status != "success" and name == "jobs" else "ok",
                    "synced": count,
                }
                for name, count in synced.items()
            },
            "costs": {
                "OLD": {
                    "read": {"requests": 8, "sent": 9_000, "received": chance.randrange(4_000_000, 9_000_000)}
                },
                "NEW": {"write": {"requests": 14, "sent": 4_000_000, "received": 60_000}},
            },
            "database_bytes": {"OLD": round(300e6 + 4.2e6 * age + chance.random() * 1e6)},
            "seconds": seconds,
        }
        error = None if status == "success" else "jobs: duplicate key value (email)=(alice@example.test)"
        ended = began + timedelta(seconds=seconds)
        rows.append(
            (
                f"run-{hour}",
                _text(began),
                status,
                sum(synced.values()),
                error,
                _text(ended),
                json.dumps(details),
            )
        )
    with duckdb.connect(str(sink)) as connection:
        shift = len(rows)
        connection.execute(f"update sync_metadata set number = number + {shift}")  # noqa: S608
        connection.executemany(
            "insert into sync_metadata (number, run_id, created_at, sync_status, records_synced,"
            " error_message, command, finished_at, requests, bytes, details)"
            " select ?, ?, ?, ?, ?, ?, 'sync', ?, 22, 6000000, ?",
            [(number, *row) for number, row in enumerate(rows, 1)],
        )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
