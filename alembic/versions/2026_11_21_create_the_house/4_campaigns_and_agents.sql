-- What is dialled, by whom, and what is planned.

CREATE TABLE campaign (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    state VARCHAR(40) NOT NULL,
    mode VARCHAR NOT NULL,
    ratio FLOAT NOT NULL,
    trunk_id UUID NOT NULL,
    caller_id_pool_id UUID NOT NULL,
    max_lines INTEGER NOT NULL,
    patience_ms INTEGER NOT NULL,
    max_decision_ms INTEGER NOT NULL,
    wrapup_seconds INTEGER NOT NULL,
    policy JSONB NOT NULL,
    media_node VARCHAR,
    CONSTRAINT pk_campaign PRIMARY KEY (id),
    CONSTRAINT uq_campaign_brand_id_name UNIQUE (brand_id, name),
    CONSTRAINT ck_campaign_limits CHECK (max_lines > 0 AND patience_ms >= 0),
    CONSTRAINT fk_campaign_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT ck_campaign_campaign_state CHECK (state IN ('stopped', 'running', 'draining')),
    CONSTRAINT fk_campaign_trunk_id FOREIGN KEY(trunk_id) REFERENCES trunk (id),
    CONSTRAINT fk_campaign_caller_id_pool_id FOREIGN KEY(caller_id_pool_id) REFERENCES caller_id_pool (id)
);
CREATE INDEX ix_campaign_brand_id ON campaign (brand_id);

CREATE TABLE lead_list (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    import_id UUID,
    name VARCHAR NOT NULL,
    priority INTEGER NOT NULL,
    active BOOLEAN NOT NULL,
    CONSTRAINT pk_lead_list PRIMARY KEY (id),
    CONSTRAINT fk_lead_list_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_lead_list_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id),
    CONSTRAINT fk_lead_list_import_id FOREIGN KEY(import_id) REFERENCES import_batch (id)
);
CREATE INDEX ix_lead_list_brand_id ON lead_list (brand_id);
CREATE INDEX ix_lead_list_campaign_id ON lead_list (campaign_id);

CREATE TABLE lead (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    list_id UUID NOT NULL,
    case_id UUID NOT NULL,
    debtor_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    priority INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_position INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    outcome_counts JSONB NOT NULL,
    last_outcome VARCHAR,
    reason VARCHAR,
    CONSTRAINT pk_lead PRIMARY KEY (id),
    CONSTRAINT uq_lead_campaign_id_case_id UNIQUE (campaign_id, case_id),
    CONSTRAINT fk_lead_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_lead_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id),
    CONSTRAINT fk_lead_list_id FOREIGN KEY(list_id) REFERENCES lead_list (id),
    CONSTRAINT fk_lead_case_id FOREIGN KEY(case_id) REFERENCES debt_case (id),
    CONSTRAINT fk_lead_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT ck_lead_lead_state CHECK (state IN ('ready', 'in_flight', 'finished'))
);
CREATE INDEX ix_lead_brand_id ON lead (brand_id);
CREATE INDEX ix_lead_case_id ON lead (case_id);
CREATE INDEX ix_lead_debtor_id ON lead (debtor_id);
CREATE INDEX ix_lead_hopper ON lead (campaign_id, priority DESC, due_at) WHERE state = 'ready';
CREATE INDEX ix_lead_list_id ON lead (list_id);

CREATE TABLE recycling_rule (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    outcome VARCHAR NOT NULL,
    delay_minutes INTEGER NOT NULL,
    max_times INTEGER NOT NULL,
    other_phone BOOLEAN NOT NULL,
    other_time_of_day BOOLEAN NOT NULL,
    CONSTRAINT pk_recycling_rule PRIMARY KEY (id),
    CONSTRAINT uq_recycling_rule_campaign_id_outcome UNIQUE (campaign_id, outcome),
    CONSTRAINT ck_recycling_rule_delay CHECK (delay_minutes >= 0),
    CONSTRAINT fk_recycling_rule_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_recycling_rule_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id)
);
CREATE INDEX ix_recycling_rule_brand_id ON recycling_rule (brand_id);
CREATE INDEX ix_recycling_rule_campaign_id ON recycling_rule (campaign_id);

CREATE TABLE agent (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    user_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    phone_uri VARCHAR NOT NULL,
    CONSTRAINT pk_agent PRIMARY KEY (id),
    CONSTRAINT uq_agent_brand_id_user_id UNIQUE (brand_id, user_id),
    CONSTRAINT fk_agent_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_agent_user_id FOREIGN KEY(user_id) REFERENCES user_account (id)
);
CREATE INDEX ix_agent_brand_id ON agent (brand_id);
CREATE INDEX ix_agent_user_id ON agent (user_id);

CREATE TABLE campaign_agent (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    agent_id UUID NOT NULL,
    CONSTRAINT pk_campaign_agent PRIMARY KEY (id),
    CONSTRAINT uq_campaign_agent_campaign_id_agent_id UNIQUE (campaign_id, agent_id),
    CONSTRAINT fk_campaign_agent_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_campaign_agent_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id),
    CONSTRAINT fk_campaign_agent_agent_id FOREIGN KEY(agent_id) REFERENCES agent (id)
);
CREATE INDEX ix_campaign_agent_agent_id ON campaign_agent (agent_id);
CREATE INDEX ix_campaign_agent_brand_id ON campaign_agent (brand_id);
CREATE INDEX ix_campaign_agent_campaign_id ON campaign_agent (campaign_id);

CREATE TABLE pause_reason (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    code VARCHAR NOT NULL,
    name_pl VARCHAR NOT NULL,
    name_en VARCHAR NOT NULL,
    paid BOOLEAN NOT NULL,
    CONSTRAINT pk_pause_reason PRIMARY KEY (id),
    CONSTRAINT uq_pause_reason_brand_id_code UNIQUE (brand_id, code),
    CONSTRAINT fk_pause_reason_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id)
);
CREATE INDEX ix_pause_reason_brand_id ON pause_reason (brand_id);

CREATE TABLE disposition (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    code VARCHAR NOT NULL,
    name_pl VARCHAR NOT NULL,
    name_en VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    key VARCHAR(1),
    right_party BOOLEAN NOT NULL,
    suppress VARCHAR,
    asks_callback BOOLEAN NOT NULL,
    active BOOLEAN NOT NULL,
    CONSTRAINT pk_disposition PRIMARY KEY (id),
    CONSTRAINT uq_disposition_brand_id_code UNIQUE (brand_id, code),
    CONSTRAINT fk_disposition_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id)
);
CREATE INDEX ix_disposition_brand_id ON disposition (brand_id);

CREATE TABLE agent_session (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    agent_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_since TIMESTAMP WITH TIME ZONE NOT NULL,
    pause_requested VARCHAR,
    pause_reason VARCHAR,
    attempt_id UUID,
    lead_id UUID,
    asked_at TIMESTAMP WITH TIME ZONE,
    media_node VARCHAR,
    leg_up BOOLEAN NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_agent_session PRIMARY KEY (id),
    CONSTRAINT fk_agent_session_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_agent_session_agent_id FOREIGN KEY(agent_id) REFERENCES agent (id),
    CONSTRAINT fk_agent_session_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id),
    CONSTRAINT ck_agent_session_agent_state CHECK (state IN ('connecting', 'ready', 'reserved', 'talking', 'wrapup', 'paused', 'out'))
);
CREATE INDEX ix_agent_session_agent_id ON agent_session (agent_id);
CREATE INDEX ix_agent_session_brand_id ON agent_session (brand_id);
CREATE INDEX ix_agent_session_open_campaign ON agent_session (campaign_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX uq_agent_session_open ON agent_session (agent_id) WHERE ended_at IS NULL;

CREATE TABLE agent_state_log (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    session_id UUID NOT NULL,
    agent_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    reason VARCHAR,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_agent_state_log PRIMARY KEY (id),
    CONSTRAINT fk_agent_state_log_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_agent_state_log_session_id FOREIGN KEY(session_id) REFERENCES agent_session (id),
    CONSTRAINT fk_agent_state_log_agent_id FOREIGN KEY(agent_id) REFERENCES agent (id),
    CONSTRAINT fk_agent_state_log_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id),
    CONSTRAINT ck_agent_state_log_agent_state CHECK (state IN ('connecting', 'ready', 'reserved', 'talking', 'wrapup', 'paused', 'out'))
);
CREATE INDEX ix_agent_state_log_brand_id ON agent_state_log (brand_id);
CREATE INDEX ix_agent_state_log_session_id ON agent_state_log (session_id);
CREATE INDEX ix_agent_state_log_time ON agent_state_log (campaign_id, since);

CREATE TABLE next_action (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    case_id UUID NOT NULL,
    debtor_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    state VARCHAR(40) NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    campaign_id UUID,
    agent_id UUID,
    contact_point_id UUID,
    note VARCHAR NOT NULL,
    CONSTRAINT pk_next_action PRIMARY KEY (id),
    CONSTRAINT fk_next_action_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_next_action_case_id FOREIGN KEY(case_id) REFERENCES debt_case (id),
    CONSTRAINT fk_next_action_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT ck_next_action_action_kind CHECK (kind IN ('callback', 'call', 'sms', 'email', 'review')),
    CONSTRAINT ck_next_action_action_state CHECK (state IN ('planned', 'taken', 'done', 'cancelled')),
    CONSTRAINT fk_next_action_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id),
    CONSTRAINT fk_next_action_agent_id FOREIGN KEY(agent_id) REFERENCES agent (id),
    CONSTRAINT fk_next_action_contact_point_id FOREIGN KEY(contact_point_id) REFERENCES contact_point (id)
);
CREATE INDEX ix_next_action_agent_id ON next_action (agent_id);
CREATE INDEX ix_next_action_brand_id ON next_action (brand_id);
CREATE INDEX ix_next_action_case_id ON next_action (case_id);
CREATE INDEX ix_next_action_debtor_id ON next_action (debtor_id);
CREATE INDEX ix_next_action_due ON next_action (state, due_at);
