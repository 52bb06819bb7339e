-- No release since 2.0 reads the note.
-- strata: phase=contract
-- migrate:up
ALTER TABLE orders DROP COLUMN note;

-- migrate:down
ALTER TABLE orders ADD COLUMN note varchar(200);
