BEGIN;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 4f1a01c0de01

CREATE TABLE customers (
    id BIGSERIAL NOT NULL, 
    email VARCHAR(120) NOT NULL, 
    name TEXT NOT NULL, 
    nickname TEXT, 
    PRIMARY KEY (id)
);

CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped');

CREATE TABLE orders (
    id SERIAL NOT NULL, 
    customer_id BIGINT NOT NULL, 
    state order_state NOT NULL, 
    total NUMERIC(10, 2) NOT NULL, 
    comment VARCHAR(100), 
    PRIMARY KEY (id)
);

INSERT INTO customers (id, email, name, nickname) VALUES (1, 'ada@example.org', 'Ada; the first', '100%%');

INSERT INTO customers (id, email, name, nickname) VALUES (2, 'bob@example.org', 'Bob O''Hara', NULL);

INSERT INTO alembic_version (version_num) VALUES ('4f1a01c0de01') RETURNING alembic_version.version_num;

-- Running upgrade 4f1a01c0de01 -> 4f1a01c0de02

ALTER TABLE customers ADD COLUMN discount VARCHAR(20) DEFAULT '0%%' NOT NULL;

ALTER TABLE customers ADD COLUMN created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;

ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'new';

ALTER TABLE orders ALTER COLUMN total SET DEFAULT 0;

UPDATE alembic_version SET version_num='4f1a01c0de02' WHERE alembic_version.version_num = '4f1a01c0de01';

-- Running upgrade 4f1a01c0de02 -> 4f1a01c0de03

ALTER TABLE orders ALTER COLUMN id TYPE BIGINT;

ALTER TABLE orders ALTER COLUMN total TYPE NUMERIC(14, 2);

UPDATE alembic_version SET version_num='4f1a01c0de03' WHERE alembic_version.version_num = '4f1a01c0de02';

-- Running upgrade 4f1a01c0de03 -> 4f1a01c0de04

ALTER TABLE customers ALTER COLUMN email TYPE VARCHAR(200);

ALTER TABLE orders ALTER COLUMN comment TYPE TEXT;

UPDATE alembic_version SET version_num='4f1a01c0de04' WHERE alembic_version.version_num = '4f1a01c0de03';

-- Running upgrade 4f1a01c0de04 -> 4f1a01c0de05

UPDATE orders SET comment = 'none; -- 0%% off' WHERE comment LIKE '50%%';

-- names keep their spelling;
        UPDATE customers SET email = lower(email)
         WHERE email <> lower(email);;

UPDATE alembic_version SET version_num='4f1a01c0de05' WHERE alembic_version.version_num = '4f1a01c0de04';

-- Running upgrade 4f1a01c0de05 -> ca7a10600001

CREATE TABLE products (
    id BIGSERIAL NOT NULL, 
    label VARCHAR(80) NOT NULL, 
    price NUMERIC(10, 2) NOT NULL, 
    PRIMARY KEY (id)
);

UPDATE alembic_version SET version_num='ca7a10600001' WHERE alembic_version.version_num = '4f1a01c0de05';

-- Running upgrade ca7a10600001 -> ca7a10600002

ALTER TABLE products ADD COLUMN weight BIGINT;

UPDATE products SET weight = 1000 * (id %% 7) WHERE weight IS NULL;

UPDATE alembic_version SET version_num='ca7a10600002' WHERE alembic_version.version_num = 'ca7a10600001';

-- Running upgrade ca7a10600002 -> ca7a10600003

COMMIT;

CREATE INDEX CONCURRENTLY products_label_idx ON products (label);

CREATE INDEX CONCURRENTLY products_heavy_idx ON products (id) WHERE weight %% 1000 = 0;

BEGIN;

UPDATE alembic_version SET version_num='ca7a10600003' WHERE alembic_version.version_num = 'ca7a10600002';

-- Running upgrade 4f1a01c0de05 -> b111a6000001

CREATE TABLE invoices (
    id BIGSERIAL NOT NULL, 
    order_id BIGINT NOT NULL, 
    number VARCHAR(30) NOT NULL, 
    note TEXT DEFAULT 'net; no tax' NOT NULL, 
    PRIMARY KEY (id)
);

INSERT INTO alembic_version (version_num) VALUES ('b111a6000001') RETURNING alembic_version.version_num;

-- Running upgrade b111a6000001 -> b111a6000002

ALTER TABLE invoices ADD CONSTRAINT invoices_number_key UNIQUE (number);

ALTER TABLE invoices ADD CONSTRAINT invoices_number_check CHECK (number <> '');

CREATE INDEX invoices_order_id_idx ON invoices (order_id);

ALTER TABLE invoices ADD CONSTRAINT invoices_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id);

UPDATE alembic_version SET version_num='b111a6000002' WHERE alembic_version.version_num = 'b111a6000001';

-- Running upgrade b111a6000002, ca7a10600003 -> 4f1a01c0de06

DELETE FROM alembic_version WHERE alembic_version.version_num = 'b111a6000002';

UPDATE alembic_version SET version_num='4f1a01c0de06' WHERE alembic_version.version_num = 'ca7a10600003';

-- Running upgrade 4f1a01c0de06 -> 4f1a01c0de07

COMMIT;

ALTER TYPE order_state ADD VALUE 'returned';

BEGIN;

UPDATE alembic_version SET version_num='4f1a01c0de07' WHERE alembic_version.version_num = '4f1a01c0de06';

-- Running upgrade 4f1a01c0de07 -> 4f1a01c0de08

CREATE INDEX orders_customer_id_idx ON orders (customer_id);

CREATE INDEX orders_state_idx ON orders (state);

ALTER TABLE orders ADD CONSTRAINT orders_total_check CHECK (total >= 0);

ALTER TABLE orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id);

UPDATE alembic_version SET version_num='4f1a01c0de08' WHERE alembic_version.version_num = '4f1a01c0de07';

-- Running upgrade 4f1a01c0de08 -> 4f1a01c0de09

ALTER TABLE customers RENAME name TO full_name;

UPDATE alembic_version SET version_num='4f1a01c0de09' WHERE alembic_version.version_num = '4f1a01c0de08';

-- Running upgrade 4f1a01c0de09 -> 4f1a01c0de10

ALTER TABLE orders ADD COLUMN channel VARCHAR(10);

UPDATE orders SET channel = 'web' WHERE channel IS NULL;

ALTER TABLE orders ALTER COLUMN channel SET NOT NULL;

ALTER TABLE orders ALTER COLUMN channel SET DEFAULT 'web';

UPDATE alembic_version SET version_num='4f1a01c0de10' WHERE alembic_version.version_num = '4f1a01c0de09';

-- Running upgrade 4f1a01c0de10 -> 4f1a01c0de11

ALTER TABLE customers ADD CONSTRAINT customers_email_key UNIQUE (email);

ALTER TABLE customers ADD CONSTRAINT customers_email_check CHECK (email LIKE '%%@%%');

UPDATE alembic_version SET version_num='4f1a01c0de11' WHERE alembic_version.version_num = '4f1a01c0de10';

-- Running upgrade 4f1a01c0de11 -> 4f1a01c0de12

CREATE FUNCTION share_of_total(part numeric, whole numeric) RETURNS text
        LANGUAGE plpgsql IMMUTABLE AS $body$
        BEGIN
          -- an empty whole has no shares;
          IF whole = 0 THEN RETURN '-'; END IF;
          RETURN round(100 * part / whole) || '%%';
        END;
        $body$;;

COMMENT ON FUNCTION share_of_total(numeric, numeric) IS 'in %%; rounded';

UPDATE alembic_version SET version_num='4f1a01c0de12' WHERE alembic_version.version_num = '4f1a01c0de11';

-- Running upgrade 4f1a01c0de12 -> 4f1a01c0de13

ALTER TABLE customers DROP COLUMN nickname;

UPDATE alembic_version SET version_num='4f1a01c0de13' WHERE alembic_version.version_num = '4f1a01c0de12';

COMMIT;

