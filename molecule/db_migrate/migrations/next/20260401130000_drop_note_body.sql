-- strata: phase=contract
-- migrate:up
ALTER TABLE notes DROP COLUMN body;
