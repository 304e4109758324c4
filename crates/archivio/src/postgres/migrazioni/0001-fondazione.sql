-- Every ente in one schema. The tables are those of SQLite with the ente before every key; integers have 64 bits, texts
-- sort by their bytes. A session is bound to one ente (`protocollo.ente`): the column takes it by itself, and row-level
-- security shows nothing else. Without it every statement fails.
CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;

CREATE TABLE ente(
  n integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, ipa text COLLATE "C" NOT NULL UNIQUE,
  -- Raised by every group that moves a head, and by every one that changes the configuration: whoever remembers what was
  -- there before sees that it no longer holds. The row is also the lock of the ente's only writer.
  versione bigint NOT NULL DEFAULT 0, configurazione bigint NOT NULL DEFAULT 0
);

CREATE FUNCTION ente_della_sessione() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT current_setting('protocollo.ente')::integer $$;

-- ---------------------------------------------------------------- append-only
CREATE TABLE registro_log(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL CHECK(log >= 0), aoo text COLLATE "C", origine text COLLATE "C" NOT NULL,
  PRIMARY KEY(ente, log), UNIQUE(ente, aoo)
);
CREATE TABLE chiave_log(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, n bigint NOT NULL, vkey text COLLATE "C" NOT NULL, privata bytea NOT NULL,
  istante bigint NOT NULL, PRIMARY KEY(ente, log, n)
);
CREATE TABLE operazione(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  id bigint NOT NULL, istante bigint NOT NULL, tipo text COLLATE "C" NOT NULL, reg bigint, conf bigint,
  campi text COLLATE "C" NOT NULL, seme bytea NOT NULL CHECK(length(seme) = 32),
  voce bytea NOT NULL CHECK(length(voce) = 32), PRIMARY KEY(ente, id)
);
CREATE INDEX operazione_reg ON operazione(ente, reg, id) WHERE reg IS NOT NULL;
CREATE INDEX operazione_conf ON operazione(ente, id) WHERE conf IS NOT NULL;
CREATE TABLE tessera(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, livello bigint NOT NULL, n bigint NOT NULL,
  hash bytea NOT NULL CHECK(length(hash) = 8192), PRIMARY KEY(ente, log, livello, n)
);
-- Hashes do not compress: no time is lost in trying.
ALTER TABLE tessera ALTER COLUMN hash SET STORAGE EXTERNAL;
CREATE TABLE checkpoint(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, dimensione bigint NOT NULL, istante bigint NOT NULL, nota text COLLATE "C" NOT NULL,
  PRIMARY KEY(ente, log, dimensione)
);
CREATE TABLE registrazione(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  id bigint NOT NULL, log bigint NOT NULL, registro text COLLATE "C" NOT NULL, anno bigint NOT NULL,
  numero bigint NOT NULL CHECK(numero > 0), istante bigint NOT NULL, tipo bigint NOT NULL CHECK(tipo IN (0,1,2)),
  riservato bigint NOT NULL CHECK(riservato IN (0,1)),
  PRIMARY KEY(ente, id), UNIQUE(ente, log, registro, anno, numero)
);
CREATE TABLE documento(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  reg bigint NOT NULL, n bigint NOT NULL, impronta bytea NOT NULL CHECK(length(impronta) = 32), op bigint NOT NULL,
  PRIMARY KEY(ente, reg, n)
);
CREATE INDEX documento_impronta ON documento(ente, impronta, reg);
CREATE TABLE oggetto_file(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  impronta bytea NOT NULL CHECK(length(impronta) = 32), oggetto text COLLATE "C" NOT NULL, byte bigint NOT NULL,
  codifica text COLLATE "C" NOT NULL DEFAULT 'nessuna', chiave bytea, op bigint NOT NULL,
  PRIMARY KEY(ente, impronta), UNIQUE(ente, oggetto)
);
CREATE TABLE coinvolto(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  chi text COLLATE "C" NOT NULL, reg bigint NOT NULL, PRIMARY KEY(ente, chi, reg)
);
CREATE TABLE riscontro(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  chiave text COLLATE "C" NOT NULL, reg bigint NOT NULL, PRIMARY KEY(ente, chiave, reg)
);
CREATE TABLE fascicolo(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  op bigint NOT NULL, log bigint NOT NULL, codice text COLLATE "C" NOT NULL, voce text COLLATE "C" NOT NULL,
  anno bigint NOT NULL, oggetto text COLLATE "C" NOT NULL, ufficio text COLLATE "C", istante bigint NOT NULL,
  PRIMARY KEY(ente, op), UNIQUE(ente, log, codice)
);
CREATE INDEX fascicolo_voce ON fascicolo(ente, log, voce, anno);
CREATE TABLE contenuto(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, codice text COLLATE "C" NOT NULL, reg bigint NOT NULL, PRIMARY KEY(ente, log, codice, reg)
);
CREATE TABLE corrispondente(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  op bigint NOT NULL, log bigint NOT NULL, nome text COLLATE "C" NOT NULL, dati text COLLATE "C" NOT NULL,
  PRIMARY KEY(ente, op)
);
CREATE INDEX corrispondente_nome ON corrispondente(ente, log, nome, op);
-- The key first: a group asks for all of its own at once.
CREATE TABLE idempotenza(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  ambito text COLLATE "C" NOT NULL, chiave text COLLATE "C" NOT NULL, richiesta bytea NOT NULL, op bigint NOT NULL,
  istante bigint NOT NULL, PRIMARY KEY(ente, chiave, ambito)
);
CREATE TABLE annullamento(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  op bigint NOT NULL, reg bigint NOT NULL, intero bigint NOT NULL CHECK(intero IN (0,1)),
  provvedimento text COLLATE "C" NOT NULL, data text COLLATE "C" NOT NULL, PRIMARY KEY(ente, op)
);
CREATE INDEX annullamento_reg ON annullamento(ente, reg);
CREATE TABLE cofirma(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, testimone text COLLATE "C" NOT NULL, dimensione bigint NOT NULL, istante bigint NOT NULL,
  riga text COLLATE "C" NOT NULL, PRIMARY KEY(ente, log, testimone, dimensione)
);
CREATE INDEX cofirma_dimensione ON cofirma(ente, log, dimensione);
CREATE TABLE chiave_testimone(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  n bigint NOT NULL CHECK(n = 1), vkey text COLLATE "C" NOT NULL, privata bytea NOT NULL, istante bigint NOT NULL,
  PRIMARY KEY(ente, n)
);
CREATE TABLE deposito(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  dove text COLLATE "C" NOT NULL, origine text COLLATE "C" NOT NULL, dimensione bigint NOT NULL CHECK(dimensione >= 0),
  istante bigint NOT NULL, PRIMARY KEY(ente, dove, origine, dimensione)
);
CREATE TABLE testa_accessi(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  dimensione bigint NOT NULL CHECK(dimensione > 0), istante bigint NOT NULL, nota text COLLATE "C" NOT NULL,
  PRIMARY KEY(ente, dimensione)
);

-- ---------------------------------------------------------------- mutable, named: heads, counters, projections
CREATE TABLE testa(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, dimensione bigint NOT NULL, istante bigint NOT NULL, PRIMARY KEY(ente, log)
);
CREATE TABLE contatore(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  log bigint NOT NULL, registro text COLLATE "C" NOT NULL, anno bigint NOT NULL, ultimo bigint NOT NULL,
  PRIMARY KEY(ente, log, registro, anno)
);
CREATE TABLE attuale(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  reg bigint NOT NULL, stato bigint NOT NULL, voce text COLLATE "C" NOT NULL, PRIMARY KEY(ente, reg)
);
CREATE INDEX attuale_voce ON attuale(ente, voce, reg);
CREATE TABLE assegnazione(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  reg bigint NOT NULL, n bigint NOT NULL, ufficio text COLLATE "C" NOT NULL, utente text COLLATE "C",
  tipo bigint NOT NULL, stato bigint NOT NULL, PRIMARY KEY(ente, reg, n)
);
CREATE INDEX assegnazione_ufficio ON assegnazione(ente, ufficio, stato, tipo, reg);
CREATE TABLE richiesta_annullamento(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  reg bigint NOT NULL, n bigint NOT NULL, op bigint NOT NULL, stato bigint NOT NULL, PRIMARY KEY(ente, reg, n)
);
CREATE INDEX richiesta_annullamento_stato ON richiesta_annullamento(ente, stato, op);
CREATE TABLE osservato(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  origine text COLLATE "C" NOT NULL, dimensione bigint NOT NULL CHECK(dimensione >= 0), istante bigint NOT NULL,
  nota text COLLATE "C" NOT NULL, PRIMARY KEY(ente, origine)
);

-- ---------------------------------------------------------------- search: the words as analysed by us, and their index
CREATE TABLE cerca(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  reg bigint NOT NULL, log bigint NOT NULL, testo text COLLATE "C" NOT NULL, soggetti text COLLATE "C" NOT NULL,
  parole tsvector NOT NULL, PRIMARY KEY(ente, reg)
);
CREATE INDEX cerca_parole ON cerca USING gin(ente, log, parole) WITH (gin_pending_list_limit = 1024);
CREATE TABLE cerca_corrispondente(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  op bigint NOT NULL, log bigint NOT NULL, testo text COLLATE "C" NOT NULL, parole tsvector NOT NULL,
  PRIMARY KEY(ente, op)
);
CREATE INDEX cerca_corrispondente_parole ON cerca_corrispondente USING gin(ente, log, parole);

-- ---------------------------------------------------------------- access: no operation, nothing for ever
CREATE TABLE password(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  utente text COLLATE "C" NOT NULL, phc text COLLATE "C" NOT NULL, PRIMARY KEY(ente, utente)
);
CREATE TABLE token(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  segreto bytea NOT NULL CHECK(length(segreto) = 32), token text COLLATE "C" NOT NULL, PRIMARY KEY(ente, segreto)
);
CREATE TABLE sessione(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  id bytea NOT NULL CHECK(length(id) = 32), utente text COLLATE "C" NOT NULL, csrf text COLLATE "C" NOT NULL,
  scadenza bigint NOT NULL, PRIMARY KEY(ente, id)
);
CREATE TABLE accesso(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  n bigint NOT NULL, istante bigint NOT NULL, aoo text COLLATE "C" NOT NULL, utente text COLLATE "C" NOT NULL,
  registrazione text COLLATE "C" NOT NULL, riga text COLLATE "C" NOT NULL,
  hash bytea NOT NULL CHECK(length(hash) = 32), PRIMARY KEY(ente, n)
);
CREATE INDEX accesso_registrazione ON accesso(ente, aoo, registrazione, n);
CREATE INDEX accesso_utente ON accesso(ente, aoo, utente, n);
CREATE TABLE interessato(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  chi text COLLATE "C" NOT NULL, n bigint NOT NULL, PRIMARY KEY(ente, chi, n)
);
CREATE INDEX interessato_n ON interessato(ente, n);
CREATE TABLE potatura(
  ente integer NOT NULL DEFAULT current_setting('protocollo.ente')::integer,
  fino bigint NOT NULL, istante bigint NOT NULL, hash bytea NOT NULL CHECK(length(hash) = 32), PRIMARY KEY(ente, fino)
);

-- ---------------------------------------------------------------- fences (R-A11, R-B01, R-B11): the proof is the log
CREATE FUNCTION immutabile() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'immutabile: %', TG_TABLE_NAME; END $$;
CREATE FUNCTION solo_crescere() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'immutabile: % può solo crescere', TG_TABLE_NAME; END $$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['registro_log','chiave_log','operazione','tessera','checkpoint','registrazione','documento',
    'oggetto_file','coinvolto','riscontro','fascicolo','contenuto','corrispondente','idempotenza','annullamento','cofirma',
    'chiave_testimone','deposito','testa_accessi','potatura'] LOOP
    EXECUTE format('CREATE TRIGGER immutabile BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION immutabile()', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['testa','contatore','attuale','assegnazione','richiesta_annullamento','osservato','cerca',
    'cerca_corrispondente','ente'] LOOP
    EXECUTE format('CREATE TRIGGER immutabile BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION immutabile()', t);
  END LOOP;
END $$;
CREATE TRIGGER crescono BEFORE UPDATE ON testa FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.log <> OLD.log OR NEW.dimensione < OLD.dimensione OR NEW.istante < OLD.istante)
  EXECUTE FUNCTION solo_crescere();
CREATE TRIGGER crescono BEFORE UPDATE ON contatore FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.log <> OLD.log OR NEW.registro <> OLD.registro OR NEW.anno <> OLD.anno
        OR NEW.ultimo < OLD.ultimo)
  EXECUTE FUNCTION solo_crescere();
CREATE TRIGGER crescono BEFORE UPDATE ON ente FOR EACH ROW
  WHEN (NEW.n <> OLD.n OR NEW.ipa <> OLD.ipa OR NEW.versione < OLD.versione OR NEW.configurazione < OLD.configurazione)
  EXECUTE FUNCTION solo_crescere();
CREATE TRIGGER ferme BEFORE UPDATE ON assegnazione FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.reg <> OLD.reg OR NEW.n <> OLD.n OR NEW.ufficio <> OLD.ufficio OR NEW.tipo <> OLD.tipo)
  EXECUTE FUNCTION immutabile();
CREATE TRIGGER ferme BEFORE UPDATE ON richiesta_annullamento FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.reg <> OLD.reg OR NEW.n <> OLD.n OR NEW.op <> OLD.op OR OLD.stato <> 0)
  EXECUTE FUNCTION immutabile();
-- a state only worsens: an annulment is never undone
CREATE TRIGGER ferme BEFORE UPDATE ON attuale FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.reg <> OLD.reg OR (OLD.stato = 1 AND NEW.stato <> 1)
        OR (OLD.stato = 2 AND NEW.stato = 0))
  EXECUTE FUNCTION immutabile();
-- a witness never goes back, nor says two things of one size
CREATE TRIGGER crescono BEFORE UPDATE ON osservato FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.origine <> OLD.origine OR NEW.dimensione <= OLD.dimensione)
  EXECUTE FUNCTION solo_crescere();
CREATE TRIGGER ferme BEFORE UPDATE ON cerca FOR EACH ROW
  WHEN (NEW.ente <> OLD.ente OR NEW.reg <> OLD.reg OR NEW.log <> OLD.log) EXECUTE FUNCTION immutabile();
CREATE TRIGGER immutabile_u BEFORE UPDATE ON accesso FOR EACH ROW EXECUTE FUNCTION immutabile();
CREATE FUNCTION solo_potati() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.n > (SELECT coalesce(max(fino), 0) FROM potatura WHERE ente = OLD.ente) THEN
    RAISE EXCEPTION 'immutabile: accesso';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER immutabile_d BEFORE DELETE ON accesso FOR EACH ROW EXECUTE FUNCTION solo_potati();

-- ---------------------------------------------------------------- roles (R-L25): who reads and who writes, bound to one ente
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['protocollo_scrittore', 'protocollo_lettore'] LOOP
    -- Of the whole server: another database may have made them already, or who administers it, for a user who may not.
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = t) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', t);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, t, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', t);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), t);
  END LOOP;
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT IN ('ente', 'migrazione') LOOP
    EXECUTE format('CREATE TRIGGER intera BEFORE TRUNCATE ON %I EXECUTE FUNCTION immutabile()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    -- As a subquery it is asked once a statement, not once a row.
    EXECUTE format('CREATE POLICY ente ON %I USING (ente = (SELECT current_setting(''protocollo.ente'')::integer))
                    WITH CHECK (ente = (SELECT current_setting(''protocollo.ente'')::integer))', t);
    EXECUTE format('GRANT SELECT ON %I TO protocollo_lettore', t);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO protocollo_scrittore', t);
  END LOOP;
END $$;
-- Who they are everybody may know; only the session of an ente moves its versions.
ALTER TABLE ente ENABLE ROW LEVEL SECURITY;
CREATE POLICY vede ON ente FOR SELECT USING (true);
CREATE POLICY nasce ON ente FOR INSERT WITH CHECK (true);
CREATE POLICY suo ON ente FOR UPDATE USING (n = (SELECT current_setting('protocollo.ente')::integer));
CREATE TRIGGER intera BEFORE TRUNCATE ON ente EXECUTE FUNCTION immutabile();
GRANT SELECT ON ente, migrazione TO protocollo_lettore;
GRANT SELECT, INSERT ON ente TO protocollo_scrittore;
GRANT SELECT ON migrazione TO protocollo_scrittore;
GRANT UPDATE(versione, configurazione) ON ente TO protocollo_scrittore;
GRANT UPDATE(dimensione, istante) ON testa TO protocollo_scrittore;
GRANT UPDATE(ultimo) ON contatore TO protocollo_scrittore;
GRANT UPDATE(stato, voce) ON attuale TO protocollo_scrittore;
GRANT UPDATE(stato) ON assegnazione, richiesta_annullamento TO protocollo_scrittore;
GRANT UPDATE(dimensione, istante, nota) ON osservato TO protocollo_scrittore;
GRANT UPDATE(testo, soggetti, parole) ON cerca TO protocollo_scrittore;
GRANT UPDATE(phc) ON password TO protocollo_scrittore;
GRANT DELETE ON sessione, token, accesso, interessato TO protocollo_scrittore;

-- ---------------------------------------------------------------- words: what row-level security would keep from the index
-- The operator of full-text search is not leakproof: under a policy its index would not be used. These say the ente by
-- themselves, and are planned each time. A common word has its page among the newest rows, which are read first, one
-- after the other; only of what is rarer than that does the index give every row there is.
CREATE FUNCTION per_parole(q tsquery, quale_log bigint, da bigint, fino bigint, quante bigint) RETURNS SETOF bigint
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $f$
DECLARE
  suo integer := ente_della_sessione();
  trovate bigint;
  soglia bigint;
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT x.reg FROM (SELECT c.reg, c.parole FROM cerca c WHERE c.ente = %s AND c.reg >= %s AND c.reg < %s
                        ORDER BY c.reg DESC LIMIT 4000) x WHERE x.parole @@ %L::tsquery LIMIT %s', suo, da, fino, q, quante);
  GET DIAGNOSTICS trovate = ROW_COUNT;
  IF trovate >= quante THEN
    RETURN;
  END IF;
  SELECT c.reg INTO soglia FROM cerca c WHERE c.ente = suo AND c.reg >= da AND c.reg < fino
    ORDER BY c.reg DESC OFFSET 3999 LIMIT 1;
  IF soglia IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT reg FROM cerca WHERE ente = %s AND log = %s AND parole @@ %L::tsquery AND reg >= %s AND reg < %s
     ORDER BY reg DESC LIMIT %s', suo, quale_log, q, da, soglia, quante - trovate);
END $f$;
CREATE FUNCTION per_nome(q tsquery, quale_log bigint, quante bigint) RETURNS SETOF bigint
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $f$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT op FROM cerca_corrispondente WHERE ente = %s AND log = %s AND parole @@ %L::tsquery
     ORDER BY op LIMIT %s', ente_della_sessione(), quale_log, q, quante);
END $f$;
REVOKE ALL ON FUNCTION per_parole, per_nome FROM PUBLIC;
GRANT EXECUTE ON FUNCTION per_parole, per_nome TO protocollo_lettore, protocollo_scrittore;
