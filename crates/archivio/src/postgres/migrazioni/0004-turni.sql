-- Whose turn it is at what the nodes of an installation do once between them. Mutable, of no ente and of no operation.
CREATE TABLE turno(lavoro text COLLATE "C" PRIMARY KEY, nodo text COLLATE "C" NOT NULL, scade timestamptz NOT NULL);
CREATE TRIGGER intera BEFORE TRUNCATE ON turno EXECUTE FUNCTION immutabile();
GRANT SELECT ON turno TO protocollo_lettore;
GRANT SELECT, INSERT, DELETE ON turno TO protocollo_scrittore;
GRANT UPDATE(nodo, scade) ON turno TO protocollo_scrittore;
