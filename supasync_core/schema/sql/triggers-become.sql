-- Changes a trigger's definition; its comment stays, and whether it is enabled, also on partitions.
create or replace function pg_temp.supasync_become(changed oid, definition text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
declare
    name       name;
    relation   regclass;
    remark     text := obj_description(changed, 'pg_trigger');
    relations  regclass[];
    states     "char"[];
    each       record;
begin
    select tgname, tgrelid into name, relation from pg_trigger where pg_trigger.oid = changed;
    with recursive family (oid, depth) as (
        select changed, 0
        union all
        select g.oid, f.depth + 1 from family f join pg_trigger g on g.tgparentid = f.oid
    )
    select array_agg(g.tgrelid::regclass order by f.depth), array_agg(g.tgenabled order by f.depth)
    into relations, states
    from family f join pg_trigger g on g.oid = f.oid;
    if not (select pg_has_role(c.relowner, 'USAGE') from pg_class c where c.oid = relation) then
        -- As on auth.users: who does not own the table may replace its triggers, and nothing else.
        if current_setting('server_version_num')::integer < 140000 then
            raise exception 'the trigger % on % cannot be replaced by PostgreSQL before 14', name, relation
                using hint = 'let its function begin with: if current_setting(''supasync.writes'', true) = ''on'' '
                    'then return new; end if;';
        end if;
        execute regexp_replace(definition, '^CREATE ', 'CREATE OR REPLACE ');
        return;
    end if;
    execute format('drop trigger %I on %s', name, relation);
    execute definition;
    for each in
        select r.relation, r.state
        from unnest(relations, states) with ordinality as r (relation, state, place)
        join pg_trigger g on g.tgrelid = r.relation and g.tgname = name and g.tgenabled <> r.state
        order by r.place
    loop
        execute format('alter table only %s %s trigger %I', each.relation,
            case each.state when 'D' then 'disable' when 'R' then 'enable replica'
                when 'A' then 'enable always' else 'enable' end, name);
    end loop;
    if remark is not null then
        execute format('comment on trigger %I on %s is %L', name, relation, remark);
    end if;
end
$function$;
