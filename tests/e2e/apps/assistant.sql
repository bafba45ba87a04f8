-- schema: an AI chat in camel case, with keys of several columns and of times
create table public."User" (id uuid primary key, email varchar(64) not null, password varchar(64));
create table public."Chat" (id uuid primary key, "createdAt" timestamp not null, "userId" uuid not null
  references public."User", title text not null, visibility varchar not null default 'private');
create table public."Message_v2" (id uuid primary key, "chatId" uuid not null references public."Chat",
  role varchar not null, parts json not null, "createdAt" timestamp not null);
create table public."Vote_v2" ("chatId" uuid references public."Chat", "messageId" uuid references public."Message_v2",
  "isUpvoted" boolean not null, primary key ("chatId", "messageId"));
create table public."Document" (id uuid, "createdAt" timestamp not null, title text not null, content text,
  "modifiedAt" timestamp not null default now(), primary key (id, "createdAt"));
create table public."Suggestion" (id uuid primary key, "documentId" uuid not null, "documentCreatedAt" timestamp not null,
  "isResolved" boolean not null default false, "createdAt" timestamp not null,
  foreign key ("documentId", "documentCreatedAt") references public."Document" (id, "createdAt"));
grant select, insert, update, delete on all tables in schema public to service_role;
-- rows
insert into public."User" select lpad(to_hex(g), 32, '0')::uuid, 'p' || g || '@example.com', 'hash'
  from generate_series(1, 20) g;
insert into public."Chat" select ('1' || lpad(to_hex(g), 31, '0'))::uuid, now() - g * interval '1 hour',
  lpad(to_hex(1 + g % 20), 32, '0')::uuid, 'chat ' || g from generate_series(1, 60) g;
insert into public."Message_v2" select ('2' || lpad(to_hex(g), 31, '0'))::uuid, ('1' || lpad(to_hex(1 + g % 60), 31, '0'))::uuid, 'user',
  '[{"type": "text",  "text": "hi"}]', now() - g * interval '1 minute' from generate_series(1, 500) g;
insert into public."Vote_v2" select "chatId", id, true from public."Message_v2" where "createdAt" > now() - interval '50 minutes';
insert into public."Document" select ('3' || lpad(to_hex(g), 31, '0'))::uuid, timestamp '2030-01-01' - g * interval '1 day',
  'd' || g, 'text', timestamp '2030-01-01' - g * interval '1 hour' from generate_series(1, 40) g;
insert into public."Suggestion" select ('4' || lpad(to_hex(g), 31, '0'))::uuid, ('3' || lpad(to_hex(g), 31, '0'))::uuid,
  timestamp '2030-01-01' - g * interval '1 day', false, now() from generate_series(1, 30) g;
-- hour
update public."Chat" set visibility = 'public' where title like '%0';
update public."Vote_v2" set "isUpvoted" = false where "messageId" in (select id from public."Message_v2" limit 20);
update public."Document" set content = 'changed', "modifiedAt" = now() where title = 'd7';
update public."Suggestion" set "isResolved" = true where "documentId" = ('3' || lpad(to_hex(5), 31, '0'))::uuid;
insert into public."Chat" select gen_random_uuid(), now(), id, 'new' from public."User";
