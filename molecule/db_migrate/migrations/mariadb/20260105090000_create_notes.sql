-- migrate:up
CREATE TABLE notes (id integer PRIMARY KEY, body varchar(200) NOT NULL);
INSERT INTO notes VALUES (1, 'a first one; with a semicolon');

-- migrate:down
DROP TABLE notes;
