"""What is wrong with an address or a key is said before the first request."""

import json
from base64 import urlsafe_b64encode

import pytest

from supasync_core.system.addresses import host_of
from supasync_rest.url_and_key import key_problem, origin, url_problem
from tests.postgrest.launch import legacy_key


def token(claims: object) -> str:
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmF0dXJl"


@pytest.mark.parametrize("key", ["sb_secret_abc123_x", legacy_key("service_role")])
def test_secret_and_service_role_keys_are_taken(key: str) -> None:
    assert key_problem(key) is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("sb_publishable_abc", "is the publishable key: row level security would hide rows"),
        (legacy_key("anon"), "role anon, not service_role: row level security would hide rows"),
        (legacy_key("authenticated"), "role authenticated, not service_role"),
        (token({}), "role anon"),
        (token({"role": 7}), "role 7"),
        (token(["service_role"]), "neither a secret key nor a service_role key"),
        ("sbp_0123456789", "personal access token of the Management API"),
        ("hunter2-hunter2", "neither a secret key nor a service_role key"),
        ("a.b.c", "neither a secret key nor a service_role key"),
        ("a.é.c", "blanks or other characters"),
        ("sb_secret_abc\n", "blanks or other characters"),
        ("sb_secret abc", "blanks or other characters"),
    ],
)
def test_a_key_that_rls_blinds_or_that_is_none_is_refused(key: str, said: str) -> None:
    problem = key_problem(key)
    assert problem is not None
    assert said in problem
    assert "Project Settings -> API keys" in problem


@pytest.mark.parametrize(
    "key", ["sb_publishable_abc", "hunter2-hunter2", legacy_key("anon"), "sb_secret abc"]
)
def test_a_refused_key_is_never_repeated(key: str) -> None:
    assert key not in str(key_problem(key))


@pytest.mark.parametrize(
    ("url", "plain", "ref"),
    [
        ("https://abc.supabase.co", "https://abc.supabase.co", "abc.supabase.co"),
        (" https://ABC.supabase.co/ ", "https://abc.supabase.co", "abc.supabase.co"),
        ("https://abc.supabase.co:443/rest/v1/", "https://abc.supabase.co", "abc.supabase.co"),
        ("https://api.example.com:8443/rest/v1", "https://api.example.com:8443", "api.example.com:8443"),
        ("http://127.0.0.1:54321", "http://127.0.0.1:54321", "127.0.0.1:54321"),
        ("http://[::1]:54321/", "http://[::1]:54321", "[::1]:54321"),
        ("http://localhost:80", "http://localhost", "localhost"),
    ],
)
def test_every_spelling_of_an_address_is_one_project(url: str, plain: str, ref: str) -> None:
    assert url_problem(url) is None
    assert (origin(url), host_of(url)) == (plain, ref)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "must be the project's address"),
        ("abc.supabase.co", "must be the project's address"),
        ("postgresql://db.abc.supabase.co", "must be the project's address"),
        ("http://abc.supabase.co", "must begin with https://"),
        ("http://127.0.0.1.example.com", "must begin with https://"),
        ("https://user:pass@abc.supabase.co", "user or password"),
        ("https://supabase.com/dashboard/project/abc", "must end after the host: https://supabase.com"),
        ("https://abc.supabase.co/?apikey=x", "must end after the host"),
        ("https://abc.supabase.co:x", "is not an address"),
    ],
)
def test_an_address_that_would_leak_or_fail_is_refused(url: str, said: str) -> None:
    problem = url_problem(url)
    assert problem is not None
    assert said in problem
