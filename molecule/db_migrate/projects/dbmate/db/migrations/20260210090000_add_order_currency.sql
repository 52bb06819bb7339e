-- strata: allow=long-lock because there are a few hundred orders
-- migrate:up
ALTER TABLE orders ADD COLUMN currency varchar(3);
UPDATE orders SET currency = 'EUR';

-- migrate:down
ALTER TABLE orders DROP COLUMN currency;
