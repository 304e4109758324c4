-- Signatures of registered files, as they were found: a row for each examination. A document that its first examination found
-- without any has none. Of no operation; nothing is ever changed.
CREATE TABLE esame_firme(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  reg bigint NOT NULL, n bigint NOT NULL CHECK(n > 0), k bigint NOT NULL CHECK(k > 0),
  impronta bytea NOT NULL CHECK(length(impronta) = 32), istante bigint NOT NULL, riferimento bigint NOT NULL, chi text COLLATE "C",
  versione text COLLATE "C" NOT NULL, fiducia text COLLATE "C" NOT NULL,
  esito text COLLATE "C" NOT NULL CHECK(length(esito) <= 524288),
  PRIMARY KEY(ente, reg, n, k)
);
CREATE TRIGGER immutabile BEFORE UPDATE OR DELETE ON esame_firme FOR EACH ROW EXECUTE FUNCTION immutabile();

-- … and, mutable, how far the files of each log were looked at: the document, and how often the next was begun. It only grows.
CREATE TABLE esame_fin(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, op bigint NOT NULL, n bigint NOT NULL, tentativi bigint NOT NULL CHECK(tentativi >= 0),
  PRIMARY KEY(ente, log)
);
CREATE TRIGGER crescono BEFORE UPDATE ON esame_fin FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.log <> OLD.log OR (NEW.op, NEW.n, NEW.tentativi) < (OLD.op, OLD.n, OLD.tentativi))
  EXECUTE FUNCTION solo_crescere();
CREATE TRIGGER immutabile BEFORE DELETE ON esame_fin FOR EACH ROW EXECUTE FUNCTION immutabile();

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['esame_firme', 'esame_fin'] LOOP
    EXECUTE format('CREATE TRIGGER intera BEFORE TRUNCATE ON %I EXECUTE FUNCTION immutabile()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY ente ON %I USING (ente = (SELECT current_setting(''protocollo.ente'')::integer))
                    WITH CHECK (ente = (SELECT current_setting(''protocollo.ente'')::integer))', t);
    EXECUTE format('GRANT SELECT ON %I TO protocollo_lettore', t);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO protocollo_scrittore', t);
  END LOOP;
END $$;
GRANT UPDATE(op, n, tentativi) ON esame_fin TO protocollo_scrittore;
