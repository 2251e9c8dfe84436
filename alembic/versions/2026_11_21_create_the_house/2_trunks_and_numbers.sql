-- Carriers, the numbers we show, and those we never call.

CREATE TABLE trunk (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    auth VARCHAR(40) NOT NULL,
    host VARCHAR NOT NULL,
    outbound_proxy VARCHAR,
    transport VARCHAR(40) NOT NULL,
    srtp VARCHAR(40) NOT NULL,
    username VARCHAR,
    password_sealed BYTEA,
    from_domain VARCHAR,
    caller_id_header VARCHAR(40) NOT NULL,
    privacy VARCHAR,
    number_format VARCHAR(40) NOT NULL,
    allowed_prefixes JSONB NOT NULL,
    max_calls INTEGER NOT NULL,
    max_cps FLOAT NOT NULL,
    ring_timeout INTEGER NOT NULL,
    max_duration INTEGER NOT NULL,
    options_interval INTEGER NOT NULL,
    codecs JSONB NOT NULL,
    enabled BOOLEAN NOT NULL,
    backoff_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_trunk PRIMARY KEY (id),
    CONSTRAINT uq_trunk_brand_id_name UNIQUE (brand_id, name),
    CONSTRAINT ck_trunk_limits CHECK (max_calls > 0 AND max_cps > 0),
    CONSTRAINT fk_trunk_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT ck_trunk_trunk_auth CHECK (auth IN ('ip', 'register')),
    CONSTRAINT ck_trunk_transport CHECK (transport IN ('udp', 'tcp', 'tls')),
    CONSTRAINT ck_trunk_srtp_use CHECK (srtp IN ('off', 'optional', 'mandatory')),
    CONSTRAINT ck_trunk_caller_id_header CHECK (caller_id_header IN ('from', 'p_asserted_identity', 'p_preferred_identity', 'remote_party_id')),
    CONSTRAINT ck_trunk_number_format CHECK (number_format IN ('plus', 'digits', 'zeros', 'national'))
);
CREATE INDEX ix_trunk_brand_id ON trunk (brand_id);

CREATE TABLE outcome_rule (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    trunk_id UUID NOT NULL,
    position INTEGER NOT NULL,
    sip_code INTEGER,
    q850 INTEGER,
    outcome VARCHAR NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT pk_outcome_rule PRIMARY KEY (id),
    CONSTRAINT fk_outcome_rule_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_outcome_rule_trunk_id FOREIGN KEY(trunk_id) REFERENCES trunk (id)
);
CREATE INDEX ix_outcome_rule_brand_id ON outcome_rule (brand_id);
CREATE INDEX ix_outcome_rule_trunk_id ON outcome_rule (trunk_id);

CREATE TABLE caller_id (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    number VARCHAR NOT NULL,
    trunk_id UUID,
    proof VARCHAR,
    valid_from DATE NOT NULL,
    valid_to DATE,
    resting BOOLEAN NOT NULL,
    CONSTRAINT pk_caller_id PRIMARY KEY (id),
    CONSTRAINT uq_caller_id_brand_id_number UNIQUE (brand_id, number),
    CONSTRAINT ck_caller_id_dates CHECK (valid_to IS NULL OR valid_from <= valid_to),
    CONSTRAINT fk_caller_id_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_caller_id_trunk_id FOREIGN KEY(trunk_id) REFERENCES trunk (id)
);
CREATE INDEX ix_caller_id_brand_id ON caller_id (brand_id);

CREATE TABLE caller_id_pool (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    CONSTRAINT pk_caller_id_pool PRIMARY KEY (id),
    CONSTRAINT uq_caller_id_pool_brand_id_name UNIQUE (brand_id, name),
    CONSTRAINT fk_caller_id_pool_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id)
);
CREATE INDEX ix_caller_id_pool_brand_id ON caller_id_pool (brand_id);

CREATE TABLE caller_id_pool_member (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    pool_id UUID NOT NULL,
    caller_id_id UUID NOT NULL,
    position INTEGER NOT NULL,
    last_shown_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_caller_id_pool_member PRIMARY KEY (id),
    CONSTRAINT uq_caller_id_pool_member_pool_id_caller_id_id UNIQUE (pool_id, caller_id_id),
    CONSTRAINT fk_caller_id_pool_member_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_caller_id_pool_member_pool_id FOREIGN KEY(pool_id) REFERENCES caller_id_pool (id),
    CONSTRAINT fk_caller_id_pool_member_caller_id_id FOREIGN KEY(caller_id_id) REFERENCES caller_id (id)
);
CREATE INDEX ix_caller_id_pool_member_brand_id ON caller_id_pool_member (brand_id);
CREATE INDEX ix_caller_id_pool_member_caller_id_id ON caller_id_pool_member (caller_id_id);
CREATE INDEX ix_caller_id_pool_member_pool_id ON caller_id_pool_member (pool_id);

CREATE TABLE suppression (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    value VARCHAR NOT NULL,
    debtor_id UUID,
    reason VARCHAR NOT NULL,
    author VARCHAR NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_suppression PRIMARY KEY (id),
    CONSTRAINT uq_suppression_brand_id_kind_value_debtor_id UNIQUE NULLS NOT DISTINCT (brand_id, kind, value, debtor_id),
    CONSTRAINT fk_suppression_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT ck_suppression_suppression_kind CHECK (kind IN ('phone', 'email', 'debtor'))
);
CREATE INDEX ix_suppression_brand_id ON suppression (brand_id);
CREATE INDEX ix_suppression_value ON suppression (value);
