grant usage on schema "Läden 🛒" to service_role;
grant select, insert, update, delete on all tables in schema public, "Läden 🛒" to service_role;
