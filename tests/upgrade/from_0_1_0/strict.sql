alter table public.jobs add constraint short check (label <> 'job 7');
