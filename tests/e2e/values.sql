-- What the recordings have no column for: further types, and rows that NEW refuses, each in a table of its own.
create table public.more_types (
  id          bigint primary key,
  c_bools     boolean[],
  c_byteas    bytea[],
  c_uuids     uuid[],
  c_dates     date[],
  c_moments   timestamptz[],
  c_moods     public.mood[],
  c_addresses public.address[],
  c_int8range int8range,
  c_numrange  numrange,
  c_daterange daterange,
  c_multi     int8multirange,
  c_bits      bit varying,
  c_box       box,
  c_path      path,
  c_circle    circle,
  c_vector    tsvector,
  updated_at  timestamptz not null default '2024-01-01 00:00:00+00'
);
create table public.nul_docs (like public.json_docs including all);
create table public.mixed_arrays (like public.every_type including all);
create table public.needed_docs (id integer primary key, doc json not null);
grant select, insert, update, delete on all tables in schema public to service_role;
