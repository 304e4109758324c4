-- Annulments (TUDA art. 54): their register with the acts that authorise them, and the requests that wait.
CREATE TABLE annullamento(
  op INTEGER PRIMARY KEY, reg INTEGER NOT NULL, intero INTEGER NOT NULL CHECK(intero IN (0,1)),
  provvedimento TEXT NOT NULL, data TEXT NOT NULL
) STRICT;
CREATE INDEX annullamento_reg ON annullamento(reg);
CREATE TRIGGER annullamento_u BEFORE UPDATE ON annullamento
  BEGIN SELECT RAISE(ABORT, 'immutabile: annullamento'); END;
CREATE TRIGGER annullamento_d BEFORE DELETE ON annullamento
  BEGIN SELECT RAISE(ABORT, 'immutabile: annullamento'); END;

-- mutable: the state of a request
CREATE TABLE richiesta_annullamento(
  reg INTEGER NOT NULL, n INTEGER NOT NULL, op INTEGER NOT NULL, stato INTEGER NOT NULL, PRIMARY KEY(reg, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX richiesta_annullamento_stato ON richiesta_annullamento(stato, op);
CREATE TRIGGER richiesta_annullamento_u BEFORE UPDATE ON richiesta_annullamento
  WHEN NEW.reg <> OLD.reg OR NEW.n <> OLD.n OR NEW.op <> OLD.op OR OLD.stato <> 0
  BEGIN SELECT RAISE(ABORT, 'immutabile: richiesta_annullamento'); END;
CREATE TRIGGER richiesta_annullamento_d BEFORE DELETE ON richiesta_annullamento
  BEGIN SELECT RAISE(ABORT, 'immutabile: richiesta_annullamento'); END;

-- a state only worsens: an annulment is never undone
CREATE TRIGGER attuale_u BEFORE UPDATE ON attuale
  WHEN NEW.reg <> OLD.reg OR (OLD.stato = 1 AND NEW.stato <> 1) OR (OLD.stato = 2 AND NEW.stato = 0)
  BEGIN SELECT RAISE(ABORT, 'immutabile: attuale'); END;
