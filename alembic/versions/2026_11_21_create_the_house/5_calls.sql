-- Attempts and their events, partitioned by month on their UUIDv7 ids (core/partitions.py makes the partitions).

CREATE TABLE attempt (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    lead_id UUID,
    debtor_id UUID NOT NULL,
    case_id UUID NOT NULL,
    contact_point_id UUID,
    phone VARCHAR NOT NULL,
    trunk_id UUID NOT NULL,
    caller_id_id UUID,
    caller_id VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    media_node VARCHAR NOT NULL,
    fence INTEGER NOT NULL,
    state VARCHAR(40) NOT NULL,
    outcome VARCHAR(40),
    reserved_session_id UUID,
    next_action_id UUID,
    ringing_at TIMESTAMP WITH TIME ZONE,
    answered_at TIMESTAMP WITH TIME ZONE,
    verdict VARCHAR(40),
    verdict_reason VARCHAR,
    verdict_at TIMESTAMP WITH TIME ZONE,
    bridged_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    live BOOLEAN NOT NULL,
    abandoned BOOLEAN NOT NULL,
    cancelled_before_answer BOOLEAN NOT NULL,
    agent_session_id UUID,
    agent_id UUID,
    sip_code INTEGER,
    q850 INTEGER,
    hung_up_by VARCHAR,
    disposition_id UUID,
    disposition_at TIMESTAMP WITH TIME ZONE,
    note VARCHAR NOT NULL,
    policy JSONB NOT NULL,
    CONSTRAINT pk_attempt PRIMARY KEY (id),
    CONSTRAINT fk_attempt_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_attempt_campaign_id FOREIGN KEY(campaign_id) REFERENCES campaign (id),
    CONSTRAINT fk_attempt_lead_id FOREIGN KEY(lead_id) REFERENCES lead (id),
    CONSTRAINT fk_attempt_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT fk_attempt_case_id FOREIGN KEY(case_id) REFERENCES debt_case (id),
    CONSTRAINT fk_attempt_contact_point_id FOREIGN KEY(contact_point_id) REFERENCES contact_point (id),
    CONSTRAINT fk_attempt_trunk_id FOREIGN KEY(trunk_id) REFERENCES trunk (id),
    CONSTRAINT fk_attempt_caller_id_id FOREIGN KEY(caller_id_id) REFERENCES caller_id (id),
    CONSTRAINT ck_attempt_call_state CHECK (state IN ('created', 'dialing', 'ringing', 'cancelling', 'detecting', 'queued', 'bridging', 'bridged', 'message', 'hanging_up', 'ended')),
    CONSTRAINT ck_attempt_outcome CHECK (outcome IN ('connected', 'abandoned', 'hung_up_early', 'machine', 'machine_early', 'fax', 'silence', 'answered_after_cancel', 'busy', 'no_answer', 'rejected', 'unwanted', 'phone_off', 'unclear', 'dead_number', 'number_changed', 'bad_format', 'out_of_order', 'blocked', 'routing_fault', 'congestion', 'network_timeout', 'no_reply', 'redirected', 'media_mismatch', 'trunk_alarm', 'stopped', 'not_placed', 'lost')),
    CONSTRAINT fk_attempt_reserved_session_id FOREIGN KEY(reserved_session_id) REFERENCES agent_session (id),
    CONSTRAINT fk_attempt_next_action_id FOREIGN KEY(next_action_id) REFERENCES next_action (id),
    CONSTRAINT ck_attempt_verdict CHECK (verdict IN ('human', 'machine-vm', 'machine-ivr', 'machine-unavailable', 'fax', 'silence', 'uncertain')),
    CONSTRAINT fk_attempt_agent_session_id FOREIGN KEY(agent_session_id) REFERENCES agent_session (id),
    CONSTRAINT fk_attempt_agent_id FOREIGN KEY(agent_id) REFERENCES agent (id),
    CONSTRAINT fk_attempt_disposition_id FOREIGN KEY(disposition_id) REFERENCES disposition (id)
) PARTITION BY RANGE (id);
CREATE INDEX ix_attempt_agent_session_id ON attempt (agent_session_id);
CREATE INDEX ix_attempt_brand_id ON attempt (brand_id);
CREATE INDEX ix_attempt_campaign ON attempt (campaign_id, created_at);
CREATE INDEX ix_attempt_debtor ON attempt (debtor_id);
CREATE INDEX ix_attempt_lead ON attempt (lead_id);
CREATE INDEX ix_attempt_open ON attempt (campaign_id) WHERE ended_at IS NULL;

CREATE TABLE call_event (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    attempt_id UUID NOT NULL,
    campaign_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    state VARCHAR(40) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    source_key VARCHAR,
    detail JSONB NOT NULL,
    CONSTRAINT pk_call_event PRIMARY KEY (id),
    CONSTRAINT fk_call_event_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_call_event_attempt_id FOREIGN KEY(attempt_id) REFERENCES attempt (id),
    CONSTRAINT ck_call_event_call_state CHECK (state IN ('created', 'dialing', 'ringing', 'cancelling', 'detecting', 'queued', 'bridging', 'bridged', 'message', 'hanging_up', 'ended'))
) PARTITION BY RANGE (id);
CREATE INDEX ix_call_event_attempt ON call_event (attempt_id);
CREATE INDEX ix_call_event_brand_id ON call_event (brand_id);

CREATE TABLE call_leg (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    attempt_id UUID,
    session_id UUID,
    media_node VARCHAR NOT NULL,
    sip_call_id VARCHAR,
    answered_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    sip_code INTEGER,
    CONSTRAINT pk_call_leg PRIMARY KEY (id),
    CONSTRAINT fk_call_leg_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT ck_call_leg_leg_kind CHECK (kind IN ('debtor', 'agent')),
    CONSTRAINT fk_call_leg_attempt_id FOREIGN KEY(attempt_id) REFERENCES attempt (id),
    CONSTRAINT fk_call_leg_session_id FOREIGN KEY(session_id) REFERENCES agent_session (id)
);
CREATE INDEX ix_call_leg_attempt_id ON call_leg (attempt_id);
CREATE INDEX ix_call_leg_brand_id ON call_leg (brand_id);
CREATE INDEX ix_call_leg_session_id ON call_leg (session_id);

CREATE TABLE person_in_flight (
    debtor_id UUID NOT NULL,
    attempt_id UUID NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    rests_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_person_in_flight PRIMARY KEY (debtor_id),
    CONSTRAINT fk_person_in_flight_debtor_id FOREIGN KEY(debtor_id) REFERENCES debtor (id),
    CONSTRAINT fk_person_in_flight_attempt_id FOREIGN KEY(attempt_id) REFERENCES attempt (id)
);
CREATE INDEX ix_person_in_flight_attempt_id ON person_in_flight (attempt_id);

CREATE TABLE recording (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    brand_id UUID NOT NULL,
    attempt_id UUID NOT NULL,
    path VARCHAR,
    sha256 VARCHAR,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    none_because VARCHAR,
    CONSTRAINT pk_recording PRIMARY KEY (id),
    CONSTRAINT fk_recording_brand_id FOREIGN KEY(brand_id) REFERENCES brand (id),
    CONSTRAINT fk_recording_attempt_id FOREIGN KEY(attempt_id) REFERENCES attempt (id)
);
CREATE INDEX ix_recording_attempt_id ON recording (attempt_id);
CREATE INDEX ix_recording_brand_id ON recording (brand_id);

CREATE TABLE media_cursor (
    stream VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    seq INTEGER NOT NULL,
    CONSTRAINT pk_media_cursor PRIMARY KEY (stream, source)
);
