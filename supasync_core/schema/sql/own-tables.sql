-- Tables of these names that somebody else made are never read, written or changed: their triggers, or the
-- query of a view, would run with the rights of whoever pastes this.
do $own$
declare
    other record;
begin
    for other in
        select c.oid::regclass as name, r.rolname as owner, c.relkind = 'r' as plain
        from pg_catalog.pg_class c
        join pg_catalog.pg_roles r on r.oid = c.relowner
        where c.oid in (to_regclass('public.sync_metadata'), to_regclass('public.supasync_changed'),
                to_regclass('public.supasync_accounts'), to_regclass('public.supasync_account_marks'))
            and (c.relkind <> 'r' or (r.rolname <> current_user and not r.rolsuper))
    loop
        raise exception '% %, and was not used', other.name, case
                when other.plain then format('belongs to the role %s, not to %s', other.owner, current_user)
                else 'is not an ordinary table' end
            using hint = 'supasync needs this name in NEW: if supasync made the table, run this as its owner; '
                'else rename what has this name';
    end loop;
end
$own$;
