-- 3,400 rows over a day that ends two hours ago; every value follows from its number.
insert into public.users
select md5('user' || g)::uuid, 'user' || g || '@example.test', (array['free','pro','team'])[1 + g % 3], g * 1.0001,
       jsonb_build_object('n', g, 'text', 'a "quoted" \ word'),
       now() - interval '2 hours' - g * interval '1 minute',
       case when g % 3 = 0 then now() - interval '2 hours' - g * interval '30 seconds' end
  from generate_series(1, 300) g;
insert into public.jobs
select g, md5('user' || 1 + g % 300)::uuid, (array['queued','running','done','failed'])[1 + g % 4]::public.job_status,
       ('{ "n":' || g || ', "n": 1.10,  "big": 12345678901234567890.120 }')::json, g / 7.0,
       now() - interval '2 hours' - g * interval '20 seconds', now() - interval '2 hours' - (g / 50) * interval '15 seconds'
  from generate_series(1, 1500) g;
insert into public.sessions
select md5('session' || g)::uuid, md5('user' || 1 + g % 300)::uuid, ('192.0.2.' || g % 256)::inet,
       now() - interval '2 hours' - g * interval '25 seconds', now() - interval '2 hours' - g * interval '25 seconds'
  from generate_series(1, 300) g;
insert into public.usage_logs (id, user_id, job_id, action, units, created_at, updated_at)
select g, md5('user' || 1 + g % 300)::uuid, 1 + g % 1500, E'line one\nline two\r\n, tab\t' || g, g + 0.10,
       now() - interval '2 hours' - g * interval '17 seconds', now() - interval '2 hours' - g * interval '17 seconds'
  from generate_series(1, 1100) g;
insert into public.ad_sessions
select md5('ad' || g)::uuid, md5('user' || 1 + g % 300)::uuid, 'provider ' || g % 5, g / 1000000.0, array[g, null, -g],
       now() - interval '2 hours' - g * interval '40 seconds', now() - interval '2 hours' - g * interval '40 seconds'
  from generate_series(1, 200) g;
analyze;
