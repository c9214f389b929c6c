/**
 * One entry per schema version. Only append; never edit an entry, because databases of every version are in use. If an earlier
 * release would misread what is stored from now on, append one even if it is empty: then that release refuses the database.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    folder_id TEXT NOT NULL,
    id_start TEXT NOT NULL,
    body TEXT NOT NULL,
    combinations INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    first_report_at INTEGER,
    completion_published INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER,
    UNIQUE (folder_id, id_start)
  ) STRICT;
  CREATE INDEX tasks_unfinished ON tasks (seq) WHERE finished_at IS NULL;

  CREATE TABLE reports (
    task_id TEXT NOT NULL,
    combination INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task_id, combination)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE pins (
    task_id TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task_id, name)
  ) STRICT, WITHOUT ROWID;

  -- held_until is NULL once released; a time that has passed means a holder that died.
  CREATE TABLE leases (
    key TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    held_until INTEGER,
    taken_at INTEGER NOT NULL,
    takes INTEGER NOT NULL,
    crashes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE urls (
    url TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    validator TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'taken', 'parked')),
    task_id TEXT NOT NULL,
    body TEXT NOT NULL,
    available_at INTEGER NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  -- Covers the choice of the next message, which looks at every waiting one.
  CREATE INDEX messages_next ON messages (topic, state, task_id, id, available_at);
  `,
  `
  ALTER TABLE leases ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
  -- In the order in which a task's messages are taken.
  DROP INDEX messages_next;
  CREATE INDEX messages_next ON messages (topic, state, task_id, available_at, id);
  `,
  `
  ALTER TABLE tasks ADD COLUMN cancelled_at INTEGER;
  -- expires_at is NULL where a claim stands for ever.
  CREATE TABLE claims (
    key TEXT PRIMARY KEY,
    task_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    expires_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX claims_expiring ON claims (expires_at) WHERE expires_at IS NOT NULL;
  `,
  `
  -- Hosts that died while they handled it.
  ALTER TABLE messages ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
  DROP INDEX messages_next;
  CREATE INDEX messages_next ON messages (topic, state, task_id, available_at, id, deaths);
  CREATE INDEX messages_suspect ON messages (id) WHERE deaths >= 2;
  `,
  `UPDATE tasks SET body = json_set(body, '$.fileId', id) WHERE json_extract(body, '$.fileId') IS NULL`,
  `CREATE TABLE ids (key TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  `
  -- rests_until is NULL before the first rest, of which round is the number.
  CREATE TABLE attempts (
    key TEXT PRIMARY KEY,
    crashes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    round INTEGER NOT NULL,
    rests_until INTEGER,
    changed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO attempts SELECT key, crashes, failures, 0, NULL, taken_at FROM leases WHERE crashes + failures > 0;

  ALTER TABLE leases DROP COLUMN takes;
  ALTER TABLE leases DROP COLUMN crashes;
  ALTER TABLE leases DROP COLUMN failures;
  ALTER TABLE leases RENAME COLUMN taken_at TO changed_at;

  -- By the hash of the key, which may be a secret.
  CREATE TABLE memos (id TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO memos SELECT hash_id(key), id FROM ids;
  INSERT INTO memos SELECT
    hash_id('url/' || url), json_object('content', content, 'validator', json(validator)) FROM urls;
  DROP TABLE urls;
  DROP TABLE ids;
  `,
  `
  -- NULL in rows of earlier versions, which are not used any more.
  ALTER TABLE tasks ADD COLUMN seal TEXT;
  ALTER TABLE reports ADD COLUMN seal TEXT;
  ALTER TABLE claims ADD COLUMN seal TEXT;
  `,
  `
  CREATE INDEX tasks_finished ON tasks (finished_at) WHERE finished_at IS NOT NULL;
  -- Tasks that are gone, while some of their reports, pins and messages are still to be removed.
  CREATE TABLE pruned (task_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  ALTER TABLE memos ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
  UPDATE memos SET used_at = unixepoch() * 1000;
  CREATE INDEX memos_used ON memos (used_at);

  ALTER TABLE attempts ADD COLUMN lapses TEXT;
  `,
  `
  -- Times of the latest successes, as JSON.
  ALTER TABLE tasks ADD COLUMN succeeded_at TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE tasks DROP COLUMN first_report_at;
  `,
  `
  CREATE TABLE problems (
    task_id TEXT NOT NULL,
    work TEXT NOT NULL,
    body TEXT NOT NULL,
    since INTEGER NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (task_id, work)
  ) STRICT, WITHOUT ROWID;
  -- They end with their task, whoever ends or removes it.
  CREATE TRIGGER problems_over AFTER UPDATE OF finished_at ON tasks WHEN new.finished_at IS NOT NULL BEGIN
    DELETE FROM problems WHERE task_id = new.id;
  END;
  CREATE TRIGGER problems_forgotten AFTER DELETE ON tasks BEGIN
    DELETE FROM problems WHERE task_id = old.id;
  END;
  `,
  `
  -- When a start first found that the task cannot be used, because its seal does not fit; NULL if it can.
  ALTER TABLE tasks ADD COLUMN unreadable_since INTEGER;
  CREATE INDEX tasks_unreadable ON tasks (unreadable_since) WHERE unreadable_since IS NOT NULL;
  `,
  `
  -- The message whose handler took it; '' for work that no message stands for.
  ALTER TABLE leases ADD COLUMN holder TEXT NOT NULL DEFAULT '';
  `,
  `
  -- What a list shows of a task, in small rows: those of tasks may have 2 MB. Unsealed tasks are of no use any more.
  CREATE TABLE summaries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    -- By which the status of an unfinished task is told: how many sources, and indexes of combinations as JSON.
    sources INTEGER NOT NULL,
    renders TEXT NOT NULL,
    combinations INTEGER NOT NULL,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    -- How it ended; NULL until then.
    ended TEXT,
    finished_at INTEGER
  ) STRICT;
  INSERT INTO summaries SELECT
    seq,
    id,
    coalesce(CAST(json_extract(body, '$.name') AS TEXT), ''),
    coalesce(CAST(json_extract(body, '$.createdAt') AS TEXT), ''),
    min(10, coalesce(json_array_length(body, '$.plan.sources'), 0)),
    (SELECT json_group_array(json_extract(value, '$.index'))
       FROM json_each(body, '$.plan.combinations')
       WHERE finished_at IS NULL AND (key < 5 OR key IN
         (SELECT 5 + CAST(step.value * max(1.0, (combinations - 5) / 5.0) AS INTEGER) FROM json_each('[0,1,2,3,4]') AS step))),
    combinations,
    succeeded,
    failed,
    cancelled,
    cancelled_at IS NOT NULL,
    CASE
      WHEN finished_at IS NULL THEN NULL
      WHEN cancelled > 0 THEN 'cancelled'
      WHEN failed = 0 THEN 'completed'
      WHEN succeeded > 0 THEN 'partial'
      ELSE 'failed'
    END,
    finished_at
  FROM tasks WHERE seal IS NOT NULL;
  CREATE INDEX summaries_name ON summaries (name);
  CREATE INDEX summaries_ended ON summaries (ended);
  CREATE INDEX summaries_name_ended ON summaries (name, ended);
  CREATE TRIGGER summaries_counted AFTER UPDATE OF succeeded, failed, cancelled ON tasks BEGIN
    UPDATE summaries SET succeeded = new.succeeded, failed = new.failed, cancelled = new.cancelled WHERE seq = new.seq;
  END;
  CREATE TRIGGER summaries_cancelled AFTER UPDATE OF cancelled_at ON tasks BEGIN
    UPDATE summaries SET cancel_requested = new.cancelled_at IS NOT NULL WHERE seq = new.seq;
  END;
  CREATE TRIGGER summaries_forgotten AFTER DELETE ON tasks BEGIN
    DELETE FROM summaries WHERE seq = old.seq;
  END;
  `,
  `
  -- What became of the event of a task. body: the fields that no query uses.
  CREATE TABLE webhooks (
    task_id TEXT PRIMARY KEY,
    asked_at INTEGER NOT NULL,
    next_try_at INTEGER,
    body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX webhooks_due ON webhooks (next_try_at) WHERE next_try_at IS NOT NULL;
  CREATE TRIGGER webhooks_forgotten AFTER DELETE ON tasks BEGIN
    DELETE FROM webhooks WHERE task_id = old.id;
  END;
  `,
  `
  -- The text of the event and its seal, from the first delivery on.
  ALTER TABLE webhooks ADD COLUMN event TEXT;
  ALTER TABLE webhooks ADD COLUMN seal TEXT;
  -- Each event is a task of its own, so they are taken oldest first, however many there are.
  CREATE INDEX messages_webhook ON messages (state, available_at, id, deaths) WHERE topic = 'webhook';
  `,
  `
  -- Finished videos by how they did for each target, JSON.
  ALTER TABLE tasks ADD COLUMN targets TEXT NOT NULL DEFAULT '{}';
  `,
  `
  -- Hashes of output folders in which a task has file names without its id. Never removed: the files stay, too.
  CREATE TABLE taken_names (folder TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
  `
  -- NULL in rows of earlier versions. W3C trace context; milliseconds since the epoch.
  ALTER TABLE messages ADD COLUMN traceparent TEXT;
  ALTER TABLE messages ADD COLUMN published_at INTEGER;
  `,
  `
  -- Characters by month, of which each row names the first day.
  CREATE TABLE speech_usage (
    since TEXT PRIMARY KEY,
    bought INTEGER NOT NULL,
    saved INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];
