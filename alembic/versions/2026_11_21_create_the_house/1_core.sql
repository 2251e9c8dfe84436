-- What belongs to no business package: brands, logins, leases, the outbox, the audit trail.

CREATE TABLE brand (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    name VARCHAR NOT NULL,
    callback_number VARCHAR NOT NULL,
    policy_pack VARCHAR NOT NULL,
    timezone VARCHAR NOT NULL,
    safe_harbour VARCHAR,
    CONSTRAINT pk_brand PRIMARY KEY (id),
    CONSTRAINT uq_brand_name UNIQUE (name)
);

CREATE TABLE user_account (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    login VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    password_hash VARCHAR NOT NULL,
    role VARCHAR(40) NOT NULL,
    brand_ids JSONB NOT NULL,
    locale VARCHAR NOT NULL,
    active BOOLEAN NOT NULL,
    failed_logins INTEGER NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_user_account PRIMARY KEY (id),
    CONSTRAINT uq_user_account_login UNIQUE (login),
    CONSTRAINT ck_user_account_role CHECK (role IN ('agent', 'supervisor', 'manager', 'admin'))
);

CREATE TABLE login (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    user_id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    csrf VARCHAR NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_login PRIMARY KEY (id),
    CONSTRAINT fk_login_user_id FOREIGN KEY(user_id) REFERENCES user_account (id),
    CONSTRAINT uq_login_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_login_user_id ON login (user_id);

CREATE TABLE lease (
    name VARCHAR NOT NULL,
    holder VARCHAR NOT NULL,
    token BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_lease PRIMARY KEY (name)
);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    stream VARCHAR NOT NULL,
    payload JSONB NOT NULL,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
);

CREATE TABLE audit_event (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID,
    actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT pk_audit_event PRIMARY KEY (id)
);
CREATE INDEX ix_audit_event_brand_id ON audit_event (brand_id);
CREATE INDEX ix_audit_event_subject ON audit_event (subject);
