-- The local Kubernetes: one row per object, and one row that says who writes and how far it has come.
CREATE TABLE objects (
  resource text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  -- json, not jsonb: clients see the fields in the order in which they sent them
  object json NOT NULL,
  PRIMARY KEY (resource, namespace, name)
);

-- `epoch` is raised by each process that takes over; a statement of an earlier one then writes nothing.
CREATE TABLE writer (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch bigint NOT NULL,
  version bigint NOT NULL
);
INSERT INTO writer (epoch, version) VALUES (0, 0);
