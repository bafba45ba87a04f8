insert into public.users
  select md5('u' || g)::uuid, 'u' || g || '@example.test', now() - g * interval '1 hour',
         now() - g * interval '1 hour' + (g % 3) * interval '10 minutes' from generate_series(1, 60) g;
insert into app.teams select md5('t' || g)::uuid, 'team ' || g, now() from generate_series(1, 20) g;
insert into app.users
  select md5('a' || g)::uuid, md5('u' || g)::uuid, md5('t' || 1 + g % 20)::uuid, 'nick ' || g,
         now() - g * interval '1 hour', now() - g * interval '1 hour' + (g % 3) * interval '10 minutes'
  from generate_series(1, 50) g;
insert into app.visits (by_user, at)
  select md5('a' || 1 + g % 50)::uuid, now() - (600 - g) * interval '1 minute' from generate_series(1, 500) g;
insert into basejump."Config" values ('theme', '{"dark": true}'), ('plan', '1.50');
