-- What is remembered of orders, their files, users and settings: one schema per tenant, found through the search_path.
-- Expectation: 10 million rows in order_files, 100 thousand in sub_orders and orders. So order_files has three indexes and no
-- foreign key, states are changed in bulk, and counters are recounted per sub-order, only where something changed.

CREATE SEQUENCE orders_id_seq AS bigint;

CREATE TABLE orders (
  id bigint PRIMARY KEY DEFAULT nextval('orders_id_seq'),
  owner text NOT NULL,
  label text NOT NULL,
  correlation_id text NOT NULL,
  resource_name text NOT NULL,
  resource_uid text,
  spec jsonb NOT NULL,
  spec_hash text NOT NULL,
  role text NOT NULL,
  channel text NOT NULL,
  created_at timestamptz NOT NULL,
  -- How far the catalogue was searched, and which `spec.retry` was carried out.
  cursor jsonb,
  resolved_at timestamptz,
  products_found bigint NOT NULL DEFAULT 0,
  retries_served integer NOT NULL DEFAULT 0,
  purged boolean NOT NULL DEFAULT false,
  -- The read model: written by the operator only, read by everybody who lists or polls.
  status text NOT NULL DEFAULT 'PENDING',
  status_time timestamptz NOT NULL,
  percent_completed smallint NOT NULL DEFAULT 0,
  files_total bigint NOT NULL DEFAULT 0,
  files_pending bigint NOT NULL DEFAULT 0,
  files_available bigint NOT NULL DEFAULT 0,
  files_downloaded bigint NOT NULL DEFAULT 0,
  files_failed bigint NOT NULL DEFAULT 0,
  bytes_total bigint NOT NULL DEFAULT 0,
  bytes_available bigint NOT NULL DEFAULT 0,
  bytes_failed bigint NOT NULL DEFAULT 0,
  sub_orders_total integer NOT NULL DEFAULT 0,
  sub_orders_waiting integer NOT NULL DEFAULT 0,
  sub_orders_running integer NOT NULL DEFAULT 0,
  sub_orders_succeeded integer NOT NULL DEFAULT 0,
  sub_orders_failed integer NOT NULL DEFAULT 0,
  waiting_for_user boolean NOT NULL DEFAULT false,
  suspended boolean NOT NULL DEFAULT false,
  expiration_time timestamptz,
  completion_time timestamptz,
  message text,
  CONSTRAINT orders_correlation_id_key UNIQUE (owner, correlation_id),
  CONSTRAINT orders_label_key UNIQUE (owner, label)
) WITH (fillfactor = 80);

CREATE INDEX orders_owner_idx ON orders (owner, id);
CREATE INDEX orders_resource_idx ON orders (resource_name);
CREATE INDEX orders_expiration_idx ON orders (expiration_time) WHERE status NOT IN ('EXPIRED', 'DELETED');
CREATE INDEX orders_without_resource_idx ON orders (created_at) WHERE resource_uid IS NULL;

CREATE TABLE order_datasets (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
  dataset_urn text NOT NULL,
  dataset_label text NOT NULL,
  products_count bigint NOT NULL,
  files_count bigint NOT NULL,
  files_size bigint NOT NULL,
  UNIQUE (order_id, dataset_urn)
);

-- `changes` counts the batches of file changes, `counted` is the value of it that the counters below were made at:
-- they differ = the counters are stale. A number instead of a flag, so that a recount cannot wipe out a change that it did not see.
CREATE TABLE sub_orders (
  id bigint GENERATED ALWAYS AS IDENTITY,
  order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
  number integer NOT NULL,
  owner text NOT NULL,
  dataset_urn text NOT NULL,
  dataset_label text NOT NULL,
  reference boolean NOT NULL,
  state text NOT NULL CHECK (state IN ('Waiting', 'Running', 'Succeeded', 'Failed')),
  attempt integer NOT NULL DEFAULT 1,
  told_attempt integer NOT NULL DEFAULT 0,
  planned_bytes bigint NOT NULL,
  not_before timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  last_report_at timestamptz,
  -- When a file of it last became available: a source that gives nothing any more is given up.
  last_arrival_at timestamptz,
  message text,
  changes bigint NOT NULL DEFAULT 0,
  counted bigint NOT NULL DEFAULT 0,
  files_total integer NOT NULL,
  files_pending integer NOT NULL,
  files_available integer NOT NULL,
  files_downloaded integer NOT NULL DEFAULT 0,
  files_failed integer NOT NULL DEFAULT 0,
  download_errors integer NOT NULL DEFAULT 0,
  bytes_total bigint NOT NULL,
  bytes_available bigint NOT NULL,
  bytes_failed bigint NOT NULL DEFAULT 0,
  waiting_for_user boolean NOT NULL GENERATED ALWAYS AS (files_pending = 0 AND files_available > download_errors) STORED,
  PRIMARY KEY (order_id, number)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX sub_orders_waiting_idx ON sub_orders (owner, planned_bytes, order_id, number) WHERE state = 'Waiting';
CREATE INDEX sub_orders_running_idx ON sub_orders (owner) WHERE state = 'Running';
CREATE INDEX sub_orders_undownloaded_idx ON sub_orders (owner) WHERE waiting_for_user AND NOT reference;

-- Who changes a file's state holds the row of its sub-order first: that is the order of locks that keeps writers from dead-locking.
CREATE TABLE order_files (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL,
  sub_order integer NOT NULL,
  reference boolean NOT NULL,
  product_version integer NOT NULL,
  product_urn text NOT NULL,
  provider_id text NOT NULL,
  file_type text NOT NULL,
  uri text NOT NULL,
  filename text NOT NULL,
  mime_type text NOT NULL,
  size bigint,
  checksum text,
  algorithm text,
  state text NOT NULL CHECK (state IN ('PENDING', 'AVAILABLE', 'DOWNLOADED', 'DOWNLOAD_ERROR', 'ERROR', 'PROCESSING_ERROR')),
  -- What was received; null until then, and always for references.
  received_size bigint,
  crc32 bigint,
  sha256 bytea,
  error text,
  not_ready_since timestamptz,
  retry_after timestamptz
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX order_files_sub_order_idx ON order_files (order_id, sub_order, id);
CREATE INDEX order_files_blob_idx ON order_files (sha256) WHERE sha256 IS NOT NULL;

-- The counters of one sub-order, counted from its files.
CREATE FUNCTION count_files(of_order bigint, of_sub_order integer, OUT files_total integer, OUT files_pending integer,
  OUT files_available integer, OUT files_downloaded integer, OUT files_failed integer, OUT download_errors integer, OUT bytes_total bigint,
  OUT bytes_available bigint, OUT bytes_failed bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT
    count(*)::integer,
    (count(*) FILTER (WHERE state = 'PENDING'))::integer,
    (count(*) FILTER (WHERE state IN ('AVAILABLE', 'DOWNLOAD_ERROR')))::integer,
    (count(*) FILTER (WHERE state = 'DOWNLOADED'))::integer,
    (count(*) FILTER (WHERE state IN ('ERROR', 'PROCESSING_ERROR')))::integer,
    (count(*) FILTER (WHERE state = 'DOWNLOAD_ERROR'))::integer,
    coalesce(sum(coalesce(received_size, size, 0)), 0)::bigint,
    coalesce(sum(coalesce(received_size, size, 0)) FILTER (WHERE state IN ('AVAILABLE', 'DOWNLOADED', 'DOWNLOAD_ERROR')), 0)::bigint,
    coalesce(sum(coalesce(received_size, size, 0)) FILTER (WHERE state IN ('ERROR', 'PROCESSING_ERROR')), 0)::bigint
  FROM order_files
  WHERE order_id = of_order AND sub_order = of_sub_order;
END;

-- sub_orders with counters that are right whatever `changes` says: stale ones are counted from the files as they are read.
CREATE VIEW sub_orders_now AS
SELECT s.id, s.order_id, s.number, s.owner, s.dataset_urn, s.dataset_label, s.reference, s.state, s.attempt, s.told_attempt,
  s.not_before, s.started_at, s.ended_at, s.last_report_at, s.message,
  s.files_total, s.files_pending, s.files_available, s.files_downloaded, s.files_failed, s.download_errors,
  s.bytes_total, s.bytes_available, s.bytes_failed
FROM sub_orders s
WHERE s.changes = s.counted
UNION ALL
SELECT s.id, s.order_id, s.number, s.owner, s.dataset_urn, s.dataset_label, s.reference, s.state, s.attempt, s.told_attempt,
  s.not_before, s.started_at, s.ended_at, s.last_report_at, s.message,
  c.files_total, c.files_pending, c.files_available, c.files_downloaded, c.files_failed, c.download_errors,
  c.bytes_total, c.bytes_available, c.bytes_failed
FROM sub_orders s
CROSS JOIN LATERAL count_files(s.order_id, s.number) c
WHERE s.changes <> s.counted;

-- What must be told, in the order of `id` within an order. No foreign key: what was promised is told even if the order is gone.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL,
  dedup_key text NOT NULL,
  kind text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  delivered_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_error text,
  UNIQUE (order_id, dedup_key)
);

CREATE TABLE archives (
  etag text PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
  files bigint[] NOT NULL,
  size bigint NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE INDEX archives_order_idx ON archives (order_id);

CREATE TABLE blobs (
  sha256 bytea PRIMARY KEY,
  size bigint NOT NULL,
  last_used timestamptz NOT NULL
) WITH (fillfactor = 80);

-- The sum of blobs.size, kept in the same transactions: the scheduler asks for it at every pass, and summing millions of rows takes too long.
CREATE TABLE blob_space (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  bytes bigint NOT NULL
);

INSERT INTO blob_space (bytes) VALUES (0);

CREATE TABLE users (
  email text PRIMARY KEY,
  role text NOT NULL,
  groups text[] NOT NULL,
  active boolean NOT NULL,
  password_hash text
);

CREATE TABLE settings (
  name text PRIMARY KEY,
  value jsonb NOT NULL
);
