-- migrate:up
ALTER TABLE notes ADD COLUMN words integer;
CREATE VIEW long_notes AS SELECT id FROM notes WHERE length(bodi) > 1000;

-- migrate:down
DROP VIEW long_notes;
ALTER TABLE notes DROP COLUMN words;
