-- What OLD holds on the first day: 3,500 rows, the youngest three hours old.
insert into users select md5('user' || g)::uuid, 'user' || g || '@example.test', ['free', 'pro', 'team'][1 + g % 3],
       g * 1.0001, '{ "n": ' || g || ', "theme": "dark" }', now() - to_hours(3) - to_minutes(g),
       if(g % 3 = 0, now() - to_hours(3) - to_minutes(g // 2), null)
  from range(1, 501) t(g);
insert into jobs select g, md5('user' || 1 + g % 500)::uuid, ['queued', 'running', 'done'][1 + g % 3], g / 7,
       now() - to_hours(3) - to_minutes(g * 2), now() - to_hours(3) - to_minutes(g)
  from range(1, 1201) t(g);
insert into sessions select md5('session' || g)::uuid, md5('user' || 1 + g % 500)::uuid, '192.0.2.' || g % 256,
       now() - to_hours(3) - to_minutes(g + g % 5), now() - to_hours(3) - to_minutes(g)
  from range(1, 801) t(g);
insert into usage_logs select g, md5('user' || 1 + g % 500)::uuid, 1 + g % 1200, 'action ' || g % 9, g + 0.10,
       now() - to_hours(3) - to_minutes(g + g % 5), now() - to_hours(3) - to_minutes(g)
  from range(1, 801) t(g);
insert into ad_sessions select md5('ad' || g)::uuid, md5('user' || 1 + g % 500)::uuid, 'provider ' || g % 4,
       g / 1000000, [g, null, -g], now() - to_hours(3) - to_minutes(g + g % 5), now() - to_hours(3) - to_minutes(g)
  from range(1, 201) t(g);
