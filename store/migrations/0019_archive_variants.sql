-- Which of an order's archives it is: layout and part. A client that goes on without naming its archive means the last of the same kind.
ALTER TABLE archives ADD COLUMN variant text NOT NULL DEFAULT 'flat';
