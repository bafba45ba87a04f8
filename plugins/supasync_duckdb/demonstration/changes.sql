-- nothing has changed before the first load
-- next hour
insert into users select md5('second' || g)::uuid, 'second' || g || '@example.test', 'free', 0, '{}',
       now() - to_hours(2), null from range(1, 6) t(g);
insert into jobs select 2000 + g, md5('second' || 1 + g % 5)::uuid, 'queued', null,
       now() - to_hours(2), now() - to_hours(2) from range(1, 13) t(g);
update users set plan = 'team', updated_at = now() - to_hours(2) where email in ('user7@example.test', 'user8@example.test');
insert into usage_logs select 2000 + g, md5('user' || g)::uuid, 2000 + g, 'login', 1,
       now() - to_hours(2), now() - to_hours(2) from range(1, 13) t(g);
-- next hour
update jobs set status = 'done', cost = 0.50, updated_at = now() - to_minutes(61) where id > 2000;
insert into sessions select md5('third' || g)::uuid, md5('second' || 1 + g % 5)::uuid, '198.51.100.' || g,
       now() - to_minutes(20), now() - to_minutes(20) from range(1, 31) t(g);
insert into ad_sessions select md5('third' || g)::uuid, md5('user' || g)::uuid, 'provider 9', 0.000001, [],
       now() - to_minutes(5), now() - to_minutes(5) from range(1, 8) t(g);
