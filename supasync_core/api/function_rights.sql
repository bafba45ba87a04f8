    -- Nobody but service_role and the owner may call what is made here, to whomever default privileges have given
    -- it. Who is a member of one of these two may, too, but for anon and authenticated.
    declare
        supasync_right record;
    begin
        for supasync_right in
            select p.oid::regprocedure as called,
                case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as role
            from pg_catalog.pg_proc p
            cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            where p.oid = any (array[:functions]::oid[]) and a.grantee <> p.proowner
        loop
            execute format('revoke all on function %s from %s cascade', supasync_right.called, supasync_right.role);
        end loop;
        for supasync_right in select p.oid::regprocedure as called from pg_catalog.pg_proc p
            where p.oid = any (array[:granted]::oid[])
        loop
            execute format('grant execute on function %s to service_role', supasync_right.called);
        end loop;
        for supasync_right in
            :callers
            order by 1, 2
        loop
            raise exception '% may still call %', supasync_right.role, supasync_right.name
                using hint = 'revoke the role by which it may, then run this again';
        end loop;
    end;
