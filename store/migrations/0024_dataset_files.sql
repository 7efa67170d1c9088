-- Files of a dataset itself (a user's guide, a calibration table): they come along with every order of a product of it.
CREATE TABLE dataset_files (
  dataset_id integer NOT NULL REFERENCES datasets ON DELETE CASCADE,
  position integer NOT NULL,
  type text NOT NULL CHECK (type IN ('RAWDATA', 'QUICKLOOK_SD', 'QUICKLOOK_MD', 'QUICKLOOK_HD')),
  filename text NOT NULL,
  uri text NOT NULL,
  mime_type text NOT NULL,
  size bigint,
  checksum text,
  algorithm text,
  reference boolean NOT NULL DEFAULT false,
  PRIMARY KEY (dataset_id, position)
);
