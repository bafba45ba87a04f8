:own_tables
-- Records what supasync changes in NEW until the switch, so that exactly this can be changed back.
create table if not exists public.supasync_changed (
    kind         text not null,              -- identity, trigger, trigger guard or foreign key
    schema_name  text not null,
    table_name   text not null,
    name         text not null,              -- of the column, trigger or constraint
    was          text not null,
    primary key (kind, schema_name, table_name, name)
);
alter table public.supasync_changed enable row level security;
revoke all on table public.supasync_changed from public, anon, authenticated, service_role;

