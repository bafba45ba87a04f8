-- Fills every column of every table of values with the odd texts of its type, one after the other from
-- id 101 on. Expects them in a table odd (type, n, value), n from 0.
do $fill$
declare
    tab  record;
    col  record;
begin
    for tab in
        select c.oid, c.relname, max(o.n) as most, bool_or(a.attname = 'label') as labelled
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join odd o on o.type = format_type(a.atttypid, a.atttypmod) and a.attname not in ('id', 'updated_at')
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
          and c.relname in ('texts', 'numbers', 'times', 'json_docs', 'arrays', 'every_type', 'more_types')
        group by c.oid, c.relname
    loop
        if tab.labelled then
            execute format('insert into public.%I (id, label) select g, g from generate_series(101, %s) g',
                           tab.relname, 101 + tab.most);
        else
            execute format('insert into public.%I (id) select g from generate_series(101, %s) g',
                           tab.relname, 101 + tab.most);
        end if;
        for col in
            select a.attname, format_type(a.atttypid, a.atttypmod) as type,
                   (select count(*) from odd o where o.type = format_type(a.atttypid, a.atttypmod)) as many
            from pg_attribute a
            where a.attrelid = tab.oid and a.attnum > 0 and not a.attisdropped
              and a.attname not in ('id', 'updated_at')
        loop
            execute format(
                'update public.%I t set %I = o.value::%s from odd o where t.id > 100 and o.type = %L '
                'and o.n = (t.id - 101) %% %s',
                tab.relname, col.attname, col.type, col.type, col.many);
        end loop;
    end loop;
end
$fill$;
drop table odd;
-- Rows that cannot be copied stop their table: they get one of their own.
insert into public.nul_docs select * from public.json_docs where doc::text like '%\u0000%' and id < 101;
insert into public.mixed_arrays select * from public.every_type where id = 8;
insert into public.needed_docs values (1, '{}'), (2, 'null');
delete from public.json_docs where id in (select id from public.nul_docs);
delete from public.every_type where id = 8;
