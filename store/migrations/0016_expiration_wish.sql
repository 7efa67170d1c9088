-- The owner's wish for the expiration (`spec.expirationTime`) as it was last judged, and when: so that it is judged once, and the
-- tenant's maximum counts from the time of asking.
ALTER TABLE orders
  ADD COLUMN expiration_asked timestamptz,
  ADD COLUMN expiration_asked_at timestamptz;
