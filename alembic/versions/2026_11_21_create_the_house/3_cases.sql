-- The debtor card and the contact ledger.

CREATE TABLE creditor (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    nip VARCHAR,
    CONSTRAINT pk_creditor PRIMARY KEY (id),
    CONSTRAINT uq_creditor_brand_id_name UNIQUE (brand_id, name),
    CONSTRAINT fk_creditor_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id)
);
CREATE INDEX ix_creditor_brand_id ON creditor (brand_id);

CREATE TABLE portfolio (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    creditor_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    CONSTRAINT pk_portfolio PRIMARY KEY (id),
    CONSTRAINT uq_portfolio_creditor_id_name UNIQUE (creditor_id, name),
    CONSTRAINT fk_portfolio_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_portfolio_creditor_id FOREIGN KEY(creditor_id) REFERENCES creditor (id)
);
CREATE INDEX ix_portfolio_brand_id ON portfolio (brand_id);
CREATE INDEX ix_portfolio_creditor_id ON portfolio (creditor_id);

CREATE TABLE import_batch (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    portfolio_id UUID NOT NULL,
    file_name VARCHAR NOT NULL,
    state VARCHAR(40) NOT NULL,
    rows_in INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    bad_phones INTEGER NOT NULL,
    rejects_file VARCHAR,
    error VARCHAR,
    author VARCHAR NOT NULL,
    CONSTRAINT pk_import_batch PRIMARY KEY (id),
    CONSTRAINT fk_import_batch_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_import_batch_portfolio_id FOREIGN KEY(portfolio_id) REFERENCES portfolio (id),
    CONSTRAINT ck_import_batch_import_state CHECK (state IN ('running', 'done', 'failed'))
);
CREATE INDEX ix_import_batch_brand_id ON import_batch (brand_id);
CREATE INDEX ix_import_batch_portfolio_id ON import_batch (portfolio_id);

CREATE TABLE column_mapping (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    columns JSONB NOT NULL,
    CONSTRAINT pk_column_mapping PRIMARY KEY (id),
    CONSTRAINT uq_column_mapping_brand_id_name UNIQUE (brand_id, name),
    CONSTRAINT fk_column_mapping_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id)
);
CREATE INDEX ix_column_mapping_brand_id ON column_mapping (brand_id);

CREATE TABLE debtor (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    creditor_id UUID,
    reference VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    pesel_sealed BYTEA,
    pesel_index BYTEA,
    nip VARCHAR,
    language VARCHAR NOT NULL,
    timezone VARCHAR NOT NULL,
    address VARCHAR,
    import_id UUID,
    CONSTRAINT pk_debtor PRIMARY KEY (id),
    CONSTRAINT uq_debtor_brand_id_creditor_id_reference UNIQUE NULLS NOT DISTINCT (brand_id, creditor_id, reference),
    CONSTRAINT fk_debtor_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_debtor_creditor_id FOREIGN KEY(creditor_id) REFERENCES creditor (id),
    CONSTRAINT fk_debtor_import_id FOREIGN KEY(import_id) REFERENCES import_batch (id)
);
CREATE INDEX ix_debtor_brand_id ON debtor (brand_id);
CREATE INDEX ix_debtor_import_id ON debtor (import_id);
CREATE INDEX ix_debtor_name_words ON debtor USING gin (array_to_tsvector(string_to_array(name_key, ' ')));
CREATE INDEX ix_debtor_pesel_index ON debtor (pesel_index);
CREATE INDEX ix_debtor_reference ON debtor (reference);

CREATE TABLE contact_point (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    debtor_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    value VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    dead BOOLEAN NOT NULL,
    dead_reason VARCHAR,
    CONSTRAINT pk_contact_point PRIMARY KEY (id),
    CONSTRAINT uq_contact_point_debtor_id_kind_value UNIQUE (debtor_id, kind, value),
    CONSTRAINT fk_contact_point_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_contact_point_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT ck_contact_point_contact_kind CHECK (kind IN ('phone', 'email', 'address'))
);
CREATE INDEX ix_contact_point_brand_id ON contact_point (brand_id);
CREATE INDEX ix_contact_point_value ON contact_point (kind, value);

CREATE TABLE debt_case (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    portfolio_id UUID NOT NULL,
    debtor_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    notes VARCHAR NOT NULL,
    import_id UUID,
    CONSTRAINT pk_debt_case PRIMARY KEY (id),
    CONSTRAINT uq_debt_case_portfolio_id_debtor_id UNIQUE (portfolio_id, debtor_id),
    CONSTRAINT fk_debt_case_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_debt_case_portfolio_id FOREIGN KEY(portfolio_id) REFERENCES portfolio (id),
    CONSTRAINT fk_debt_case_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT ck_debt_case_case_state CHECK (state IN ('open', 'on_hold', 'settled', 'closed')),
    CONSTRAINT fk_debt_case_import_id FOREIGN KEY(import_id) REFERENCES import_batch (id)
);
CREATE INDEX ix_debt_case_brand_id ON debt_case (brand_id);
CREATE INDEX ix_debt_case_debtor_id ON debt_case (debtor_id);
CREATE INDEX ix_debt_case_import_id ON debt_case (import_id);

CREATE TABLE debt (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    case_id UUID NOT NULL,
    reference VARCHAR NOT NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    due_on DATE,
    title VARCHAR,
    CONSTRAINT pk_debt PRIMARY KEY (id),
    CONSTRAINT uq_debt_case_id_reference UNIQUE (case_id, reference),
    CONSTRAINT ck_debt_amount_positive CHECK (amount >= 0),
    CONSTRAINT fk_debt_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_debt_case_id FOREIGN KEY(case_id) REFERENCES debt_case (id)
);
CREATE INDEX ix_debt_brand_id ON debt (brand_id);
CREATE INDEX ix_debt_reference ON debt (reference);

CREATE TABLE payment (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    case_id UUID NOT NULL,
    debt_id UUID,
    amount BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    paid_on DATE NOT NULL,
    source VARCHAR NOT NULL,
    CONSTRAINT pk_payment PRIMARY KEY (id),
    CONSTRAINT fk_payment_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_payment_case_id FOREIGN KEY(case_id) REFERENCES debt_case (id),
    CONSTRAINT fk_payment_debt_id FOREIGN KEY(debt_id) REFERENCES debt (id)
);
CREATE INDEX ix_payment_brand_id ON payment (brand_id);
CREATE INDEX ix_payment_case_id ON payment (case_id);

CREATE TABLE interaction (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    debtor_id UUID NOT NULL,
    case_id UUID,
    channel VARCHAR(40) NOT NULL,
    direction VARCHAR(40) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempt_id UUID,
    author VARCHAR,
    summary VARCHAR NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT pk_interaction PRIMARY KEY (id),
    CONSTRAINT fk_interaction_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_interaction_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT fk_interaction_case_id FOREIGN KEY(case_id) REFERENCES debt_case (id),
    CONSTRAINT ck_interaction_channel CHECK (channel IN ('call', 'sms', 'email', 'chat', 'webform', 'fax', 'letter', 'voice_message')),
    CONSTRAINT ck_interaction_direction CHECK (direction IN ('out', 'in'))
);
CREATE INDEX ix_interaction_attempt_id ON interaction (attempt_id);
CREATE INDEX ix_interaction_brand_id ON interaction (brand_id);
CREATE INDEX ix_interaction_timeline ON interaction (debtor_id, at);

CREATE TABLE contact_ledger (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    debtor_id UUID NOT NULL,
    case_id UUID,
    channel VARCHAR(40) NOT NULL,
    direction VARCHAR(40) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    source_id UUID NOT NULL,
    counts BOOLEAN NOT NULL,
    conversation BOOLEAN NOT NULL,
    CONSTRAINT pk_contact_ledger PRIMARY KEY (id),
    CONSTRAINT fk_contact_ledger_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_contact_ledger_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT fk_contact_ledger_case_id FOREIGN KEY(case_id) REFERENCES debt_case (id),
    CONSTRAINT ck_contact_ledger_channel CHECK (channel IN ('call', 'sms', 'email', 'chat', 'webform', 'fax', 'letter', 'voice_message')),
    CONSTRAINT ck_contact_ledger_direction CHECK (direction IN ('out', 'in')),
    CONSTRAINT uq_contact_ledger_source_id UNIQUE (source_id)
);
CREATE INDEX ix_contact_ledger_brand_id ON contact_ledger (brand_id);
CREATE INDEX ix_contact_ledger_case_id ON contact_ledger (case_id);
CREATE INDEX ix_contact_ledger_person ON contact_ledger (debtor_id, at);
