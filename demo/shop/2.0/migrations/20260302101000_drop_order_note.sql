-- Only release 1.0 wrote the note, so it goes once no host runs that any more.
-- strata: phase=contract
-- migrate:up
ALTER TABLE orders DROP COLUMN note;

-- migrate:down
ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT '';
