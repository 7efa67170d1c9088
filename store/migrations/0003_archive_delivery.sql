-- What an archive could not hold, what of it has been sent, and when it was last asked for: so a download that goes on after a restart, on
-- another server or over many connections is told apart from one that is whole. `single`: the "archive" is one file by itself.
ALTER TABLE archives
  ADD COLUMN missing bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN single boolean NOT NULL DEFAULT false,
  ADD COLUMN delivered int8multirange NOT NULL DEFAULT '{}',
  ADD COLUMN last_served_at timestamptz;
