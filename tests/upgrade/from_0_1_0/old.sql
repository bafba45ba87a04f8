insert into public.users
select md5('user' || g)::uuid, 'user' || g || '@example.test', '2025-01-01', case when g % 3 > 0 then '2025-01-02'::timestamptz end
from generate_series(1, 45) g;
insert into public.jobs
select g, md5('user' || 1 + g % 45)::uuid, 'job ' || g, 'x', '2025-01-01'::timestamptz + g * interval '1 minute'
from generate_series(1, 50) g;
insert into public.logs select g, 'line ' || g from generate_series(1, 45) g;
insert into public.plans select 'plan ' || g, g / 4.0 from generate_series(1, 25) g;
insert into public.notes select g, 'note ' || g, '2025-01-03' from generate_series(1, 22) g;
