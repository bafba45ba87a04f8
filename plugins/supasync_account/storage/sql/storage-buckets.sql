select coalesce(json_object_agg(b.id, json_build_object(
    'name', b.name, 'public', b.public, 'file_size_limit', b.file_size_limit,
    'allowed_mime_types', b.allowed_mime_types, 'objects', m.objects, 'bytes', m.bytes, 'digest', m.digest)), '{}')
from storage.buckets b
cross join lateral (
    select count(o.id) as objects,
        coalesce(sum(case when o.metadata ->> 'size' ~ '^[0-9]{1,18}$' then (o.metadata ->> 'size')::int8 end), 0) as bytes,
        md5(coalesce(string_agg(md5(row(o.name, o.version, o.updated_at, o.metadata, o.user_metadata)::text), ''
            order by o.name collate "C"), '')) as digest
    from storage.objects o where o.bucket_id = b.id
) m
where coalesce(to_jsonb(b) ->> 'type', 'STANDARD') = 'STANDARD'
