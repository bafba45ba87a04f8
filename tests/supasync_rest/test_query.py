"""Windows as PostgREST query strings."""

from urllib.parse import unquote

import pytest

from supasync_core.model.batch import Cursor, Keyset, Span, Window
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_rest import query

USERS = Table(name="users", timestamp=("updated_at", "created_at"))
PAIRS = Table(name="pairs", key=("tenant", "code"))
UPDATED = Keyset("updated_at")
CREATED = Keyset("created_at", ("updated_at",))
REST = Keyset(None, ("updated_at", "created_at"))
BY_KEY = Keyset(None)
ODD = Table(name="Odd, one", key=("unit.price",), timestamp=("order",))
T = "2024-01-01T00:00:00.1+00:00"
U = "2024-01-02T00:00:00Z"


def asked(table: Table, *spans: Span, limit: int = 9) -> str:
    return unquote(query.page(table, Window(spans, limit)))


@pytest.mark.parametrize(
    ("table", "spans", "expected"),
    [
        (USERS, [Span(UPDATED)], "/users?and=(updated_at.not.is.null)&order=updated_at.asc,id.asc&limit=9"),
        (
            USERS,
            [Span(UPDATED, start=T)],
            f'/users?and=(updated_at.gte."{T}")&order=updated_at.asc,id.asc&limit=9',
        ),
        (
            USERS,
            [Span(UPDATED, beyond=T, until=U)],
            f'/users?and=(updated_at.gt."{T}",updated_at.lte."{U}")&order=updated_at.asc,id.asc&limit=9',
        ),
        (
            USERS,
            [Span(UPDATED, after=Cursor(T, ("5",)))],
            (
                f'/users?and=(updated_at.gte."{T}",or(updated_at.gt."{T}",and(updated_at.eq."{T}",id.gt."5")))'
                "&order=updated_at.asc,id.asc&limit=9"
            ),
        ),
        (
            USERS,
            [Span(UPDATED, after=Cursor(T))],
            f'/users?and=(updated_at.gte."{T}")&order=updated_at.asc,id.asc&limit=9',
        ),
        (
            USERS,
            [Span(CREATED, start=T)],
            f'/users?and=(updated_at.is.null,created_at.gte."{T}")&order=created_at.asc,id.asc&limit=9',
        ),
        (USERS, [Span(UPDATED), Span(CREATED), Span(REST)], "/users?order=updated_at.asc,id.asc&limit=9"),
        (USERS, [Span(BY_KEY)], "/users?order=id.asc&limit=9"),
        (
            USERS,
            [Span(UPDATED), Span(CREATED)],
            (
                "/users?or=(updated_at.not.is.null,and(updated_at.is.null,created_at.not.is.null))"
                "&order=updated_at.asc,id.asc&limit=9"
            ),
        ),
        (
            USERS,
            [Span(UPDATED, start=T), Span(CREATED, start=U), Span(REST)],
            (
                f'/users?or=(updated_at.gte."{T}",and(updated_at.is.null,created_at.gte."{U}"),'
                "and(updated_at.is.null,created_at.is.null))&order=updated_at.asc,id.asc&limit=9"
            ),
        ),
        (
            PAIRS,
            [Span(BY_KEY, after=Cursor(None, ("1", 'a"\\,b')))],
            (
                '/pairs?and=(tenant.gte."1",or(tenant.gt."1",and(tenant.eq."1",code.gt."a\\"\\\\,b")))'
                "&order=tenant.asc,code.asc&limit=9"
            ),
        ),
        (
            ODD,
            [Span(Keyset("order"), after=Cursor(T, ("0.125",)))],
            (
                f'/Odd, one?and=(order.gte."{T}",or(order.gt."{T}",and(order.eq."{T}",'
                '"unit.price".gt."0.125")))&order=order.asc,"unit.price".asc&limit=9'
            ),
        ),
    ],
)
def test_a_window_is_this_query(table: Table, spans: list[Span], expected: str) -> None:
    assert asked(table, *spans) == expected


def test_names_and_values_travel_percent_encoded() -> None:
    found = query.page(ODD, Window((Span(Keyset("größe"), start="a+b &=%\n#"),), 1))
    assert found == (
        "/Odd%2C%20one?and=(%22gr%C3%B6%C3%9Fe%22.gte.%22a%2Bb%20%26%3D%25%0A%23%22)"
        "&order=%22gr%C3%B6%C3%9Fe%22.asc,%22unit.price%22.asc&limit=1"
    )


def test_columns_are_selected_by_name_quoted_where_they_have_to_be() -> None:
    page = query.page(Table(name="t"), Window((Span(BY_KEY),), 9), ("id", "price, net", "not"))
    assert unquote(page) == '/t?select=id,"price, net","not"&order=id.asc&limit=9'


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        ("expires_at=gte.2024-01-01", "expires_at=gte.2024-01-01"),
        ("a=gt.1&or=(b.eq.2,c.is.null)", "a=gt.1&or=(b.eq.2,c.is.null)"),
        ("at=gte.2024-01-01T00:00:00+02:00", "at=gte.2024-01-01T00:00:00%2B02:00"),
        ("at=gte.2024-01-01T00:00:00%2B02:00", "at=gte.2024-01-01T00:00:00%2B02:00"),
        ('"unit.price"=gt.1', "%22unit.price%22=gt.1"),
        ("name=like.50% off*", "name=like.50%25%20off*"),
        ("name=eq.größe#1", "name=eq.gr%C3%B6%C3%9Fe%231"),
    ],
)
def test_the_users_filter_is_added_encoded_once(where: str, sent: str) -> None:
    assert query.page(Table(name="t", where=where), Window((Span(BY_KEY),), 1)).endswith(f"&limit=1&{sent}")


@pytest.mark.parametrize("where", ["limit=5", "a=eq.1&order=b", "select=id", "a > 1", "a=eq.1&"])
def test_a_filter_that_is_none_is_refused(where: str) -> None:
    with pytest.raises(SchemaError, match="is not a filter"):
        query.user_filter(Table(name="t", where=where))


def test_a_count_has_the_filters_of_its_window_and_no_order() -> None:
    table = Table(name="t", where="a=eq.1")
    window = Window((Span(UPDATED, start=U),), 50)
    assert unquote(query.counting(table, window)) == f'/t?select=id&and=(updated_at.gte."{U}")&limit=1&a=eq.1'
    assert query.counting(table, None) == "/t?select=id&limit=1&a=eq.1"


def test_a_window_by_key_begins_behind_its_key_whatever_its_spans_are() -> None:
    """The key stands outside of the alternatives, so that PostgreSQL begins there in the key's index."""
    after = Cursor(None, ("5",))
    spans = (
        Span(UPDATED, start=T, after=after),
        Span(CREATED, beyond=U, after=after),
        Span(REST, after=after),
    )
    alternatives = (
        f'and(updated_at.gte."{T}"),and(updated_at.is.null,created_at.gt."{U}"),'
        "and(updated_at.is.null,created_at.is.null)"
    ).replace(f'and(updated_at.gte."{T}")', f'updated_at.gte."{T}"')
    assert unquote(query.page(USERS, Window(spans, 9, by_key=True))) == (
        f'/users?and=(id.gt."5")&or=({alternatives})&order=id.asc&limit=9'
    )
