create table public.recent (id uuid primary key, note text, updated_at timestamptz);
create table public.twice (id integer primary key, label text);
