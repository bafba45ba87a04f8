"""Rows are not removed from NEW while others refer to them that would go along unkept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import ENDS, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster

TABLES = """
create table public.categories (team_id int, slug text, updated_at timestamptz not null default now(),
  primary key (team_id, slug), unique (slug, team_id));
create table public.articles (id int primary key, category_slug text, team_id int,
  updated_at timestamptz not null default now(),
  foreign key (category_slug, team_id) references public.categories (slug, team_id) on delete cascade);
create table public.stars (id int primary key, team_id int, slug text,
  foreign key (team_id, slug) references public.categories on delete set null);
grant select, insert, update, delete on public.categories, public.articles to service_role;
"""
CONFIG = ENDS + (
    "tables:\n  categories: {key: [team_id, slug], deletes: mirror}\n  articles: {depends_on: categories}\n"
)


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with between(cluster, tmp_path, ROLES + TABLES, ROLES + TABLES, CONFIG) as made:
        yield made.ready()


@pytest.mark.parametrize("child", ["articles", "stars"])
def test_a_key_of_several_columns_holds_the_row_that_would_take_others_along(
    space: Workspace, child: str
) -> None:
    space.old.run("insert into public.categories select 1, 's' || g from generate_series(1, 40) g")
    if child == "articles":
        space.old.run("insert into public.articles values (1, 's7', 1)")
    assert space.supasync("sync").code == 0
    space.new.run("insert into public.stars values (1, 1, 's7')" if child == "stars" else "select 1")
    space.old.run("delete from public.categories where slug = 's7'")
    then, long_ago = '"verified_at": "2[^"]*"', '"verified_at": "2020-01-01T00:00:00Z"'
    day = f"regexp_replace(state::text, '{then}', '{long_ago}', 'g')"
    space.new.run(f"update sync_metadata set state = {day}::jsonb where state is not null")  # noqa: S608
    done = space.supasync("sync")
    assert f"1 row that is deleted in OLD stays in NEW: rows of {child} refer to it" in done.err
    assert len(space.new.texts("categories")) == 40
    assert len(space.new.texts(child)) == 1
