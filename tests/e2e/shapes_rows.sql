-- Small tables have a few hundred rows, large ones more than are read as a whole.
insert into public.chats
  select md5('c' || g)::uuid, 'chat ' || g, now() - g * interval '1 hour' from generate_series(1, 120) g;
insert into public.messages
  select md5('m' || g)::uuid, md5('c' || 1 + g % 120)::uuid, 'text ' || g, now() - g * interval '1 minute'
  from generate_series(1, 20050) g;
insert into public.readings (value, datetime)
  select g / 7.0, now() - (20060 - g) * interval '1 minute' from generate_series(1, 20050) g;
insert into public.notes
  select md5('n' || g)::uuid, 'note ' || g, now() - g * interval '1 hour',
         now() - g * interval '1 hour' + (g % 3) * interval '10 minutes' from generate_series(1, 300) g;
insert into public.prices
  select md5('p' || g)::uuid, g / 3.0, now() - g * interval '1 hour',
         now() - g * interval '1 hour' + (g % 4) * interval '10 minutes' from generate_series(1, 300) g;
insert into public.accounts
  select md5('a' || g)::uuid, 'a' || g, now() - g * interval '1 hour', now() - g * interval '1 hour'
  from generate_series(1, 300) g;
insert into public.invoices
  select md5('i' || g)::uuid, g, now() - g * interval '1 minute', null from generate_series(1, 20050) g;
insert into public.members
  select md5('u' || g)::uuid, 'user', now() - g * interval '1 hour',
         now() - g * interval '1 hour' + (g % 4) * interval '10 minutes' from generate_series(1, 300) g;
insert into public.plans
  select md5('l' || g)::uuid, 'plan ' || g, current_date - g, case when g % 2 = 0 then current_date - g / 2 end
  from generate_series(1, 40) g;
insert into public.bookings
  select md5('b' || g)::uuid, 'room', now() + (g % 500 - 20) * interval '1 day' from generate_series(1, 20050) g;
insert into public.added_late
  select md5('z' || g)::uuid, 'z' || g, now() - g * interval '1 hour', now() from generate_series(1, 300) g;
