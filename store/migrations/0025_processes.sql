-- Processes. A sub-order with one is a single run: its inputs lie in a table of their own, so that nothing which lists, counts or hands out an
-- order's files can ever come upon them, and its files are the outputs: one row that stands for them all until they are published.
-- {"name", "parameters", "scope"}, as the program is called.
ALTER TABLE sub_orders ADD COLUMN process jsonb;

-- The columns that a worker reads and reports are named as those of order_files, because the same statements serve both.
-- Rows go when their sub-order ends: until then they keep their blobs from being collected.
CREATE TABLE process_inputs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id bigint NOT NULL,
  sub_order integer NOT NULL,
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
  state text NOT NULL CHECK (state IN ('PENDING', 'AVAILABLE', 'ERROR')),
  received_size bigint,
  crc32 bigint,
  sha256 bytea,
  error text,
  not_ready_since timestamptz,
  retry_after timestamptz
) WITH (fillfactor = 90);

CREATE INDEX process_inputs_sub_order_idx ON process_inputs (order_id, sub_order, id);
CREATE INDEX process_inputs_blob_idx ON process_inputs (sha256) WHERE sha256 IS NOT NULL;

CREATE OR REPLACE VIEW sub_orders_now AS
SELECT s.id, s.order_id, s.number, s.owner, s.dataset_urn, s.dataset_label, s.reference, s.state, s.attempt, s.told_attempt,
  s.not_before, s.started_at, s.ended_at, s.last_report_at, s.message,
  s.files_total, s.files_pending, s.files_available, s.files_downloaded, s.files_failed, s.download_errors,
  s.bytes_total, s.bytes_available, s.bytes_failed, s.process
FROM sub_orders s
WHERE s.changes = s.counted
UNION ALL
SELECT s.id, s.order_id, s.number, s.owner, s.dataset_urn, s.dataset_label, s.reference, s.state, s.attempt, s.told_attempt,
  s.not_before, s.started_at, s.ended_at, s.last_report_at, s.message,
  c.files_total, c.files_pending, c.files_available, c.files_downloaded, c.files_failed, c.download_errors,
  c.bytes_total, c.bytes_available, c.bytes_failed, s.process
FROM sub_orders s
CROSS JOIN LATERAL count_files(s.order_id, s.number) c
WHERE s.changes <> s.counted;
