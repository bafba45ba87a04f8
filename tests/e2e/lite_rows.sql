alter table public.wider add column colour text;
insert into public.users
select md5('u' || g)::uuid, 'u' || g || '@example.test', (array['free', 'a "quoted" \ word, ☃'])[1 + g % 2], g,
       g % 3 = 0, timestamptz '2024-01-01 00:00:00.123456Z' + g * interval '1 minute',
       case when g % 3 > 0 then timestamptz '2024-02-01Z' + g / 7 * interval '1.000001 s' end
  from generate_series(1, 60) g;
insert into public.jobs
select 9007199254740000 + g, md5('u' || 1 + g % 60)::uuid, E'line\nline\r\n' || g, timestamptz '2024-02-01Z' + g / 40 * interval '1 s'
  from generate_series(1, 200) g;
insert into public.tags
select 9007199254740001 + g / 4, (array['a,b', 'it''s', 'é ☃.', ' (x) '])[1 + g % 4], null, '2024-02-01' from generate_series(0, 59) g;
insert into public.log (id, line) select g, 'line ' || g from generate_series(1, 90) g;
insert into public.kinds select 'k' || g, 'kind, "' || g from generate_series(1, 12) g;
insert into public.wider values (1, 'x', '2024-01-01', 'red');
insert into public.keyless values ('a', 1);
insert into public.always (label) values ('one');
