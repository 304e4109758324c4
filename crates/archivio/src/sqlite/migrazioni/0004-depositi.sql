-- What left the house: signed checkpoints that somebody outside acknowledged, and the signed heads of the access log,
-- which is a file of its own.
CREATE TABLE deposito(
  dove TEXT NOT NULL, origine TEXT NOT NULL, dimensione INTEGER NOT NULL CHECK(dimensione >= 0),
  istante INTEGER NOT NULL, PRIMARY KEY(dove, origine, dimensione)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER deposito_u BEFORE UPDATE ON deposito BEGIN SELECT RAISE(ABORT, 'immutabile: deposito'); END;
CREATE TRIGGER deposito_d BEFORE DELETE ON deposito BEGIN SELECT RAISE(ABORT, 'immutabile: deposito'); END;
CREATE TABLE testa_accessi(
  dimensione INTEGER PRIMARY KEY CHECK(dimensione > 0), istante INTEGER NOT NULL, nota TEXT NOT NULL
) STRICT;
CREATE TRIGGER testa_accessi_u BEFORE UPDATE ON testa_accessi
  BEGIN SELECT RAISE(ABORT, 'immutabile: testa_accessi'); END;
CREATE TRIGGER testa_accessi_d BEFORE DELETE ON testa_accessi
  BEGIN SELECT RAISE(ABORT, 'immutabile: testa_accessi'); END;
