-- Of an order that was made out of what was there already (a basket, another order) under a key of the client's: hash of that request, so that
-- a repeat is known although the basket is gone.
ALTER TABLE orders ADD COLUMN request_hash text;
