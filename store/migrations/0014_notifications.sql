-- What is told beside AMQP: by mail, and to webhooks. The outbox stays the list of what must be told; `routed` says that it is settled whom
-- else to tell of a message. A flag and not a place in the list: messages become visible in another order than that of their ids.
ALTER TABLE outbox ADD COLUMN routed boolean NOT NULL DEFAULT true;
-- What was told before there were other ways is not told again.
ALTER TABLE outbox ALTER COLUMN routed SET DEFAULT false;

CREATE INDEX outbox_unrouted_idx ON outbox (id) WHERE NOT routed;

-- Addresses that want to be told. Without owner: of every order of the tenant.
CREATE TABLE webhooks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner text,
  url text NOT NULL,
  kinds text[] NOT NULL,
  description text,
  -- Read by the sender only. For some time after a change both sign.
  secret text NOT NULL,
  previous_secret text,
  previous_until timestamptz,
  created_at timestamptz NOT NULL,
  active boolean NOT NULL DEFAULT true,
  -- Why it was switched off, where no user did it.
  disabled_reason text,
  -- Since its last success: from when it fails, how often it could not be reached, and until when it is left alone.
  failing_since timestamptz,
  failures integer NOT NULL DEFAULT 0,
  retry_at timestamptz
);

CREATE INDEX webhooks_owner_idx ON webhooks (owner);

-- A message of the outbox told to one target: an address of mail, or a webhook. `due_at` is both pause after a failure and claim.
CREATE TABLE notifications (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id bigint NOT NULL REFERENCES outbox ON DELETE CASCADE,
  way text NOT NULL CHECK (way IN ('mail', 'webhook')),
  target text NOT NULL,
  webhook_id bigint REFERENCES webhooks ON DELETE CASCADE,
  order_id bigint,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed', 'skipped')),
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  ended_at timestamptz,
  -- The receiver's last answer: of HTTP or SMTP.
  answer integer,
  last_error text,
  UNIQUE (message_id, way, target),
  CHECK ((way = 'webhook') = (webhook_id IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX notifications_mail_idx ON notifications (due_at) WHERE state = 'waiting' AND way = 'mail';
CREATE INDEX notifications_lane_idx ON notifications (target, order_id, message_id) WHERE state = 'waiting';
CREATE INDEX notifications_webhook_idx ON notifications (webhook_id, message_id);
CREATE INDEX notifications_ended_idx ON notifications (ended_at) WHERE state <> 'waiting';

-- When the owner was last reminded that files wait.
ALTER TABLE orders ADD COLUMN reminded_at timestamptz;
