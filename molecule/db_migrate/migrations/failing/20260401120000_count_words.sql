-- migrate:up
ALTER TABLE notes ADD COLUMN words integer;
UPDATE notes SET words = array_length(string_to_array(bodi, ' '), 1);

-- migrate:down
ALTER TABLE notes DROP COLUMN words;
