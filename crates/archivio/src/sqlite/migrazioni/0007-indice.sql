-- The search index gets its rows some thousand at a time: all of them fit in its memory, and under load up to eight pieces
-- of a kind are left apart; the writer puts them together at rest.
INSERT INTO cerca(cerca, rank) VALUES ('automerge', 8);
INSERT INTO cerca(cerca, rank) VALUES ('hashsize', 4194304);
