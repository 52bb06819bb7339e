-- migrate:up
CREATE TABLE orders (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers (id),
    total integer NOT NULL,
    note varchar(200)
);
-- Every shop begins with a customer who is nobody in particular; the semicolon in the text ends no statement.
INSERT INTO customers (id, name) VALUES (0, 'Over the counter; cash');

-- migrate:down
DELETE FROM customers WHERE id = 0;
DROP TABLE orders;
