-- Delivery of the outbox. An answer to a request that never became an order has no order. `next_attempt_at` is both pause after a failure and
-- claim: while it lies ahead, nobody else sends that message, nor a later one of the same order.
ALTER TABLE outbox ALTER COLUMN order_id DROP NOT NULL;
-- The queue that the refused request named for its answer; that of an order stands in reply_queues.
ALTER TABLE outbox ADD COLUMN reply_to text;

CREATE INDEX outbox_due_idx ON outbox (id) WHERE delivered_at IS NULL;
CREATE INDEX outbox_untold_idx ON outbox (order_id, id) WHERE delivered_at IS NULL;

-- Queues that their owners named in a request, for everything that is told of that order. By its key, because the row is written before the order.
CREATE TABLE reply_queues (
  owner text NOT NULL,
  correlation_id text NOT NULL,
  queue text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (owner, correlation_id, queue)
);

-- Claims the oldest messages that are due, for `lease`. One claim at a time, each with a snapshot of its own (that is why it is a function):
-- otherwise two senders could take the first and the second message of one order.
CREATE FUNCTION claim_outbox(most integer, lease interval) RETURNS SETOF outbox LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.claim_outbox', 0));
  RETURN QUERY
    UPDATE outbox claimed SET next_attempt_at = clock_timestamp() + lease, attempts = claimed.attempts + 1
    FROM (
      SELECT due.id FROM outbox due
      WHERE due.delivered_at IS NULL AND (due.next_attempt_at IS NULL OR due.next_attempt_at <= clock_timestamp())
        AND NOT EXISTS (
          SELECT FROM outbox before
          WHERE before.order_id = due.order_id AND before.id < due.id AND before.delivered_at IS NULL
            AND before.next_attempt_at > clock_timestamp())
      ORDER BY due.id
      LIMIT most) due
    WHERE claimed.id = due.id
    RETURNING claimed.*;
END
$$;
