-- What administrators look for among everybody's orders: a time, a status; newest first is by id.
CREATE INDEX orders_created_idx ON orders (created_at);
CREATE INDEX orders_status_idx ON orders (status, id);

-- While it is active, the tenant's REST interface changes nothing. No row: it never was.
CREATE TABLE maintenance (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  active boolean NOT NULL,
  -- What the administrator wants users to be told.
  message text,
  updated_at timestamptz NOT NULL
);
