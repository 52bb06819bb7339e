-- migrate:up
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    customer text NOT NULL,
    product integer NOT NULL REFERENCES products (id),
    quantity integer NOT NULL,
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz
);
CREATE INDEX orders_unprocessed ON orders (id) WHERE processed_at IS NULL;

-- migrate:down
DROP TABLE orders;
