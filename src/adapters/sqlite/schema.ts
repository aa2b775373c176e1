/**
 * The store's tables, as a list of migrations: number n brings a store from schema n to n + 1. A migration that has been released
 * is never edited; the next one is appended. Times are Unix ms (wall), except `lease.deadline` (monotonic ms of that boot).
 */
const nouns = `
CREATE TABLE schema_version (version INTEGER NOT NULL, applied_at INTEGER NOT NULL) STRICT;

CREATE TABLE clusters (id TEXT PRIMARY KEY, alias TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL) STRICT;

CREATE TABLE servers (
  cluster TEXT NOT NULL, id TEXT NOT NULL, first_seen INTEGER NOT NULL,
  PRIMARY KEY (cluster, id)
) STRICT;

-- One address leads to one server at a time; a server may have many.
CREATE TABLE addresses (
  cluster TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, server TEXT NOT NULL, seen_at INTEGER NOT NULL,
  PRIMARY KEY (cluster, host, port),
  FOREIGN KEY (cluster, server) REFERENCES servers (cluster, id) ON DELETE CASCADE
) STRICT;

-- Apart from the reigns, so that no epoch returns whatever happens to those.
CREATE TABLE epochs (cluster TEXT PRIMARY KEY, highest INTEGER NOT NULL) STRICT;

CREATE TABLE reigns (
  cluster TEXT NOT NULL, epoch INTEGER NOT NULL, primary_server TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('opening', 'open')),
  semi_sync TEXT NOT NULL, opened_at TEXT NOT NULL, recovery TEXT, at INTEGER NOT NULL,
  PRIMARY KEY (cluster, epoch)
) STRICT;

-- One row for ever: tokens only grow. held = 0: given back.
CREATE TABLE lease (
  id INTEGER PRIMARY KEY CHECK (id = 1), token INTEGER NOT NULL, held INTEGER NOT NULL,
  who TEXT NOT NULL, boot TEXT NOT NULL, pid_namespace TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
  deadline REAL NOT NULL, ttl REAL NOT NULL
) STRICT;
INSERT INTO lease VALUES (1, 0, 0, '', '', '', 0, '', 0, 0);

CREATE TABLE recoveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, cluster TEXT NOT NULL, kind TEXT NOT NULL,
  subject TEXT NOT NULL, state TEXT NOT NULL, automatic INTEGER NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
  because TEXT NOT NULL, refusals TEXT NOT NULL, lost TEXT
) STRICT;
CREATE UNIQUE INDEX one_open_recovery ON recoveries (cluster) WHERE state IN ('act1', 'act2', 'undoing');
CREATE INDEX recoveries_by_cluster ON recoveries (cluster, seq);

CREATE TABLE plans (
  recovery TEXT NOT NULL REFERENCES recoveries (id), number INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (recovery, number)
) STRICT;

-- token, tick: who wrote last and in which order, so that a late write of a former holder never covers a newer one.
CREATE TABLE steps (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, recovery TEXT NOT NULL REFERENCES recoveries (id), key TEXT NOT NULL,
  token INTEGER NOT NULL, tick INTEGER NOT NULL, record TEXT,
  UNIQUE (recovery, key)
) STRICT;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, recovery TEXT NOT NULL REFERENCES recoveries (id), at INTEGER NOT NULL, says TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_recovery ON events (recovery, seq);

CREATE TABLE evidence (
  id INTEGER PRIMARY KEY AUTOINCREMENT, cluster TEXT NOT NULL, at INTEGER NOT NULL, vantage TEXT NOT NULL,
  version INTEGER NOT NULL, verdict TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_by_cluster ON evidence (cluster, id);

CREATE TABLE readings (
  cluster TEXT NOT NULL, server TEXT NOT NULL, at INTEGER NOT NULL, vantage TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (cluster, server)
) STRICT;

CREATE TABLE orders (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, cluster TEXT NOT NULL, kind TEXT NOT NULL, server TEXT, reason TEXT NOT NULL,
  given_by TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_until INTEGER NOT NULL, withdrawn_at INTEGER
) STRICT;
CREATE INDEX orders_by_cluster ON orders (cluster, valid_until);

CREATE TABLE route_numbers (
  cluster TEXT NOT NULL, epoch INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (cluster, epoch)
) STRICT;
`

/** Asked with every reading of the books: repairs that fail every few seconds make the table long. */
const lastOfAKind = `
CREATE INDEX recoveries_by_kind ON recoveries (cluster, kind, automatic, state, ended_at);
`

export const MIGRATIONS: readonly string[] = [nouns, lastOfAKind]

export const SCHEMA_VERSION = MIGRATIONS.length

/** "REGT": tells our file from another program's SQLite database. */
export const APPLICATION_ID = 0x52454754

/** Forms of what is kept as text, apart from the tables: a reader that meets a newer one says so. */
export const PLAN_VERSION = 1
export const READING_VERSION = 1
export const EVIDENCE_VERSION = 1
