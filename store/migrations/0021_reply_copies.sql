-- A reply queue that is named when something of the order is told already gets that as copies. `copy_of` is the key of the message that it repeats;
-- a copy goes to `reply_to` alone, and the message it repeats does not go there as well.
ALTER TABLE outbox ADD COLUMN copy_of text;

CREATE FUNCTION copy_key(queue text, of text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'copy:' || queue || ':' || of;
