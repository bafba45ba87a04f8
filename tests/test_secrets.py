"""Keys stay out of everything that is printed."""

import base64
import copy
import json
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import pytest

from supasync_core.model.secret import Secret, Values, looks_like_key, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl"


@dataclass
class Holder:
    values: Values
    secret: Secret


def holder() -> Holder:
    secret = Secret("tiger")
    return Holder(Values({"url": "https://x", "key": secret}), secret)


def test_a_secret_is_given_to_those_who_ask_for_it() -> None:
    values = holder().values
    assert Secret("tiger").reveal() == "tiger"
    assert values["key"] == "tiger"
    assert dict(values) == {"url": "https://x", "key": "tiger"}


@pytest.mark.parametrize(
    "wrap", [lambda held: held, asdict, copy.deepcopy, replace, lambda held: [held, (held,)]]
)
def test_no_way_of_printing_shows_a_secret(wrap: object) -> None:
    held = wrap(holder())  # type: ignore[operator]
    shown = f"{held} {held!r} %s {json.dumps(vars(holder()), default=str)}" % (held,)
    assert "tiger" not in shown
    assert "***" in shown
    assert "https://x" in shown


def test_a_secret_formats_as_stars_of_the_asked_width() -> None:
    assert f"{Secret('tiger'):>5}|" == "  ***|"


def test_a_secret_has_no_json_form() -> None:
    for thing in (holder().secret, holder().values):
        with pytest.raises(TypeError):
            json.dumps(thing)


def test_a_traceback_with_the_locals_shows_no_secret() -> None:
    held = holder()
    try:
        held.values["kee"]
    except KeyError as err:
        shown = "".join(traceback.TracebackException.from_exception(err, capture_locals=True).format())
        assert "held = " in shown
        assert "tiger" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("apikey: pass w/1", "apikey: ***"),
        ("https://x?apikey=pass%20w%2F1", "https://x?apikey=***"),
        ('{"password": "say \\"hi\\""}', '{"password": "***"}'),
        ("pass w/1longer", "***"),
        ("nothing tiny here", "nothing tiny here"),
        (f"Bearer {JWT}, again {JWT}", "Bearer ***, again ***"),
        ("sb_secret_abc-1 sb_publishable_x sbp_0123456789abcdef0123", "*** *** ***"),
    ],
)
def test_redacted_texts_hold_no_secret(text: str, shown: str) -> None:
    secrets = [Secret(""), Secret("tiny"), Secret("pass w/1"), Secret("pass w/1longer"), Secret('say "hi"')]
    assert redact(text, secrets) == shown


def twice(raw: bytes) -> bytes:
    return base64.b64encode(base64.b64encode(raw))


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "upper": bytes.upper,
    "lower": bytes.lower,
    "swapped": bytes.swapcase,
    "backwards": lambda raw: raw[::-1],
    "base32": base64.b32encode,
    "base32 in lower case": lambda raw: base64.b32encode(raw).lower(),
    "base64 twice": twice,
    "base64 within a text of base64": lambda raw: base64.b64encode(b"k=" + base64.b64encode(raw)),
    "base64 broken over lines": lambda raw: base64.encodebytes(base64.b64encode(raw)),
    "hexadecimal": lambda raw: raw.hex().swapcase().encode(),
    "percent": lambda raw: b"".join(b"%%%02x" % each for each in raw.swapcase()),
}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("key", ["sb_secret_Invented0Invented1Invented2", JWT, "aPass/Word+of~24 letters"])
def test_no_common_way_of_writing_a_key_shows_it(key: str, name: str, before: str) -> None:
    form = FORMS[name]
    inside = len(before) if name.startswith("base") else 0  # what stands before moves these
    said = form((before[:inside] + key).encode()).decode()
    shown = redact(f"error: {before[inside:]}<{said}> at 1", [Secret(key)])
    assert key.lower() not in shown.lower()
    for start in range(len(said) - 12):
        assert said[start : start + 12] not in shown


def test_a_secret_in_another_case_hides_nothing_beside_it() -> None:
    assert redact("\u0130: PASS W/1, \u0130 pass", [Secret("pass w/1")]) == "\u0130: ***, \u0130 pass"


@pytest.mark.parametrize(
    "text", ["sb_secret_x", f"https://x?key={JWT}", "sb_publishable_1", "sbp_" + "0" * 40]
)
def test_keys_are_known_by_their_shape(text: str) -> None:
    assert looks_like_key(text)


@pytest.mark.parametrize(
    "text", ["updated_at", "${SUPABASE_KEY}", "sb_secret", "eyJ", "sbp_table", "heyJude"]
)
def test_names_are_not_taken_for_keys(text: str) -> None:
    assert not looks_like_key(text)
