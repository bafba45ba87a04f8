"""The contenders, each a process of its own: ``python -m benchmarks.rivals NAME task.json``."""

import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

OLD_KEY = "sb_secret_for_benchmarks_old"
NEW_KEY = "sb_secret_for_benchmarks_new"
PAGE = 1000


def naive(task: dict[str, Any]) -> None:
    """The script that one writes first: supabase-py, OFFSET pages, dicts, rows sent back."""
    from supabase import create_client

    old, new = create_client(task["old"], OLD_KEY), create_client(task["new"], NEW_KEY)
    requests = 0
    for table in task["tables"]:
        offset = 0
        while True:
            query = old.table(table).select("*").order("updated_at").order("id")
            if task["since"]:
                query = query.gt("updated_at", task["since"])
            rows = query.range(offset, offset + PAGE - 1).execute().data
            requests += 1
            if rows:
                new.table(table).upsert(rows).execute()
                requests += 1
            if len(rows) < PAGE:
                break
            offset += PAGE
    print(json.dumps({"requests": requests}))


def keyed(task: dict[str, Any]) -> None:
    """The best script that one writes by hand: pages by primary key, whose bytes are sent on as they came."""
    import urllib3

    old = {"apikey": OLD_KEY, "Accept-Encoding": "gzip"}
    new = {
        "apikey": NEW_KEY,
        "Content-Type": "application/json",
        "Prefer": "resolution=merge-duplicates,return=minimal",
    }
    with urllib3.PoolManager(retries=_again()) as client:
        for table in task["tables"]:
            behind = ""
            while True:
                path = f"{task['old']}/rest/v1/{table}?order=id.asc&limit={PAGE}{behind}"
                body = _well(client.request("GET", path, headers=old, timeout=60))
                rows = json.loads(body)
                if not rows:
                    break
                query = urlencode({"on_conflict": "id", "columns": ",".join(rows[0])})
                address = f"{task['new']}/rest/v1/{table}?{query}"
                _well(client.request("POST", address, body=body, headers=new, timeout=60))
                behind = f"&id=gt.{rows[-1]['id']}"


def get(task: dict[str, Any]) -> None:
    """Every page once, kept for `post`: what OLD's server can do."""
    import urllib3

    keep = Path(task["bodies"])
    headers = {"apikey": OLD_KEY, "Accept-Encoding": "gzip"}
    with urllib3.PoolManager(headers=headers, maxsize=task["connections"], retries=_again()) as client:

        def fetch(item: tuple[str, int, str]) -> None:
            table, number, path = item
            body = _well(client.request("GET", f"{task['old']}/rest/v1{path}", timeout=60))
            if not (keep / f"{table}-{number}.json").exists():
                (keep / f"{table}-{number}.json").write_bytes(body)

        _levels(task, fetch)


def post(task: dict[str, Any]) -> None:
    """Every page written once: what NEW's server can do."""
    import urllib3

    headers = {
        "apikey": NEW_KEY,
        "Content-Type": "application/json",
        "Prefer": "resolution=merge-duplicates,return=minimal",
    }
    with urllib3.PoolManager(headers=headers, maxsize=task["connections"], retries=_again()) as client:

        def send(item: tuple[str, int, str]) -> None:
            table, number, _ = item
            body = (Path(task["bodies"]) / f"{table}-{number}.json").read_bytes()
            columns = ",".join(json.loads(body)[0]) if number == 0 else known[table]
            known[table] = columns
            query = urlencode({"on_conflict": "id", "columns": columns})
            address = f"{task['new']}/rest/v1/{table}?{query}"
            _well(client.request("POST", address, body=body, timeout=60))

        known: dict[str, str] = {}
        for table in task["tables"]:
            first = Path(task["bodies"]) / f"{table}-0.json"
            known[table] = ",".join(json.loads(first.read_bytes())[0]) if first.exists() else ""
        _levels(task, send)


def _again() -> Any:  # noqa: ANN401 - of urllib3, which each contender imports itself
    """What a server stumbles over that is only just starting is asked again."""
    import urllib3

    return urllib3.Retry(3, status_forcelist=(500,), allowed_methods=None)


def _well(answer: Any) -> bytes:  # noqa: ANN401 - of urllib3, which each contender imports itself
    """The body of a success."""
    if answer.status >= 300:
        raise RuntimeError(f"{answer.status}: {answer.data[:200]!r}")
    return bytes(answer.data)


def both(task: dict[str, Any]) -> None:
    """Every page fetched and, at the same time, every page written: what both servers can do at once."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(each, task) for each in (get, post)]:
            done.result()


def copy(task: dict[str, Any]) -> None:
    """COPY from one database into the other, without any server in between."""
    import psycopg

    with psycopg.connect(task["old_database"]) as old, psycopg.connect(task["new_database"]) as new:
        for table in task["tables"]:
            with (
                old.cursor().copy(f"copy public.{table} to stdout (format binary)") as out,
                new.cursor().copy(f"copy public.{table} from stdin (format binary)") as into,
            ):
                for block in out:
                    into.write(block)


def _levels(task: dict[str, Any], work: Callable[[tuple[str, int, str]], None]) -> None:
    """All pages on so many connections; those of a table once its parents are through."""
    waiting = list(task["tables"])
    done: set[str] = set()
    with ThreadPoolExecutor(task["connections"]) as pool:
        while waiting:
            ready = [name for name in waiting if done.issuperset(task["after"][name])]
            for _ in pool.map(work, _items(task, ready)):
                pass
            done.update(ready)
            waiting = [name for name in waiting if name not in done]


def _items(task: dict[str, Any], tables: Iterable[str]) -> list[tuple[str, int, str]]:
    return [(table, i, path) for table in tables for i, path in enumerate(task["pages"][table])]


if __name__ == "__main__":
    rival = {"naive": naive, "keyed": keyed, "get": get, "post": post, "both": both, "copy": copy}[
        sys.argv[1]
    ]
    rival(json.loads(Path(sys.argv[2]).read_text()))
