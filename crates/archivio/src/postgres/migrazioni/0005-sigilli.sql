-- Registrations whose segnatura waits for its seal: rows come with the registration and go with the seal.
CREATE TABLE da_sigillare(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  reg bigint NOT NULL, PRIMARY KEY(ente, reg)
);
CREATE FUNCTION solo_sigillate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM documento WHERE ente = OLD.ente AND reg = OLD.reg AND n = 0) THEN
    RAISE EXCEPTION 'immutabile: da_sigillare';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER ferme BEFORE UPDATE ON da_sigillare FOR EACH ROW EXECUTE FUNCTION immutabile();
CREATE TRIGGER sigillate BEFORE DELETE ON da_sigillare FOR EACH ROW EXECUTE FUNCTION solo_sigillate();

-- What opens the key of an AOO's seal, wrapped by the installation's key; the newest is in force. No operation holds it.
CREATE TABLE sigillo(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, n bigint NOT NULL, segreto bytea NOT NULL, istante bigint NOT NULL, PRIMARY KEY(ente, log, n)
);
CREATE TRIGGER immutabile BEFORE UPDATE OR DELETE ON sigillo FOR EACH ROW EXECUTE FUNCTION immutabile();

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['da_sigillare', 'sigillo'] LOOP
    EXECUTE format('CREATE TRIGGER intera BEFORE TRUNCATE ON %I EXECUTE FUNCTION immutabile()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY ente ON %I USING (ente = (SELECT current_setting(''protocollo.ente'')::integer))
                    WITH CHECK (ente = (SELECT current_setting(''protocollo.ente'')::integer))', t);
    EXECUTE format('GRANT SELECT ON %I TO protocollo_lettore', t);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO protocollo_scrittore', t);
  END LOOP;
END $$;
GRANT DELETE ON da_sigillare TO protocollo_scrittore;
