-- Witnesses (C2SP tlog-witness). What others cosigned of the logs kept here: the line as it came, and the time it says.
CREATE TABLE cofirma(
  log INTEGER NOT NULL, testimone TEXT NOT NULL, dimensione INTEGER NOT NULL, istante INTEGER NOT NULL,
  riga TEXT NOT NULL, PRIMARY KEY(log, testimone, dimensione)
) STRICT, WITHOUT ROWID;
CREATE INDEX cofirma_dimensione ON cofirma(log, dimensione);
CREATE TRIGGER cofirma_u BEFORE UPDATE ON cofirma BEGIN SELECT RAISE(ABORT, 'immutabile: cofirma'); END;
CREATE TRIGGER cofirma_d BEFORE DELETE ON cofirma BEGIN SELECT RAISE(ABORT, 'immutabile: cofirma'); END;

-- What this installation cosigns of the logs of others (in its own file only): its key, given once…
CREATE TABLE chiave_testimone(
  n INTEGER PRIMARY KEY CHECK(n = 1), vkey TEXT NOT NULL, privata BLOB NOT NULL, istante INTEGER NOT NULL
) STRICT;
CREATE TRIGGER chiave_testimone_u BEFORE UPDATE ON chiave_testimone
  BEGIN SELECT RAISE(ABORT, 'immutabile: chiave_testimone'); END;
CREATE TRIGGER chiave_testimone_d BEFORE DELETE ON chiave_testimone
  BEGIN SELECT RAISE(ABORT, 'immutabile: chiave_testimone'); END;

-- … and, mutable, the largest checkpoint cosigned of each log: a witness never goes back, nor says two things of one size.
CREATE TABLE osservato(
  origine TEXT PRIMARY KEY, dimensione INTEGER NOT NULL CHECK(dimensione >= 0), istante INTEGER NOT NULL,
  nota TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER osservato_u BEFORE UPDATE ON osservato
  WHEN NEW.origine <> OLD.origine OR NEW.dimensione <= OLD.dimensione
  BEGIN SELECT RAISE(ABORT, 'immutabile: osservato può solo crescere'); END;
CREATE TRIGGER osservato_d BEFORE DELETE ON osservato BEGIN SELECT RAISE(ABORT, 'immutabile: osservato'); END;
