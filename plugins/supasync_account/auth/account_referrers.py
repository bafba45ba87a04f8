"""Rows of NEW outside of ``auth`` that go or change with an account, or with a row that belongs to one.

A foreign key may refer to any table of ``auth``: deleting an account deletes its identities, and with them
what refers to these. So keys are followed through ``auth``, at any depth, to the first table outside of it.
"""

from collections.abc import Sequence

from supasync_account.auth.account_door import AccountDoor


def behind(new: AccountDoor, ids: Sequence[str], table: str = "users") -> dict[str, str]:
    """For each account the rows that would go or change with these rows of a table of ``auth``, in words."""
    found: dict[str, str] = {}
    for at in range(0, len(ids), new.at_once):
        some = "{" + ",".join(ids[at : at + new.at_once]) + "}"
        for who, words in new.ask("referrers", some, table=table):
            found[who] = f"{words} would go or change with it"
    return found
