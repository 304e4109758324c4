-- Signatures of registered files, as they were found: a row for each examination. A document that its first examination found
-- without any has none. Of no operation; nothing is ever changed.
CREATE TABLE esame_firme(
  reg INTEGER NOT NULL, n INTEGER NOT NULL CHECK(n > 0), k INTEGER NOT NULL CHECK(k > 0),
  impronta BLOB NOT NULL CHECK(length(impronta) = 32), istante INTEGER NOT NULL, riferimento INTEGER NOT NULL, chi TEXT,
  versione TEXT NOT NULL, fiducia TEXT NOT NULL, esito TEXT NOT NULL CHECK(length(esito) <= 524288), PRIMARY KEY(reg, n, k)
) STRICT;
CREATE TRIGGER esame_firme_u BEFORE UPDATE ON esame_firme BEGIN SELECT RAISE(ABORT, 'immutabile: esame_firme'); END;
CREATE TRIGGER esame_firme_d BEFORE DELETE ON esame_firme BEGIN SELECT RAISE(ABORT, 'immutabile: esame_firme'); END;

-- … and, mutable, how far the files of each log were looked at: the document, and how often the next was begun. It only grows.
CREATE TABLE esame_fin(
  log INTEGER PRIMARY KEY, op INTEGER NOT NULL, n INTEGER NOT NULL, tentativi INTEGER NOT NULL CHECK(tentativi >= 0)
) STRICT;
CREATE TRIGGER esame_fin_u BEFORE UPDATE ON esame_fin
  WHEN NEW.log <> OLD.log OR (NEW.op, NEW.n, NEW.tentativi) < (OLD.op, OLD.n, OLD.tentativi)
  BEGIN SELECT RAISE(ABORT, 'immutabile: esame_fin può solo crescere'); END;
CREATE TRIGGER esame_fin_d BEFORE DELETE ON esame_fin BEGIN SELECT RAISE(ABORT, 'immutabile: esame_fin'); END;
