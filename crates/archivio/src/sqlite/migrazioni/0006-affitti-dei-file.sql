-- Who is uploading files to a place that others share: nothing of his is taken away while he is alive. Mutable, and of no
-- operation; who is dead stays so, and may register nothing that he had uploaded.
CREATE TABLE affitto_file(
  chi TEXT PRIMARY KEY, rinnovato INTEGER NOT NULL, morto INTEGER NOT NULL CHECK(morto IN (0,1))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER affitto_file_u BEFORE UPDATE ON affitto_file WHEN NEW.chi <> OLD.chi OR NEW.morto < OLD.morto
  BEGIN SELECT RAISE(ABORT, 'immutabile: affitto_file'); END;
CREATE TRIGGER affitto_file_d BEFORE DELETE ON affitto_file WHEN OLD.morto = 0
  BEGIN SELECT RAISE(ABORT, 'immutabile: affitto_file'); END;
