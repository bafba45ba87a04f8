"""What OLD's function answers about accounts is one thing: what is decided by is what is written."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from supasync_account.auth import account_side
from supasync_account.auth.account_calls import FunctionDoor
from supasync_account.auth.account_columns import AccountColumns, AccountTable, remembered
from supasync_account.auth.account_door import Step, Terms
from supasync_account.auth.account_queries import QUERIES
from supasync_account.auth.account_refusal import no_values
from supasync_account.auth.account_scripts import VERSION
from supasync_account.auth.account_side import AccountSide
from supasync_account.auth.session_copy import SessionCopy
from supasync_core.model.errors import SchemaError, SlowQueryError, TransientError
from tests.supasync_account.accounts import number

USERS = ("email", "id", "is_sso_user", "phone", "raw_user_meta_data")
IDENTITIES = ("id", "identity_data", "provider", "provider_id", "user_id")
COLUMNS = AccountColumns(
    AccountTable("users", USERS, (), frozenset(USERS), ()),
    (AccountTable("identities", IDENTITIES, (), frozenset(IDENTITIES), ()),),
)
ID, OTHER = number(2), number(7)
MARK = "0" * 32
TOKEN = ("token", "session_id", "revoked")
USER = ["u2@example.test", ID, "false", None, '{"n": 1.10}']
IDENTITY = ["1", "{}", "email", ID, ID]


def page(*users: object, identities: object = (IDENTITY,), **envelope: object) -> dict[str, Any]:
    """A row of the answer, whose texts hold these users and these identities."""
    return {
        "id": ID,
        "email": "u2@example.test",
        "phone": None,
        "sso": False,
        "mark": MARK,
        "flaws": [],
        "user_row": ", ".join(map(json.dumps, users or (USER,))),
        "owned": [json.dumps(identities)],
        **envelope,
    }


class Side:
    """A project whose function answers that, or what that returns; marks that were asked for are there."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = answers

    def function(self, _name: str, asked: Mapping[str, Any], _purpose: str) -> object:
        found = (self.answers.get(query, []) for query, *_ in asked["steps"])
        answers = [each() if callable(each) else each for each in found]
        return {"version": VERSION, "tables": ["users", "identities"], "answers": answers}


def side(**answers: object) -> AccountSide:
    return AccountSide.of(FunctionDoor(Side(answers), "OLD"), COLUMNS)


def test_an_account_keeps_every_digit_of_its_texts() -> None:
    [[account]] = side(accounts=[page()]).accounts([ID])
    assert json.loads(account.user) == USER
    assert json.loads(account.owned[0]) == [IDENTITY]


@pytest.mark.parametrize(
    "row",
    [
        page(USER, ["a@new.test", OTHER, "false", None, "{}"]),
        page(["u2@example.test", OTHER, "false", None, "{}"]),
        page(["admin@new.test", ID, "false", None, "{}"]),
        page(["u2@example.test", ID, "true", None, "{}"]),
        page(["u2@example.test", ID, "false", "49", "{}"]),
        page([*USER, None]),
        page(USER[:-1]),
        page([[*USER]]),
        page([*USER[:-1], 1]),
        page(dict(enumerate(USER))),
        page(user_row="]"),
        page(user_row='["\\ud800"]'),
        page(user_row="[" * 9000),
        page(identities=[["1", "{}", "email", ID, OTHER]]),
        page(identities=[IDENTITY, [*IDENTITY[:-1], None]]),
        page(identities=[IDENTITY[:-1]]),
        page(identities=None),
        page(owned=[]),
        page(owned=["[]", "[]"]),
        page(owned=['[], ["1", "{}", "email", "x", null]']),
    ],
)
def test_rows_that_are_not_those_of_their_account_are_refused(row: object) -> None:
    with pytest.raises(SchemaError, match=f"rows that are not those of the account {ID}"):
        list(side(accounts=[row]).accounts([ID]))


@pytest.mark.parametrize(
    "rows",
    [
        [page(id=OTHER)],
        [page(), page()],
        [page(id=number(3)), page()],
    ],
)
def test_accounts_that_were_not_asked_for_are_refused(rows: object) -> None:
    with pytest.raises(SchemaError, match="accounts that were not asked for"):
        list(side(accounts=rows).accounts([ID, number(3)]))
    found = side(
        marks=[{"id": OTHER, "mark": MARK}],
        marks_of=[{"id": OTHER, "mark": MARK}],
        closed=[{"id": OTHER, "banned": "2999-01-01 00:00:00+00", "deleted": False}],
        contacts=[{"id": OTHER, "email": None, "phone": None, "identities": None}],
        sums=[{"part": "00", "accounts": 1, "digest": MARK}] * 2,
    )
    for asked in (
        lambda: found.marks(["02"], {}),
        lambda: found.marks_of([ID]),
        lambda: found.closed([ID]),
        lambda: found.contacts([ID]),
        found.sums,
    ):
        with pytest.raises(SchemaError, match="accounts that were not asked for"):
            asked()


def test_a_list_of_fewer_accounts_than_the_project_counts_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account_side, "PAUSE", 0)
    old = side(ids=[{"id": ID}], number=[{"accounts": 2}])
    with pytest.raises(TransientError, match="counts 2 accounts and lists 1 of them"):
        old.ids()
    sums = [{"part": "02", "accounts": 1, "digest": MARK}, {"part": "07", "accounts": 1, "digest": MARK}]
    old = side(marks=[{"id": ID, "mark": MARK}], sums=sums)
    with pytest.raises(TransientError, match="counts 2 accounts and lists 1 of them"):
        old.marks(["02", "07"], old.sums())
    gone = side(marks=[{"id": ID, "mark": MARK}], sums=sums[:1])  # the other one was deleted meanwhile
    assert gone.marks(["02", "07"], old.sums()) == {ID: MARK}


@pytest.mark.parametrize("numbers", [range(1, 9), range(8, 0, -1)])
def test_accounts_that_come_or_go_between_two_questions_keep_no_copy_from_its_begin(numbers: range) -> None:
    """Each question finds one account more, or one less, than the one before it."""
    left = iter(numbers)

    def ids() -> list[dict[str, str]]:
        return [{"id": number(each)} for each in range(next(left))]

    old = side(ids=ids, number=lambda: [{"accounts": next(left)}])
    assert len(old.ids()) == numbers[1]
    sums = [{"part": part, "accounts": 1, "digest": MARK} for part in ("00", "02", "07")]
    marks = [{"id": ID, "mark": MARK}]
    old = side(marks=marks, sums=sums[1:])  # one was deleted, and another one came
    assert old.marks(["02", "07"], {"00": old.sums()["02"]}) == {ID: MARK}


def test_accounts_that_are_there_and_not_handed_over_are_counted() -> None:
    theirs = page(["u2@example.test", OTHER, "false", None, "{}"], identities=[], id=OTHER)
    for rows, handed, withheld in (([], [], [ID, OTHER]), ([theirs], [OTHER], [ID])):
        old = side(accounts=rows, marks_of=[{"id": each, "mark": MARK} for each in withheld])
        found = [each.id for batch in old.accounts([ID, number(3), OTHER]) for each in batch]
        assert (found, old.withheld) == (handed, withheld)


class Slow(Side):
    """It takes too long wherever one of these accounts is asked for, and says of each other that."""

    def __init__(self, slow: Iterable[str], rows: Mapping[str, object]) -> None:
        self.slow, self.rows = set(slow), rows
        self.sizes: list[int] = []

    def function(self, _name: str, asked: Mapping[str, Any], _purpose: str) -> object:
        [(query, _, [ids, *_more])] = asked["steps"]
        self.sizes.append(len(ids))
        if self.slow.intersection(ids):
            raise SlowQueryError("too long")
        self.answers = {query: [self.rows[each] for each in ids if each in self.rows]}
        return super().function(_name, asked, _purpose)


def test_an_account_that_is_too_large_or_takes_too_long_stops_no_other() -> None:
    ids = [number(user) for user in range(1, 8)]
    rows = {ID: page(), OTHER: page(id=OTHER, user_row=None)}
    old = AccountSide.of(FunctionDoor(Slow(ids[2:5], rows), "OLD"), COLUMNS)
    found = [each.id for batch in old.accounts([ID, *ids[2:5], OTHER]) for each in batch]
    assert (found, old.heavy, old.withheld) == ([ID], [*ids[2:5], OTHER], [])


def mine(user: int) -> dict[str, Any]:
    """The row of that account."""
    id_ = number(user)
    return page(["", id_, "false", None, "{}"], identities=[], id=id_, email="")


@pytest.mark.parametrize(("slow", "runs"), [(19, 1), (45, 200)])
def test_an_account_behind_many_that_take_too_long_is_copied_soon(slow: int, runs: int) -> None:
    """Up to 20 are named in each run; which of more are tried changes, so nobody waits behind the same."""
    heavy, last = [number(user) for user in range(1, slow + 1)], number(99)
    for _ in range(runs):
        old = AccountSide.of(FunctionDoor(Slow(heavy, {last: mine(99)}), "OLD"), COLUMNS)
        found = [each.id for batch in old.accounts([*heavy, last]) for each in batch]
        assert sorted([*found, *old.heavy, *old.waiting]) == [*heavy, last]
        assert (len(old.heavy), old.withheld) == (min(slow, 20), [])
        if found:
            break
    assert found == [last]


def test_what_took_too_long_is_halved_from_what_was_asked() -> None:
    ids = [number(user) for user in range(1, 251)]
    side_ = Slow(ids[70:71], {number(user): mine(user) for user in range(1, 251)})
    old = AccountSide.of(FunctionDoor(side_, "OLD"), COLUMNS)
    found = [each.id for batch in old.accounts(ids) for each in batch]
    assert (old.heavy, found) == (ids[70:71], [*ids[:70], *ids[71:]])
    assert side_.sizes[:3] == [110, 55, 69]


@pytest.mark.parametrize(
    "answer",
    [
        5,
        [1],
        [{}],
        [{"a": None, "b": None, "c": None, "d": None}],
        [{"id": "\ud800", "email": "\ud800", "x": 1}],
        [{"part": "zz", "accounts": "x", "digest": 5}],
        [{"id": ID, "email": None, "flaws": ["unheard of"]}],
        [{"accounts": -1}],
    ],
)
def test_an_answer_of_another_shape_is_refused_in_a_sentence(answer: object) -> None:
    for query in QUERIES:
        with pytest.raises(SchemaError, match="answered something that is not rows"):
            FunctionDoor(Side({query: answer}), "NEW").ask(query)


def test_what_new_answers_to_a_write_is_said_to_be_strange() -> None:
    with pytest.raises(SchemaError, match="answered something that is not rows"), no_values():
        FunctionDoor(Side({"note": [{"a": 1}]}), "NEW").together([Step("note", [[ID]])], Terms())


@pytest.mark.parametrize(
    ("row", "tokens"),
    [
        (["s", "u"], [["t", "other", False]]),
        (["other", "u"], []),
        (["s"], []),
        (["s", "u"], [["t", "s"]]),
        (["s", "u"], None),
    ],
)
def test_rows_that_are_not_those_of_their_session_are_refused(row: object, tokens: object) -> None:
    columns = {"sessions": {"id": "", "user_id": ""}, "refresh_tokens": dict.fromkeys(TOKEN, "")}

    class Old:
        def query(self, *_: object, **_more: object) -> list[tuple[Any, ...]]:
            return [("s", json.dumps(row), json.dumps(tokens))]

    with pytest.raises(SchemaError, match="rows that are not those of the session s"):
        SessionCopy(Old(), Old(), columns).run()  # type: ignore[arg-type]


def test_a_comment_of_somebody_else_is_not_taken_for_columns() -> None:
    for form in ("", "Marks", "[1", "[]", "[null, {}]", "[[1], {}]", '[["id"], {"users": "id"}]', "[" * 9000):
        assert remembered(form) is None
    assert remembered(COLUMNS.form) == {
        "columns": [["users", [*USERS], []], ["identities", [*IDENTITIES], []]]
    }
