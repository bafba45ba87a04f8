"""How requests travel: headers, methods, retries, costs, and what never leaves."""

import logging
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from ssl import SSLCertVerificationError

import pytest
from urllib3.exceptions import SSLError

from supasync_core.api.installed import GROUP
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Context
from supasync_core.api.retries import heard_by
from supasync_core.model.batch import Batch, Keyset, Span, Window
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import LockedError, RefusedError, SupasyncError, TransientError
from supasync_core.model.table import Table
from supasync_rest.client import Client
from supasync_rest.messages import Request
from supasync_rest.source import RestSource
from tests.postgrest.launch import legacy_key
from tests.servers.postgres import free_port
from tests.supasync_rest.rig import KEY, Rig

JOBS = Table(name="jobs")
WINDOW = Window((Span(Keyset(None)),), 50)
ONE = Batch(b'[{"id":1}]')


def headers_of(key: str) -> dict[str, str]:
    context = Context({"url": "https://abc.supabase.co", "key": key}, Path(), Ledger(), "OLD")
    client = Client(context, ("GET",))
    client.close()
    return {name.lower(): text for name, text in client._transport.headers.items()}  # noqa: SLF001 - what would be sent


def test_a_secret_key_travels_in_apikey_alone() -> None:
    headers = headers_of(KEY)
    assert headers["apikey"] == KEY
    assert "authorization" not in headers


def test_a_legacy_key_travels_in_both_headers() -> None:
    key = legacy_key("service_role")
    headers = headers_of(key)
    assert (headers["apikey"], headers["authorization"]) == (key, f"Bearer {key}")


def test_we_say_who_we_are_and_take_gzip() -> None:
    headers = headers_of(KEY)
    assert headers["user-agent"].startswith("supasync/")
    assert "Mozilla" not in headers["user-agent"]
    assert headers["accept-encoding"] == "gzip"


def test_a_legacy_key_reads(project: Rig) -> None:
    project.key = legacy_key("service_role")
    assert project.source().count(JOBS) == 0


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_a_source_sends_nothing_but_get_and_head(project: Rig, method: str) -> None:
    client = project.source()._client  # noqa: SLF001 - the seam that holds the promise
    with pytest.raises(RefusedError, match="only read"):
        client.send(Request(method=method, path="/jobs", purpose="x"), lambda answer: answer)
    assert project.server.requests() == []


def test_a_redirect_is_not_followed(project: Rig) -> None:
    target = f"http://127.0.0.1:{free_port()}/"
    project.server.misbehave({"kind": "redirect", "location": target})
    with pytest.raises(RefusedError, match="not followed"):
        project.source().count(JOBS)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 520, 524, 544])
def test_what_may_pass_is_tried_again(project: Rig, status: int) -> None:
    fault = {"kind": "answer", "status": status, "headers": {"Retry-After": "0"}, "times": 2}
    for ask in (
        lambda: project.source().read(JOBS, WINDOW),
        lambda: project.source().count(JOBS),
        lambda: project.sink().upsert(JOBS, ONE),
    ):
        project.server.reset()
        project.server.misbehave(fault)
        ask()
        assert len(project.server.requests()) == 3
    assert min(project.waits) >= 1


def test_each_wait_is_said_before_it_and_what_it_is_for(project: Rig) -> None:
    said: list[str] = []
    busy = {"kind": "answer", "status": 503, "headers": {"Retry-After": "9"}, "times": 2}
    project.server.misbehave(busy, {"kind": "reset-after", "method": "POST", "times": 1})
    with heard_by(lambda wait: said.append(wait.sentence)):
        project.source().count(JOBS)
        project.sink().upsert(JOBS, ONE)
    lost, again = said[2:]
    assert said[:2] == [f"OLD answered 503; retry {number} of 4 in 9 s" for number in (1, 2)]
    assert lost.startswith("NEW did not answer (")
    assert lost.endswith("; the write may still take effect: waiting 20 s")
    assert "; retry 1 of 4 in " in again
    assert KEY not in "".join(said)


def test_a_write_is_not_repeated_under_a_lease_that_has_ended_meanwhile(project: Rig) -> None:
    answers = iter([None, LockedError("another run has it")])

    def ask() -> None:
        if error := next(answers):
            raise error

    project.fence.ask = ask
    project.server.misbehave({"kind": "answer", "status": 503, "times": None})
    with pytest.raises(LockedError):
        project.sink().upsert(JOBS, ONE)
    assert len(project.server.requests()) == 1


def test_a_write_whose_answer_was_lost_is_noted_and_a_read_is_not(project: Rig) -> None:
    lost: list[str] = []
    project.fence.lost = lambda: lost.append("lost")
    project.server.misbehave({"kind": "reset-after", "times": 1})
    project.source().count(JOBS)
    assert lost == []
    project.server.misbehave({"kind": "reset-after", "method": "POST", "times": 1})
    project.sink().upsert(JOBS, ONE)
    assert lost == ["lost"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 540])
def test_what_will_not_pass_is_not_tried_again(project: Rig, status: int) -> None:
    project.server.misbehave({"kind": "answer", "status": status, "times": None})
    with pytest.raises(SupasyncError) as caught:
        project.sink().upsert(JOBS, ONE)
    assert not isinstance(caught.value, TransientError)
    assert len(project.server.requests()) == 1
    assert project.waits == []


def test_waits_grow_and_end(project: Rig) -> None:
    project.server.misbehave({"kind": "answer", "status": 503, "times": None})
    with pytest.raises(TransientError, match="jobs: OLD failed"):
        project.source().read(JOBS, WINDOW)
    assert len(project.waits) == 4
    assert project.waits == sorted(project.waits)
    assert sum(project.waits) < 30


def test_retry_after_is_honoured(project: Rig) -> None:
    project.server.misbehave({"kind": "answer", "status": 429, "headers": {"Retry-After": "17"}})
    project.source().count(JOBS)
    assert project.waits == [17]


def test_who_asks_for_too_long_a_wait_is_not_asked_again(project: Rig) -> None:
    project.server.misbehave({"kind": "answer", "status": 429, "headers": {"Retry-After": "3600"}})
    with pytest.raises(TransientError, match="slow down"):
        project.source().count(JOBS)
    assert project.waits == []


def test_nobody_there_is_said_after_patience(project: Rig) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    context = replace(project.context("OLD"), settings={"url": url, "key": KEY})
    reached = pytest.raises(TransientError, match="OLD cannot be reached")
    with closing(RestSource(context, project.retry_policy)) as source, reached as caught:
        source.count(JOBS)
    assert caught.value.table is None
    assert project.ledger.total("OLD").requests == 5
    assert project.ledger.total("OLD").sent + project.ledger.total("OLD").received == 0


def test_every_request_is_counted_with_its_wire_bytes(project: Rig) -> None:
    project.run("insert into jobs select i, now(), now(), 1, null from generate_series(1, 50) i")
    project.server.misbehave({"kind": "answer", "method": "GET", "status": 503, "body": "busy"})
    source, sink = project.source(), project.sink()
    page = source.read(JOBS, WINDOW)
    source.count(JOBS)
    sink.upsert(JOBS, page)
    costs = project.ledger.as_json()
    assert {purpose: cost["requests"] for purpose, cost in costs["OLD"].items()} == {"count": 1, "read": 2}
    assert {purpose: cost["requests"] for purpose, cost in costs["NEW"].items()} == {"upsert": 1}
    assert costs["NEW"]["upsert"]["sent"] > len(page.body)
    seen = sum(request["bytes_out"] for request in project.server.requests())
    assert seen < costs["OLD"]["read"]["received"] + costs["OLD"]["count"]["received"] < seen + 2000


def test_a_key_that_an_answer_repeats_is_not_told(project: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = f'{{"message":"bad key {KEY}"}}'
    project.server.misbehave({"kind": "answer", "status": 401, "body": body})
    with pytest.raises(RefusedError) as caught:
        project.source().read(JOBS, WINDOW)
    assert "bad key ***" in str(caught.value)
    assert KEY not in f"{caught.value!r} {caught.value.hint} {caplog.text}"


def test_a_row_that_holds_the_key_is_copied_as_it_is(project: Rig) -> None:
    project.run(f"insert into pairs values (1, '{KEY}', null)")  # noqa: S608
    page = project.source().read(Table(name="pairs", key=("tenant", "code")), WINDOW)
    assert page.rows[0]["code"] == KEY


def test_the_plugin_is_light_until_a_project_is_opened() -> None:
    code = "import supasync_rest, sys; print([m for m in ('urllib3', 'tenacity') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_backends_open_through_the_public_hooks(project: Rig) -> None:
    host = Host()
    host.load_installed(point for point in entry_points(group=GROUP) if point.name == "rest")
    assert [loaded.error for loaded in host.loaded] == [None]
    for registry in (host.sources, host.sinks, host.state_stores):
        backend = registry.get("rest")
        assert backend.ref(project.context()) == project.server.url.removeprefix("http://").partition("/")[0]
        assert [name for name, setting in backend.settings.items() if setting.secret] == ["key"]
    with closing(host.sources.get("rest").open(project.context("OLD"))) as source:
        assert source.count(JOBS) == 0
    with closing(host.sinks.get("rest").open(project.context())) as sink:
        assert sink.upsert(JOBS, ONE) == 1
    with closing(host.state_stores.get("rest").open(project.context())) as store:
        assert store.past(1).state is None


def test_somebody_elses_certificate_is_refused_at_once(project: Rig) -> None:
    context = replace(project.context("OLD"), settings={"url": "https://127.0.0.1:1", "key": KEY})
    client = Client(context, ("GET",), project.retry_policy)
    error = SSLError(SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"))
    with closing(client):
        told = client._unanswered(Request(method="GET", path="/", purpose="x"), error)  # noqa: SLF001
    assert isinstance(told, RefusedError)
