-- The groups of the owner when the order was asked for: a caller may be known by their token alone, and the search comes after the answer.
ALTER TABLE orders ADD COLUMN groups text[] NOT NULL DEFAULT '{}';
UPDATE orders SET groups = users.groups FROM users WHERE users.email = orders.owner;

-- The least role of a route where an administrator has changed it. No row: the built-in one.
CREATE TABLE route_roles (
  operation text PRIMARY KEY,
  role text NOT NULL
);
