-- Keys of files at rest. The ente's own, wrapped by the installation's: the newest is in force. Without any, files are kept
-- in clear.
CREATE TABLE chiave_file(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  n bigint NOT NULL CHECK(n > 0), chiave bytea NOT NULL, chi text COLLATE "C" NOT NULL, istante bigint NOT NULL,
  PRIMARY KEY(ente, n)
);
-- The key of each file that `oggetto_file.codifica` says is encrypted, wrapped by the ente's n-th: where there are several
-- the newest counts. A table of its own, apart from the mapping, so that scarto may one day destroy a key and nothing else.
CREATE TABLE chiave_documento(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  impronta bytea NOT NULL CHECK(length(impronta) = 32), n bigint NOT NULL, chiave bytea NOT NULL,
  PRIMARY KEY(ente, impronta, n)
);
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['chiave_file', 'chiave_documento'] LOOP
    EXECUTE format('CREATE TRIGGER immutabile BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION immutabile()', t);
    EXECUTE format('CREATE TRIGGER intera BEFORE TRUNCATE ON %I EXECUTE FUNCTION immutabile()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY ente ON %I USING (ente = (SELECT current_setting(''protocollo.ente'')::integer))
                    WITH CHECK (ente = (SELECT current_setting(''protocollo.ente'')::integer))', t);
    EXECUTE format('GRANT SELECT ON %I TO protocollo_lettore', t);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO protocollo_scrittore', t);
  END LOOP;
END $$;
