insert into teams (id, name, created_at, updated_at)
  select md5('t' || g)::uuid, 'team ' || g, now() - interval '9 days', now() - g * interval '4 hours'
  from generate_series(1, 40) g;
insert into users (id, team_id, email, updated_at)
  select md5('u' || g)::uuid, md5('t' || (g % 40 + 1))::uuid, g || '@example.test',
         case when g % 3 = 0 then now() - g * interval '1 minute' end from generate_series(1, 300) g;
update teams set owner_id = md5('u' || substr(name, 6))::uuid;
insert into categories (id, parent_id, name)
  select g, case when g > 1 then g / 2 end, 'c' || g from generate_series(1, 60) g;
insert into products (category_id, title, "createdAt", "updatedAt")
  select g % 60 + 1, 'p' || g, now() - interval '2 days', case when g % 5 = 0 then now() - g * interval '1 minute' end
  from generate_series(1, 200) g;
insert into orders (id, user_id, total, inserted_at, modified_at)
  select md5('o' || g)::uuid, md5('u' || (g % 300 + 1))::uuid, g / 7.0, now() - interval '2 days',
         case when g % 4 = 0 then now() - g * interval '1 minute' end
  from generate_series(1, 400) g;
insert into order_items (order_id, line, product_id)
  select md5('o' || g)::uuid, l, g % 200 + 1 from generate_series(1, 400) g, generate_series(1, 3) l;
insert into product_tags select g, t from generate_series(1, 200) g, unnest(array['a,b', 'ü']) t;
insert into countries select chr(65 + g / 26) || chr(65 + g % 26), 'land ' || g from generate_series(0, 240) g;
insert into currencies values ('EUR', 2), ('JPY', 0);
insert into settings values ('theme', '{"dark": true}');
insert into audit_log (user_id, what, created_at)
  select md5('u' || (g % 300 + 1))::uuid, 'did', now() - (20100 - g) * interval '1 minute'
  from generate_series(1, 20050) g;
insert into page_views (id, user_id, path)
  select md5('v' || g)::uuid, md5('u' || (g % 300 + 1))::uuid, '/' from generate_series(1, 20050) g;
insert into random_numbers
  select ('x' || substr(md5(g::text), 1, 8))::bit(32)::bigint, now() - g * interval '1 hour'
  from generate_series(1, 300) g;
insert into clicks (page) select '/' || g from generate_series(1, 20050) g;
insert into fingerprints (digest) select md5(g::text) from generate_series(1, 20050) g;
insert into no_key values ('x');
insert into "Order Notes" values (md5('n')::uuid, md5('o1')::uuid, 'x');
insert into "yes" values (1); insert into "${HOME}" values (1, 'x'); insert into "tab""le, o'clock" values (1);
insert into a_ring (id) values (1), (2); insert into c_ring (id, a_id) values (1, 1), (2, 2);
insert into b_ring (id, c_id) values (1, 1), (2, 2); update a_ring set b_id = 3 - id;
insert into messages (id, sender, receiver, reply_to)
  select md5('m' || g)::uuid, md5('u' || g)::uuid, md5('u' || (g + 1))::uuid,
         case when g > 1 then md5('m' || (g - 1))::uuid end from generate_series(1, 120) g;
insert into devices (id, user_id) select md5('d' || g)::uuid, md5('u' || g)::uuid from generate_series(1, 50) g;
insert into memberships (user_id, team_id, updated_at)
  select md5('u' || g)::uuid, md5('t1')::uuid, case when g % 2 = 0 then now() end from generate_series(1, 50) g;
