-- migrate:up
ALTER TABLE notes ADD COLUMN words integer;
UPDATE notes SET words = length(bodi) - length(replace(body, ' ', '')) + 1;

-- migrate:down
ALTER TABLE notes DROP COLUMN words;
