-- migrate:up
CREATE TABLE notes (id integer PRIMARY KEY, body text NOT NULL);

-- migrate:down
DROP TABLE notes;
