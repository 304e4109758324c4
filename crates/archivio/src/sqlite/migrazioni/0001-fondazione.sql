-- One ente. Rows of `operazione` are the truth; every other table is derived from them or stands beside them.
-- id of an operation = log * 2^40 + index; a registration has the id of the operation that made it, so that
-- "newest first" within an AOO is the order of ids.

-- ---------------------------------------------------------------- append-only
CREATE TABLE registro_log(
  log INTEGER PRIMARY KEY CHECK(log >= 0), aoo TEXT UNIQUE, origine TEXT NOT NULL
) STRICT;
CREATE TABLE chiave_log(
  log INTEGER NOT NULL, n INTEGER NOT NULL, vkey TEXT NOT NULL, privata BLOB NOT NULL, istante INTEGER NOT NULL,
  PRIMARY KEY(log, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE operazione(
  id INTEGER PRIMARY KEY, istante INTEGER NOT NULL, tipo TEXT NOT NULL, reg INTEGER, conf INTEGER,
  campi TEXT NOT NULL, seme BLOB NOT NULL CHECK(length(seme) = 32), voce BLOB NOT NULL CHECK(length(voce) = 32)
) STRICT;
CREATE INDEX operazione_reg ON operazione(reg) WHERE reg IS NOT NULL;
CREATE INDEX operazione_conf ON operazione(id) WHERE conf IS NOT NULL;
CREATE TABLE tessera(
  log INTEGER NOT NULL, livello INTEGER NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL CHECK(length(hash) = 8192),
  PRIMARY KEY(log, livello, n)
) STRICT;
CREATE TABLE checkpoint(
  log INTEGER NOT NULL, dimensione INTEGER NOT NULL, istante INTEGER NOT NULL, nota TEXT NOT NULL,
  PRIMARY KEY(log, dimensione)
) STRICT, WITHOUT ROWID;
CREATE TABLE registrazione(
  id INTEGER PRIMARY KEY, log INTEGER NOT NULL, registro TEXT NOT NULL, anno INTEGER NOT NULL,
  numero INTEGER NOT NULL CHECK(numero > 0), istante INTEGER NOT NULL, tipo INTEGER NOT NULL CHECK(tipo IN (0,1,2)),
  riservato INTEGER NOT NULL CHECK(riservato IN (0,1)), UNIQUE(log, registro, anno, numero)
) STRICT;
CREATE TABLE documento(
  reg INTEGER NOT NULL, n INTEGER NOT NULL, impronta BLOB NOT NULL CHECK(length(impronta) = 32), op INTEGER NOT NULL,
  PRIMARY KEY(reg, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX documento_impronta ON documento(impronta);
CREATE TABLE oggetto_file(
  impronta BLOB PRIMARY KEY CHECK(length(impronta) = 32), oggetto TEXT NOT NULL UNIQUE, byte INTEGER NOT NULL,
  codifica TEXT NOT NULL DEFAULT 'nessuna', chiave BLOB, op INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE coinvolto(chi TEXT NOT NULL, reg INTEGER NOT NULL, PRIMARY KEY(chi, reg)) STRICT, WITHOUT ROWID;
CREATE TABLE riscontro(chiave TEXT NOT NULL, reg INTEGER NOT NULL, PRIMARY KEY(chiave, reg)) STRICT, WITHOUT ROWID;
CREATE TABLE fascicolo(
  op INTEGER PRIMARY KEY, log INTEGER NOT NULL, codice TEXT NOT NULL, voce TEXT NOT NULL, anno INTEGER NOT NULL,
  oggetto TEXT NOT NULL, ufficio TEXT, istante INTEGER NOT NULL, UNIQUE(log, codice)
) STRICT;
CREATE INDEX fascicolo_voce ON fascicolo(log, voce, anno);
CREATE TABLE contenuto(
  log INTEGER NOT NULL, codice TEXT NOT NULL, reg INTEGER NOT NULL, PRIMARY KEY(log, codice, reg)
) STRICT, WITHOUT ROWID;
CREATE TABLE corrispondente(
  op INTEGER PRIMARY KEY, log INTEGER NOT NULL, nome TEXT NOT NULL, dati TEXT NOT NULL
) STRICT;
CREATE INDEX corrispondente_nome ON corrispondente(log, nome, op);
CREATE TABLE idempotenza(
  ambito TEXT NOT NULL, chiave TEXT NOT NULL, richiesta BLOB NOT NULL, op INTEGER NOT NULL, istante INTEGER NOT NULL,
  PRIMARY KEY(ambito, chiave)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- mutable, named: heads, counters, projections
CREATE TABLE testa(log INTEGER PRIMARY KEY, dimensione INTEGER NOT NULL, istante INTEGER NOT NULL) STRICT;
CREATE TABLE contatore(
  log INTEGER NOT NULL, registro TEXT NOT NULL, anno INTEGER NOT NULL, ultimo INTEGER NOT NULL,
  PRIMARY KEY(log, registro, anno)
) STRICT, WITHOUT ROWID;
CREATE TABLE attuale(reg INTEGER PRIMARY KEY, stato INTEGER NOT NULL, voce TEXT NOT NULL) STRICT;
CREATE INDEX attuale_voce ON attuale(voce, reg);
CREATE TABLE assegnazione(
  reg INTEGER NOT NULL, n INTEGER NOT NULL, ufficio TEXT NOT NULL, utente TEXT, tipo INTEGER NOT NULL,
  stato INTEGER NOT NULL, PRIMARY KEY(reg, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX assegnazione_ufficio ON assegnazione(ufficio, stato, tipo, reg);

-- ---------------------------------------------------------------- search: the row goes in with the registration;
-- the writer moves rows to the index in bulk, so that reading looks in both places
CREATE TABLE cerca_recente(reg INTEGER PRIMARY KEY, testo TEXT NOT NULL, soggetti TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE cerca USING fts5(
  testo, soggetti, content='', detail=full, prefix='2 3 4', tokenize="unicode61 remove_diacritics 0"
);
CREATE VIRTUAL TABLE cerca_corrispondente USING fts5(
  testo, content='', detail=none, prefix='2 3', tokenize="unicode61 remove_diacritics 0"
);

-- ---------------------------------------------------------------- access: no operation, nothing for ever
CREATE TABLE password(utente TEXT PRIMARY KEY, phc TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE token(segreto BLOB PRIMARY KEY CHECK(length(segreto) = 32), token TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sessione(
  id BLOB PRIMARY KEY CHECK(length(id) = 32), utente TEXT NOT NULL, csrf TEXT NOT NULL, scadenza INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- fences (R-A11, R-B01, R-B11): the proof is the log
CREATE TRIGGER testa_u BEFORE UPDATE ON testa
  WHEN NEW.log <> OLD.log OR NEW.dimensione < OLD.dimensione OR NEW.istante < OLD.istante
  BEGIN SELECT RAISE(ABORT, 'immutabile: testa può solo crescere'); END;
CREATE TRIGGER testa_d BEFORE DELETE ON testa BEGIN SELECT RAISE(ABORT, 'immutabile: testa'); END;
CREATE TRIGGER contatore_u BEFORE UPDATE ON contatore
  WHEN NEW.log <> OLD.log OR NEW.registro <> OLD.registro OR NEW.anno <> OLD.anno OR NEW.ultimo < OLD.ultimo
  BEGIN SELECT RAISE(ABORT, 'immutabile: contatore può solo crescere'); END;
CREATE TRIGGER contatore_d BEFORE DELETE ON contatore BEGIN SELECT RAISE(ABORT, 'immutabile: contatore'); END;
CREATE TRIGGER attuale_d BEFORE DELETE ON attuale BEGIN SELECT RAISE(ABORT, 'immutabile: attuale'); END;
CREATE TRIGGER assegnazione_u BEFORE UPDATE ON assegnazione
  WHEN NEW.reg <> OLD.reg OR NEW.n <> OLD.n OR NEW.ufficio <> OLD.ufficio OR NEW.tipo <> OLD.tipo
  BEGIN SELECT RAISE(ABORT, 'immutabile: assegnazione'); END;
CREATE TRIGGER assegnazione_d BEFORE DELETE ON assegnazione BEGIN SELECT RAISE(ABORT, 'immutabile: assegnazione'); END;
