-- Answers with bytes of an archive that are under way: from which byte on, and how far they may have come by now. A row goes when its answer is
-- over, however it ends; one that stays is of a process that died, and bytes before the place where its client goes on have arrived.
CREATE TABLE archive_sendings (
  id uuid PRIMARY KEY,
  etag text NOT NULL REFERENCES archives ON DELETE CASCADE,
  first_byte bigint NOT NULL,
  -- Not included.
  last_byte bigint NOT NULL
);

CREATE INDEX archive_sendings_etag_idx ON archive_sendings (etag);
