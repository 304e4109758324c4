-- Keys of files at rest. The ente's own, wrapped by the installation's: the newest is in force. Without any, files are kept
-- in clear.
CREATE TABLE chiave_file(
  n INTEGER PRIMARY KEY CHECK(n > 0), chiave BLOB NOT NULL, chi TEXT NOT NULL, istante INTEGER NOT NULL
) STRICT;
CREATE TRIGGER chiave_file_u BEFORE UPDATE ON chiave_file BEGIN SELECT RAISE(ABORT, 'immutabile: chiave_file'); END;
CREATE TRIGGER chiave_file_d BEFORE DELETE ON chiave_file BEGIN SELECT RAISE(ABORT, 'immutabile: chiave_file'); END;
-- The key of each file that `oggetto_file.codifica` says is encrypted, wrapped by the ente's n-th: where there are several
-- the newest counts. A table of its own, apart from the mapping, so that scarto may one day destroy a key and nothing else.
CREATE TABLE chiave_documento(
  impronta BLOB NOT NULL CHECK(length(impronta) = 32), n INTEGER NOT NULL, chiave BLOB NOT NULL,
  PRIMARY KEY(impronta, n)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER chiave_documento_u BEFORE UPDATE ON chiave_documento
  BEGIN SELECT RAISE(ABORT, 'immutabile: chiave_documento'); END;
CREATE TRIGGER chiave_documento_d BEFORE DELETE ON chiave_documento
  BEGIN SELECT RAISE(ABORT, 'immutabile: chiave_documento'); END;
