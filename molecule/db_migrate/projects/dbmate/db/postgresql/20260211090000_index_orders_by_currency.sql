-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY orders_currency ON orders (currency);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY orders_currency;
