-- In which namespace (by UID: which cluster, which life of the namespace) an order's resource was made. A resource that is gone while that namespace
-- is still there was deleted by somebody; the resources of a namespace that is no more are made anew where the order is served next.
ALTER TABLE orders ADD COLUMN namespace_uid text;

-- Operators of which namespaces work on these orders, and when each last said so.
CREATE TABLE served_namespaces (
  uid text PRIMARY KEY,
  seen_at timestamptz NOT NULL
);

-- `purged` is set before the first file of an order is removed, this after the last: what lies between is taken up again.
ALTER TABLE orders ADD COLUMN emptied boolean NOT NULL DEFAULT false;
UPDATE orders SET emptied = true WHERE purged;

CREATE INDEX orders_bound_idx ON orders (id) WHERE resource_uid IS NOT NULL AND NOT emptied;
CREATE INDEX orders_leaving_idx ON orders (id) WHERE status IN ('EXPIRED', 'DELETED') AND NOT emptied;
