-- The read model of the exchange. Everything here follows from the journal and may be deleted.
-- Identifiers are 32 hexadecimal digits, money is nano-USD, instants are nanoseconds since 1970.

-- +goose Up
CREATE TABLE progress (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    event_seq INTEGER NOT NULL
) STRICT;
INSERT INTO progress VALUES (1, 0);

CREATE TABLE accounts (
    account         TEXT PRIMARY KEY,
    flags           INTEGER NOT NULL,
    debits          INTEGER NOT NULL DEFAULT 0,
    credits         INTEGER NOT NULL DEFAULT 0,
    debits_pending  INTEGER NOT NULL DEFAULT 0,
    credits_pending INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
    seq      INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    debit    TEXT NOT NULL,
    credit   TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    pending  TEXT NOT NULL,
    corrects TEXT NOT NULL,
    timeout  INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    ref      TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_debit ON entries (debit, seq);
CREATE INDEX entries_credit ON entries (credit, seq);
CREATE INDEX entries_ref ON entries (ref, seq);

CREATE TABLE holds (
    hold     TEXT PRIMARY KEY,
    request  TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    key      TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    state    TEXT NOT NULL,
    receipt  TEXT NOT NULL DEFAULT '00000000000000000000000000000000',
    captured INTEGER NOT NULL DEFAULT 0,
    refunded INTEGER NOT NULL DEFAULT 0,
    provider TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_request ON holds (request);

CREATE TABLE receipts (
    seq      INTEGER PRIMARY KEY, -- of the event that settled it
    receipt  TEXT NOT NULL UNIQUE,
    hold     TEXT NOT NULL,
    request  TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    provider TEXT NOT NULL,
    node     TEXT NOT NULL,
    model    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    charge   TEXT NOT NULL, -- exact, in pico-USD
    amount   INTEGER NOT NULL,
    payout   INTEGER NOT NULL,
    fee      INTEGER NOT NULL,
    rounding INTEGER NOT NULL,
    released INTEGER NOT NULL,
    disputed INTEGER NOT NULL,
    excess   INTEGER NOT NULL,
    document TEXT NOT NULL -- the receipt file
) STRICT;
CREATE INDEX receipts_request ON receipts (request);
CREATE INDEX receipts_tenant ON receipts (tenant, seq);
CREATE INDEX receipts_provider ON receipts (provider, seq);

CREATE TABLE offers (
    offer    TEXT NOT NULL,
    version  INTEGER NOT NULL,
    provider TEXT NOT NULL,
    site     TEXT NOT NULL,
    node     TEXT NOT NULL,
    model    TEXT NOT NULL,
    digest   TEXT NOT NULL,
    input    INTEGER NOT NULL,
    cached   INTEGER NOT NULL,
    output   INTEGER NOT NULL,
    context  INTEGER NOT NULL,
    streams  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    posted   INTEGER NOT NULL,
    closed   INTEGER NOT NULL DEFAULT 0, -- 0: standing
    reason   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (offer, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    tenant TEXT PRIMARY KEY,
    opened INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    key     TEXT PRIMARY KEY,
    tenant  TEXT NOT NULL,
    digest  TEXT NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE providers (
    provider TEXT PRIMARY KEY,
    payout   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signers (
    role     TEXT NOT NULL,
    name     TEXT NOT NULL,
    provider TEXT NOT NULL,
    key      BLOB NOT NULL,
    PRIMARY KEY (role, name)
) STRICT, WITHOUT ROWID;
