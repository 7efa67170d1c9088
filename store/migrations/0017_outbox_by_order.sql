-- Whoever follows an order reads what was told of it after the message seen last.
CREATE INDEX outbox_order_idx ON outbox (order_id, id);
