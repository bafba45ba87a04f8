"""Views of twelve rows of which the server prints a few at once: more are too large, or take too long."""

SQL = """
create function printed(number int, most int, code text) returns text language plpgsql stable as $$
declare seen int := coalesce(nullif(current_setting('test.printed', true), ''), '0');
begin
  if number = 0 or seen >= most then
    raise exception 'more than the server can print' using errcode = code;
  end if;
  perform set_config('test.printed', (seen + 1)::text, true);
  return 'row ' || number;
end $$;
create view printed_rows as select id, printed(id, 3, '54000') as label from generate_series(1, 12) id;
create view slowly_printed as select id, printed(id, 3, '57014') as label from generate_series(1, 12) id;
create view unprinted as select id, printed(0, 0, '54000') as label from generate_series(1, 12) id;
"""
