"""`supasync account`: what both projects hold besides rows, and what is left to a person."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from supasync_account.inventory import management_api
from supasync_account.inventory.account_inventory import AccountInventory
from supasync_account.inventory.held_besides_rows import HeldBesidesRows
from supasync_account.inventory.management_api import differing, settings_of
from supasync_core.model.secret import Secret
from tests.servers.hosted import OWNER
from tests.supasync_account.accounts import sign_up
from tests.supasync_account.storages import Storages

TOKEN = "sbp_" + "0" * 40


def test_it_counts_and_status_and_the_plan_of_a_switch_remember(both: Storages) -> None:
    both.old.database.paste("delete from auth.users")
    sign_up(both.old.database, 1)
    both.old.bucket("docs")
    both.old.put("docs", "a", b"1" * 1000)
    done = both.space.supasync("account", "--json")
    assert done.code == 0, done.err
    assert done.json["old"]["accounts"] == 1
    assert done.json["old"]["buckets"] == [{"name": "docs", "public": False, "objects": 1, "bytes": 1000}]
    assert done.json["new"] == {"accounts": 0, "buckets": [], "flaws": []}
    assert {each["way"] for each in done.json["items"] if each["copied"]} == {
        "supasync auth sync",
        "supasync storage sync",
    }
    status = both.space.supasync("status").out
    assert "auth users: OLD 1 account, NEW none (seen " in status
    assert "Storage: OLD 1 bucket, 1 object, 1.0 kB, NEW none (seen " in status
    plan = both.space.supasync("cutover", "--plan").out
    assert "account: what OLD has besides rows is known: seen just now: auth users: OLD 1 account" in plan
    for name, end in (("OLD", both.space.old), ("NEW", both.space.new)):
        both.space.environment[f"{name}_DATABASE_URL"] = end.cluster.url(end.database, OWNER)
    assert both.space.supasync("account", "--json").json["old"] == done.json["old"]
    assert "supabase functions download NAME" in both.space.supasync("account").out
    both.old.database.paste("delete from auth.users")


class Management(BaseHTTPRequestHandler):
    """Two projects of the Management API."""

    asked: ClassVar[list[tuple[str, str | None]]] = []
    answers: ClassVar[dict[str, object]] = {
        "old/functions": [{"slug": "mail", "ezbr_sha256": "a"}, {"slug": "pay", "ezbr_sha256": "b"}],
        "new/functions": [{"slug": "mail", "ezbr_sha256": "a"}],
        "old/secrets": [{"name": "STRIPE", "value": "f" * 64}],
        "new/secrets": [],
        "old/config/auth": {"jwt_exp": 3600, "smtp_pass": "hash:1", "site_url": "a", "mfa": {"x": 1}},
        "new/config/auth": {"jwt_exp": 60, "smtp_pass": "hash:2", "site_url": "b", "mfa": {"x": 1}},
        "old/config/storage": {"fileSizeLimit": 1},
        "new/config/storage": {"fileSizeLimit": 2},
    }

    def do_GET(self) -> None:
        """Answer, or 403."""
        self.asked.append((self.path, self.headers["Authorization"]))
        answer = self.answers.get(self.path.removeprefix("/v1/projects/"))
        body = json.dumps(answer).encode()
        self.send_response(403 if answer is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Management)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(management_api, "BASE", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("api")
def test_with_a_token_functions_secrets_and_settings_are_compared() -> None:
    old, new = (settings_of(ref, Secret(TOKEN)) for ref in ("old", "new"))
    assert differing(old, new) == {"config/auth": ["jwt_exp"], "config/storage": ["fileSizeLimit"]}
    nothing = HeldBesidesRows(None, None)
    found = AccountInventory(nothing, nothing, ("old", "new"), (old, new), "")
    lines = {each.what: each for each in found.items}
    assert lines["functions"].line == "functions: OLD 2 (mail, pay), NEW 1 (mail)"
    assert lines["functions"].way == "supabase functions download pay --project-ref old; then deploy them"
    assert lines["secrets of functions"].line == "secrets of functions: OLD 1 (STRIPE), NEW none"
    assert lines["settings (config/auth)"].way.endswith("/project/new/auth/providers")
    assert found.flaws == [f"{ref}: postgrest: HTTP 403: the token may not see it" for ref in ("old", "new")]
    assert "f" * 64 not in json.dumps(found.as_json())
    assert {key for _, key in Management.asked} == {f"Bearer {TOKEN}"}
