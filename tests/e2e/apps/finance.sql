-- schema: a finance app; a foreign key of two columns in another order than the parent's key, and many rows by day
create table public.teams (id uuid primary key, name text, created_at timestamptz not null default now());
create table public.transaction_categories (slug text not null, team_id uuid not null references public.teams,
  name text, vat numeric, created_at timestamptz default now(), primary key (team_id, slug));
create table public.transactions (id uuid primary key, team_id uuid not null references public.teams,
  date date not null, amount numeric(12, 2), category_slug text, note text,
  created_at timestamptz not null default now(),
  foreign key (category_slug, team_id) references public.transaction_categories (slug, team_id));
create table public.rates (base text, target text, rate double precision, unique (base, target));
alter table public.rates alter base set not null, alter target set not null;
grant select, insert, update, delete on all tables in schema public to service_role;
-- rows
insert into public.teams select lpad(to_hex(g), 32, '0')::uuid, 'team ' || g from generate_series(1, 3) g;
insert into public.transaction_categories (slug, team_id, name) select 'c' || c, lpad(to_hex(t), 32, '0')::uuid, 'n' || c
  from generate_series(1, 3) t, generate_series(1, 8) c;
insert into public.transactions select ('5' || lpad(to_hex(g), 31, '0'))::uuid, lpad(to_hex(1 + g % 3), 32, '0')::uuid,
  date '2026-01-01' + g % 300, g / 7.0, 'c' || 1 + g % 8, null, now() - g * interval '1 minute'
  from generate_series(1, 1500) g;
insert into public.rates select 'EUR', 'C' || g, 1.0 / g from generate_series(1, 30) g;
-- hour
update public.teams set name = 'team two' where name = 'team 2';
insert into public.transaction_categories (slug, team_id, name) select 'fresh', id, 'fresh' from public.teams;
insert into public.transactions select gen_random_uuid(), id, date '2026-11-01', 12.5, 'fresh', 'new' from public.teams;
update public.transactions set note = 'checked' where amount between 10 and 12;
update public.rates set rate = 2 where target = 'C4';
