"""The marks of accounts in SQL: of each, and summed up. What ``{...}`` stands for: see `account_queries`."""

# ruff: noqa: S608 - the fragments are our own
from typing import Final

SUM: Final = (
    "pg_catalog.count(*) as accounts, "
    "pg_catalog.md5(pg_catalog.string_agg(m.id::text || m.mark, '' order by m.id)) as digest"
)
"""How many accounts of ``m`` there are, and the digest of their marks."""
BETWEEN: Final = "u.id >= %s::uuid and u.id <= %s::uuid"
_MARK: Final = "pg_catalog.md5({line} || coalesce(o.mark, ''))"
MARKS: Final = (
    f"select m.id, m.mark from (select u.id, {_MARK} as mark "
    f"from (select u.* from auth.users u where {BETWEEN} offset 0) u full join ("
    "select o.user_id, {owned_mark} as mark from ({owned_marks}) o "
    f"where {BETWEEN.replace('u.id', 'o.user_id')} group by o.user_id"
    ") o on o.user_id = u.id offset 0) m where m.id is not null"
)
"""The mark of each account of a range, which is named twice: what belongs to accounts is read together.

By account, as ``{mark}`` is made, that takes a third more time. A full join never takes rows of one side by
rows of the other, which a server does that has not counted them yet, as after a first copy. Behind offset 0,
marks are made before accounts are sorted: whole rows take twice as long.
"""


def sound(mark: str) -> str:
    """The mark, or NULL for an account that would harm NEW: its table refuses that."""
    return f"case when {{harmful}} then null else {mark} end"


SOUND_MARKS: Final = MARKS.replace(_MARK, sound(_MARK))
"""The same, as NEW's table takes them."""
