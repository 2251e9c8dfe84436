-- What the database itself refuses, whatever the code above it believes.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER call_event_append_only BEFORE UPDATE OR DELETE ON call_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Only a number we own may be shown (Act of 28 July 2023, Dz.U. 2023 poz. 1703): with a contract that proves it.
CREATE FUNCTION refuse_unproven_pool_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM caller_id WHERE id = NEW.caller_id_id AND btrim(proof) <> '') THEN
        RAISE EXCEPTION 'caller ID without proof' USING ERRCODE = 'check_violation', CONSTRAINT = 'caller_id_has_proof';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER caller_id_pool_member_has_proof BEFORE INSERT OR UPDATE OF caller_id_id ON caller_id_pool_member
    FOR EACH ROW EXECUTE FUNCTION refuse_unproven_pool_member();

CREATE FUNCTION refuse_unproven_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM caller_id WHERE id = NEW.caller_id_id AND number = NEW.caller_id AND btrim(proof) <> ''
    ) THEN
        RAISE EXCEPTION 'caller ID without proof' USING ERRCODE = 'check_violation', CONSTRAINT = 'caller_id_has_proof';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER attempt_shows_proven_caller_id BEFORE INSERT OR UPDATE OF caller_id_id, caller_id ON attempt
    FOR EACH ROW EXECUTE FUNCTION refuse_unproven_attempt();
