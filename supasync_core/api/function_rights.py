"""Who may call the functions that people paste: service_role, and whoever owns them. Nobody else.

A project's default privileges give EXECUTE on each new function of ``public`` to PUBLIC, and in a hosted one
to anon and authenticated by name; a project may name any role besides, also one that its tokens carry. So the
rights of a function are read from its own list, and every role is asked whether it may call it. A grant that
comes later is not seen then; what hands out secrets asks each time who calls.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from supasync_core.model.printable import sql_text
from supasync_core.model.sql_template import with_parts

_CALLERS: Final = """\
select p.proname as name, r.name as role
from pg_catalog.pg_proc p
cross join lateral (
    select 'public' as name, pg_catalog.has_function_privilege('public', p.oid, 'execute') as may
    union all
    select o.rolname, pg_catalog.has_function_privilege(o.oid, p.oid, 'execute')
        and not pg_catalog.has_function_privilege('public', p.oid, 'execute')
    from pg_catalog.pg_roles o
    where not o.rolsuper and o.rolname <> 'service_role' and (
        o.rolname in ('anon', 'authenticated')
        or not (pg_catalog.pg_has_role(o.oid, p.proowner, 'usage') or exists (
            select from pg_catalog.pg_roles s
            where s.rolname = 'service_role' and pg_catalog.pg_has_role(o.oid, s.oid, 'usage'))))
) r
where r.may and p.oid = any (:functions)"""
_PASTED: Final = """array(
    select f.oid from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
    where n.nspname = 'public' and left(f.proname, 9) = 'supasync_' and f.proname <> 'supasync_writes')"""

_REFUSED: Final = """\
    -- Who calls may have got the right later, or call a function of the app that calls this one.
    if (
        select c.name in ('anon', 'authenticated')
            or not (pg_has_role(c.name, current_user, 'usage') or exists (select from pg_roles s
                where s.rolname = 'service_role' and pg_has_role(c.name, s.oid, 'usage')))
        from (select case current_setting('role') when 'none' then session_user
            else current_setting('role')::name end) c (name)
    ) then
        raise exception 'only service_role may call this function' using errcode = 'insufficient_privilege';
    end if;"""


def refusing() -> str:
    """PL/pgSQL by which a SECURITY DEFINER function refuses all but service_role and its owner.

    It asks for the role of the session, whoever owns a function in between.
    """
    return _REFUSED


def closing(*functions: str, inner: Sequence[str] = ()) -> str:
    """A block of PL/pgSQL that leaves EXECUTE of these functions to service_role and their owner.

    Those that are ``inner`` are called by other functions or by triggers, and left to the owner alone. Each
    is named with its schema and the types of its arguments, ``public.name(jsonb)``; one that is not there is
    passed over. The block ends with an error where somebody else may still call one.
    """
    every = [*functions, *inner]
    parts = {"functions": _oids(every), "granted": _oids(functions), "callers": callers(*every)}
    return with_parts(files("supasync_core.api").joinpath("function_rights.sql").read_text("utf-8"), parts)


def callers(*functions: str) -> str:
    """A query for the functions of these that somebody else may call: ``name``, and the ``role`` that may."""
    return with_parts(_CALLERS, {"functions": f"array[{_oids(functions)}]::oid[]"})


def callers_of_all() -> str:
    """The same of every function of supasync that the project has, but for the one that is for everybody."""
    return with_parts(_CALLERS, {"functions": _PASTED})


def closed(block: str) -> str:
    """Such a block as a statement of its own."""
    return f"do $rights$\n{block}$rights$;"


def _oids(functions: Sequence[str]) -> str:
    return ", ".join(f"pg_catalog.to_regprocedure({sql_text(each)})::oid" for each in functions)
