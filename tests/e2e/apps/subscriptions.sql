-- schema: a subscription starter; teams and subscriptions hold no time but that of their insert
create schema auth;
create table auth.users (id uuid primary key, email text);
create type public.status as enum ('trialing', 'active', 'canceled');
create table public.users (id uuid primary key references auth.users, full_name text, billing jsonb);
create table public.products (id text primary key, active boolean, name text, metadata jsonb);
create table public.prices (id text primary key, product_id text references public.products, unit_amount bigint);
create table public.subscriptions (id text primary key, user_id uuid not null references public.users,
  status public.status, price_id text references public.prices, created timestamptz not null default now(),
  ended_at timestamptz);
grant select, insert, update, delete on all tables in schema public to service_role;
-- accounts: of both projects
insert into auth.users select lpad(to_hex(g), 32, '0')::uuid, 'p' || g || '@example.com' from generate_series(1, 200) g;
-- rows
insert into public.users select id, 'name of ' || email, '{"city": "Oslo"}' from auth.users;
insert into public.products select 'prod_' || g, true, 'plan ' || g, '{"tier": 1}' from generate_series(1, 4) g;
insert into public.prices select 'price_' || g, 'prod_' || g, 900 * g from generate_series(1, 4) g;
insert into public.subscriptions select 'sub_' || g, lpad(to_hex(g), 32, '0')::uuid, 'active', 'price_' || 1 + g % 4,
  now() - g * interval '1 day' from generate_series(1, 200) g;
-- hour
update public.subscriptions set status = 'canceled', ended_at = now() where id like 'sub_%7';
update public.products set name = 'plan two' where id = 'prod_2';
update public.users set billing = '{"city": "Bergen"}' where full_name like '%9@%';
insert into public.subscriptions values ('sub_new', lpad(to_hex(3), 32, '0')::uuid, 'trialing', 'price_1');
