-- Who is uploading files to a place that others share: nothing of his is taken away while he is alive. Mutable, and of no
-- operation; who is dead stays so, and may register nothing that he had uploaded.
CREATE TABLE affitto_file(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  chi text COLLATE "C" NOT NULL, rinnovato bigint NOT NULL, morto bigint NOT NULL CHECK(morto IN (0,1)),
  PRIMARY KEY(ente, chi)
);
CREATE TRIGGER ferme BEFORE UPDATE ON affitto_file FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.chi <> OLD.chi OR NEW.morto < OLD.morto) EXECUTE FUNCTION immutabile();
CREATE TRIGGER immutabile BEFORE DELETE ON affitto_file FOR EACH ROW
  WHEN (OLD.morto = 0) EXECUTE FUNCTION immutabile();
CREATE TRIGGER intera BEFORE TRUNCATE ON affitto_file EXECUTE FUNCTION immutabile();
ALTER TABLE affitto_file ENABLE ROW LEVEL SECURITY;
CREATE POLICY ente ON affitto_file USING (ente = (SELECT current_setting('protocollo.ente')::integer))
  WITH CHECK (ente = (SELECT current_setting('protocollo.ente')::integer));
GRANT SELECT ON affitto_file TO protocollo_lettore;
GRANT SELECT, INSERT, DELETE ON affitto_file TO protocollo_scrittore;
GRANT UPDATE(rinnovato, morto) ON affitto_file TO protocollo_scrittore;
