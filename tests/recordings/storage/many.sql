-- The 2,500 objects of the bucket `many`: of the requests that made them the recordings tell in words alone.
insert into storage.objects
  (bucket_id, name, version, metadata, user_metadata, created_at, updated_at, last_accessed_at)
select 'many', name, gen_random_uuid()::text, jsonb_build_object('eTag', format('"%s"', md5(name)),
  'size', length(name), 'mimetype', 'text/plain', 'cacheControl', 'max-age=3600', 'contentLength', length(name),
  'lastModified', '2026-11-28T23:58:18.028Z', 'httpStatusCode', 200), '{}', at, at, at
from (
  select name, coalesce(ms, 0) * interval '1 ms' + timestamptz '2026-11-28 23:58:18Z' as at
  from (
    select 'r-' || lpad(i::text, 4, '0') || '.txt' as name from generate_series(0, 1999) i
    union all select 'docs/d-' || lpad(i::text, 3, '0') || '.txt' from generate_series(0, 299) i
    union all select 'docs/deep/x/q-' || lpad(i::text, 3, '0') || '.txt' from generate_series(0, 99) i
    union all select 'docs/other/o-' || lpad(i::text, 2, '0') || '.txt' from generate_series(0, 49) i
    union all select 'zeta/z-' || lpad(i::text, 2, '0') || '.txt' from generate_series(0, 49) i
  ) names left join (values
    ('zeta/z-49.txt', 16433), ('zeta/z-48.txt', 16428), ('zeta/z-47.txt', 16416), ('zeta/z-45.txt', 16415),
    ('zeta/z-46.txt', 16414), ('zeta/z-43.txt', 16413), ('zeta/z-44.txt', 16412),
    ('r-0001.txt', -2), ('r-0000.txt', -1), ('r-1983.txt', 15000)
  ) times (name, ms) using (name)
) timed;
