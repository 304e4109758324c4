-- Registrations whose segnatura waits for its seal: rows come with the registration and go with the seal.
CREATE TABLE da_sigillare(reg INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER da_sigillare_u BEFORE UPDATE ON da_sigillare
  BEGIN SELECT RAISE(ABORT, 'immutabile: da_sigillare'); END;
CREATE TRIGGER da_sigillare_d BEFORE DELETE ON da_sigillare
  WHEN NOT EXISTS (SELECT 1 FROM documento WHERE reg = OLD.reg AND n = 0)
  BEGIN SELECT RAISE(ABORT, 'immutabile: da_sigillare'); END;

-- What opens the key of an AOO's seal, wrapped by the installation's key; the newest is in force. No operation holds it.
CREATE TABLE sigillo(
  log INTEGER NOT NULL, n INTEGER NOT NULL, segreto BLOB NOT NULL, istante INTEGER NOT NULL, PRIMARY KEY(log, n)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER sigillo_u BEFORE UPDATE ON sigillo BEGIN SELECT RAISE(ABORT, 'immutabile: sigillo'); END;
CREATE TRIGGER sigillo_d BEFORE DELETE ON sigillo BEGIN SELECT RAISE(ABORT, 'immutabile: sigillo'); END;
