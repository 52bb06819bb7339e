-- migrate:up
CREATE TABLE products (
    id integer PRIMARY KEY,
    name text NOT NULL,
    price_cents integer NOT NULL
);
INSERT INTO products (id, name, price_cents) VALUES
    (1, 'Coffee', 450),
    (2, 'Tea', 380),
    (3, 'Cake', 520);

-- migrate:down
DROP TABLE products;
