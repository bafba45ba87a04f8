grant usage on schema other to service_role;
grant select, insert, update, delete on all tables in schema public, other to service_role;
