create table public.users (id uuid primary key, email text unique, created_at timestamptz, updated_at timestamptz);
create table public.jobs (id bigint primary key, user_id uuid references public.users (id), label text, secret text,
    updated_at timestamptz not null);
create table public.logs (id bigint primary key, line text);
create table public.plans (id text primary key, price numeric);
create table public.notes (id bigint primary key, text text, updated_at timestamptz not null);
grant select, insert, update, delete on all tables in schema public to service_role;
