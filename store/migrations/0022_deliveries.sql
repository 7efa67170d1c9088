-- Orders whose files are to be brought to an object store as one archive (rs-delivery). The row is the promise: whoever claims it does the work,
-- and `attempts` tells claims apart, so that one who was thought dead ends nothing any more.
CREATE TABLE deliveries (
  order_id bigint PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
  owner text NOT NULL,
  correlation_id text NOT NULL,
  target text NOT NULL,
  -- The limit that the order was asked with: a repeat of the request must be the same order whatever the setting is by then.
  size_limit bigint NOT NULL,
  -- Where answers go beside the exchange, and the properties that they take from the request.
  reply_to text,
  envelope jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'Waiting' CHECK (state IN ('Waiting', 'Done', 'Failed')),
  attempts integer NOT NULL DEFAULT 0,
  -- Claim and pause after a failure: while it lies ahead, nobody else takes the delivery.
  next_attempt_at timestamptz,
  last_error text,
  result jsonb,
  ended_at timestamptz,
  UNIQUE (owner, correlation_id)
);

CREATE INDEX deliveries_waiting_idx ON deliveries (order_id) WHERE state = 'Waiting';

-- Properties of the message that its receiver chose: the application's name and the priority of the request that it answers.
ALTER TABLE outbox ADD COLUMN envelope jsonb;
