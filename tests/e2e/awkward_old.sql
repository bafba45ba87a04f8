-- Many rows share a timestamp, so that pages of three end between them and go on by the key.
insert into public.by_uuid
  select md5(g::text)::uuid, g, timestamptz '2024-01-01' + g / 7 * interval '1 s' from generate_series(1, 20) g;
insert into public.by_text
  select t, 'n' || n, timestamptz '2024-01-01' + n / 9 * interval '1 s'
    from unnest(array['', ' ', ',', 'a,b', '"', 'q"x', '\', 'b\"', '\"', '(', ')', 'a(b)', '.', 'eq.1', 'null', 'NULL',
                      '*', '%', '%00', '+', 'a+b', '&', 'a&id=eq.1', '=', '#', '?', '/', E'\n', E'a\r\nb', E'\t',
                      'é', E'e\u0301', '日本', '😀', E'\u2028', 'ß', ':', '::', ';', '''', '{a}', '[1]', '<b>', 'true',
                      'and(a.eq.1)', 'not.is.null', 'x"),or(id.gt."', repeat('long', 60)]) with ordinality u (t, n);
insert into public.by_moment values
  ('infinity', 'a', '2024-01-01'), ('-infinity', 'b', '2024-01-01'), ('0044-03-15 12:00:00.5 BC', 'c', '2024-01-01'),
  ('12000-01-01 00:00:00.000001', 'd', '2024-01-01'), ('2024-03-01 10:00:00.123456', 'e', '2024-01-01'),
  ('2024-03-01 10:00:00.123457', 'f', '2024-01-01'), ('2024-03-01 10:00:00+05:30', 'g', '2024-01-01');
insert into public.by_number values
  ('NaN', 'a', '2024-01-01'), ('Infinity', 'b', '2024-01-01'), ('-Infinity', 'c', '2024-01-01'), (1.50, 'd', '2024-01-01'),
  (9007199254740993, 'e', '2024-01-01'), (9007199254740992, 'f', '2024-01-01'), (-0.10, 'g', '2024-01-01'),
  (1234567890123456789012345678901234567890.0010, 'h', '2024-01-01'), (0, 'i', '2024-01-01'), (1e100, 'j', '2024-01-01');
insert into public.by_float select (1 / g::numeric)::real, g, '2024-01-01' from generate_series(1, 9) g;
insert into public.by_float values ('NaN', 'a', '2024-01-01'), ('-Infinity', 'b', '2024-01-01'), (3.4028235e38, 'c', '2024-01-01');
insert into public.by_day select date '2024-02-27' + g, g, '2024-01-01' from generate_series(1, 7) g;
insert into public.by_day values ('infinity', 'a', '2024-01-01'), ('0001-01-01 BC', 'b', '2024-01-01');
insert into public.by_bytes select decode(repeat(to_hex(g), 2), 'hex'), g, '2024-01-01' from generate_series(1, 15) g;
insert into public.by_bytes values ('', 'empty', '2024-01-01'), ('\x00', 'nul', '2024-01-01'), ('\x5c22', 'x', '2024-01-01');
insert into public.by_span select g * interval '1 day 1 us', g, '2024-01-01' from generate_series(-4, 4) g;
insert into public.by_mood select m, 'x', '2024-01-01' from unnest(enum_range(null::public.mood)) m;
insert into public.by_address select '2001:db8::'::inet + g, g, '2024-01-01' from generate_series(1, 7) g;
insert into public.by_flags select a, b, 'x', '2024-01-01' from (values (true), (false)) x (a), (values (true), (false)) y (b);
insert into public.by_three
  select md5((g / 6)::text)::uuid, (array['a,b', 'q"', '\'])[1 + g / 2 % 3], date '2024-01-01' + g % 2, g,
         case when g % 4 > 0 then timestamptz '2024-01-01' end from generate_series(0, 23) g;

insert into public."Order Items"
  select g / 4, 'line, "' || g, 's', g * 1.5, g / 8.0, 'q"', '(p)', 'ö', g, 'c', '\', 'and', '2024-01-01' from generate_series(1, 11) g;
insert into public."select" select g, 'f', 'o' || g, g, 'x' from generate_series(1, 7) g;
insert into public."Größen & +?#%" select g, g / 10.0, timestamp '2024-01-01 00:00:00.000001' from generate_series(1, 7) g;
insert into public."Dotted.Table" select 'k.' || g, 'v', 'c', 'x' from generate_series(1, 7) g;
insert into "Läden 🛒".things select g, 'other', '2024-01-01' from generate_series(1, 7) g;
insert into public.tree select g, 13 - g, '2024-01-01' from generate_series(1, 12) g;
update public.tree set parent_id = null where id = 7;
insert into public.numbered (id, label) select g * 10, 'x' from generate_series(1, 7) g;
insert into public.always (label) select 'x' from generate_series(1, 7);
insert into public."Always, too" (label) select 'x' from generate_series(1, 7);
insert into public.computed (id, a, b) select g, g, 'x' from generate_series(1, 7) g;
insert into public.unique_only select 'c' || g, 'x' from generate_series(1, 7) g;
insert into public.null_keys select g, 'c' || g, '2024-01-01' from generate_series(1, 3) g;
insert into public.null_keys select g, null, '2024-01-01' from generate_series(4, 5) g;
insert into public.null_keys select g, 'c' || g, '2024-01-02' from generate_series(6, 9) g;
insert into public.null_pairs select g, case when g % 5 > 0 then g end, 'x' from generate_series(1, 14) g;
insert into public.null_log values (1, 'a'), (null, 'b');
insert into public.keyless values ('a', 1), ('a', 1), ('b', 2);
insert into public.half_unique values ('a', false, 'live'), ('a', true, 'old');
insert into public.deferred values ('a', 'one'), ('b', 'two');
insert into auth.users select md5(g::text)::uuid from generate_series(1, 4) g;
insert into public.profiles select id, 'x' from auth.users;
insert into public.unordered values ('(1,2)', '{"a":1}', 'x'), ('(2,2)', '{"a":2}', 'y'), ('(3,2)', '{"a":3}', 'y'), ('(4,2)', '1', 'y');
create view public.recent as select id, note, updated_at from public.by_uuid where updated_at > '2024-01-01';
create view public.twice as select id % 4 as id, id::text as label from public.numbered, generate_series(1, 2);
