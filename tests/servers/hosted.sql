-- Owners of a hosted project. Roles belong to the cluster: running this again is fine.
do $roles$
begin
  if not exists (select 1 from pg_roles where rolname = 'hosted_postgres') then
    create role hosted_postgres login createdb createrole replication bypassrls;
    grant anon, authenticated, service_role, authenticator to hosted_postgres;
    grant pg_monitor, pg_signal_backend to hosted_postgres;
  end if;
  if not exists (select 1 from pg_roles where rolname = 'supabase_auth_admin') then
    create role supabase_auth_admin login noinherit createrole;
  end if;
end
$roles$;

create schema auth authorization supabase_auth_admin;
grant all on schema auth to hosted_postgres;
set role supabase_auth_admin;
create table auth.users (
  id                 uuid primary key,
  email              text unique,
  phone              text,
  raw_user_meta_data jsonb,
  encrypted_password text,
  email_confirmed_at timestamptz,
  phone_confirmed_at timestamptz,
  confirmed_at       timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  created_at         timestamptz,
  updated_at         timestamptz
);
create table auth.identities (
  id            uuid primary key default gen_random_uuid(),
  provider_id   text not null,
  user_id       uuid not null references auth.users (id) on delete cascade,
  identity_data jsonb not null,
  provider      text not null,
  email         text generated always as (lower(identity_data ->> 'email')) stored,
  created_at    timestamptz,
  updated_at    timestamptz,
  unique (provider_id, provider)
);
alter table auth.users enable row level security;
alter table auth.identities enable row level security;
grant all on auth.users, auth.identities to hosted_postgres;
reset role;
