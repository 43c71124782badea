-- Format 1. This file never changes again: a new format is a new file.
--
-- Every table of records has its key columns, the record as JSON in `data`, and in `mac` the record's checksum under
-- the state key. `meta.sums` holds how many records each table has and the sum of their checksums.

CREATE TABLE migrations (
  version    INTEGER PRIMARY KEY,
  checksum   TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE meta (
  lineage     BLOB    NOT NULL PRIMARY KEY,
  created_at  TEXT    NOT NULL,
  serial      INTEGER NOT NULL,
  fence       INTEGER NOT NULL,
  sums        TEXT    NOT NULL,
  schema_sum  BLOB    NOT NULL,
  plain_check BLOB    NOT NULL,
  mac         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE configs (
  id      INTEGER PRIMARY KEY,
  lineage BLOB NOT NULL REFERENCES meta (lineage),
  data    TEXT NOT NULL,
  mac     BLOB NOT NULL,
  UNIQUE (lineage, data)
) STRICT;

CREATE TABLE resources (
  id      INTEGER PRIMARY KEY,
  lineage BLOB    NOT NULL REFERENCES meta (lineage),
  address TEXT    NOT NULL,
  deposed TEXT    NOT NULL,
  config  INTEGER NOT NULL REFERENCES configs (id),
  data    TEXT    NOT NULL,
  mac     BLOB    NOT NULL,
  UNIQUE (lineage, address, deposed)
) STRICT;

CREATE TABLE open_ops (
  seq        INTEGER PRIMARY KEY,
  lineage    BLOB NOT NULL REFERENCES meta (lineage),
  op         TEXT NOT NULL,
  address    TEXT NOT NULL,
  deposed    TEXT NOT NULL,
  data       TEXT NOT NULL,
  checkpoint TEXT NOT NULL,
  mac        BLOB NOT NULL,
  UNIQUE (lineage, op),
  UNIQUE (lineage, address, deposed)
) STRICT;

CREATE TABLE closed_ops (
  seq     INTEGER PRIMARY KEY,
  lineage BLOB NOT NULL REFERENCES meta (lineage),
  op      TEXT NOT NULL,
  address TEXT NOT NULL,
  data    TEXT NOT NULL,
  mac     BLOB NOT NULL,
  UNIQUE (lineage, op)
) STRICT;

CREATE TABLE plans (
  lineage BLOB NOT NULL REFERENCES meta (lineage),
  plan    TEXT NOT NULL,
  data    TEXT NOT NULL,
  mac     BLOB NOT NULL,
  PRIMARY KEY (lineage, plan)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan_steps_done (
  lineage BLOB    NOT NULL,
  plan    TEXT    NOT NULL,
  step    INTEGER NOT NULL,
  mac     BLOB    NOT NULL,
  PRIMARY KEY (lineage, plan, step),
  FOREIGN KEY (lineage, plan) REFERENCES plans (lineage, plan)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  seq     INTEGER PRIMARY KEY,
  lineage BLOB NOT NULL REFERENCES meta (lineage),
  run     TEXT NOT NULL,
  data    TEXT NOT NULL,
  mac     BLOB NOT NULL,
  UNIQUE (lineage, run)
) STRICT;

CREATE TABLE events (
  lineage  BLOB    NOT NULL,
  run      TEXT    NOT NULL,
  serial   INTEGER NOT NULL,
  position INTEGER NOT NULL,
  data     TEXT    NOT NULL,
  mac      BLOB    NOT NULL,
  PRIMARY KEY (lineage, run, serial, position),
  FOREIGN KEY (lineage, run) REFERENCES runs (lineage, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE outputs (
  lineage BLOB NOT NULL REFERENCES meta (lineage),
  name    TEXT NOT NULL,
  data    TEXT NOT NULL,
  mac     BLOB NOT NULL,
  PRIMARY KEY (lineage, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE locks (
  lineage  BLOB    NOT NULL PRIMARY KEY REFERENCES meta (lineage),
  id       TEXT    NOT NULL,
  fence    INTEGER NOT NULL,
  released INTEGER NOT NULL,
  data     TEXT    NOT NULL,
  mac      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
