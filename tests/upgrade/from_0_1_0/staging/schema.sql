CREATE SCHEMA gap;
CREATE SCHEMA kept;
CREATE SCHEMA known;
CREATE SCHEMA ready;
CREATE TABLE gap.confirmed("name" VARCHAR, "content" VARCHAR);
CREATE TABLE gap.memory("name" VARCHAR PRIMARY KEY, "value" VARCHAR);
CREATE TABLE kept.overwritten(removal VARCHAR, moment VARCHAR, sink VARCHAR, "name" VARCHAR, "key" VARCHAR, "content" VARCHAR, written VARCHAR, undone BOOLEAN);
CREATE TABLE kept.removed(removal VARCHAR, moment VARCHAR, sink VARCHAR, "name" VARCHAR, "key" VARCHAR, "content" VARCHAR, undone BOOLEAN);
CREATE TABLE kept.sighted("source" VARCHAR, "name" VARCHAR, "key" VARCHAR, "version" VARCHAR);
