//! Judges that are not ours: `tlog_tiles`, a port of the code by which Go serves its checksum database, accepts our
//! tree, tiles and proofs, gives the same ones, and refuses what was touched. `docs/verifica/registro.go` and the tests
//! of the service do the same with Go itself, on a log that was served.
#![expect(clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;

use catena::{Albero, Checkpoint, Hash, LettoreHash, PercorsoTessera, foglia};
use sha2::{Digest as _, Sha256};
use tlog_tiles::tile::{Tile, TileHashReader, TileReader};
use tlog_tiles::tlog::{self, Hash as Altro, HashReader as _};

/// A tree of some size, in tiles as they are served.
struct Registro {
    albero: Albero,
    voci: Vec<Hash>,
    tessere: BTreeMap<PercorsoTessera, Vec<u8>>,
}

impl Registro {
    fn di(dimensione: u64) -> Self {
        let voci: Vec<Hash> = (0..dimensione).map(|i| Sha256::digest(i.to_be_bytes()).into()).collect();
        let (mut albero, mut tessere) = (Albero::nuovo(), BTreeMap::new());
        for voce in &voci {
            albero.aggiungi(foglia(voce), |livello, n, hash| {
                tessere.insert(PercorsoTessera::Hash { livello, n, larghezza: 256 }, hash.concat());
            });
        }
        for livello in 0..albero.livelli() {
            let coda = albero.coda(livello);
            let n = dimensione >> (8 * u32::from(livello)) >> 8;
            if !coda.is_empty() {
                let percorso = PercorsoTessera::Hash { livello, n, larghezza: coda.len() as u16 };
                tessere.insert(percorso, coda.concat());
            }
        }
        Self { albero, voci, tessere }
    }

    fn radice(&self) -> Altro {
        Altro(self.albero.radice())
    }

    fn lettore(&self) -> TileHashReader<'_> {
        TileHashReader::new(self.albero.dimensione(), self.radice(), self)
    }
}

impl TileReader for Registro {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        let di = |t: &Tile| {
            // Theirs has the height too, which C2SP fixes.
            let percorso = t.path().replacen("tile/8/", "tile/", 1);
            let percorso = PercorsoTessera::leggi(&percorso).expect("a path we know");
            self.tessere.get(&percorso).cloned().ok_or(tlog::Error::IndexesNotInTree)
        };
        tiles.iter().map(di).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

impl LettoreHash for Registro {
    type Errore = String;

    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, String> {
        let di = |larghezza| PercorsoTessera::Hash { livello, n, larghezza };
        let (_, byte) = self.tessere.range(di(larghezza)..=di(256)).next().ok_or("not there")?;
        Ok(catena::tessera::leggi_hash(byte).expect("whole hashes")[..usize::from(larghezza)].to_vec())
    }
}

fn altri(prova: &[Hash]) -> Vec<Altro> {
    prova.iter().map(|h| Altro(*h)).collect()
}

/// R-B13.
#[test]
fn another_implementation_reads_our_tiles_and_gives_our_root() {
    for dimensione in [1, 2, 255, 256, 257, 600, 65_536 + 300] {
        let r = Registro::di(dimensione);
        let lettore = r.lettore();
        assert_eq!(tlog::tree_hash(dimensione, &lettore).expect("the tiles hold"), r.radice());
        for i in [0, dimensione / 2, dimensione - 1] {
            let letto = lettore.read_hashes(&[tlog::stored_hash_index(0, i)]).expect("a leaf");
            assert_eq!(letto, [tlog::record_hash(&r.voci[i as usize])], "leaf {i} of {dimensione}");
        }
    }
}

/// R-B13.
#[test]
fn another_implementation_gives_and_accepts_our_proofs() {
    let r = Registro::di(700);
    let mut quante = 0;
    for n in [1, 2, 3, 255, 256, 257, 511, 512, 513, 699, 700] {
        // The tree as it was: its own tiles.
        let allora = Registro::di(n);
        for m in (0..n).step_by(23).chain([n - 1]) {
            let prova = altri(&catena::prova_inclusione(&r, m, n).expect("a leaf"));
            assert_eq!(prova, tlog::prove_record(n, m, &allora.lettore()).expect("a leaf"), "leaf {m} of {n}");
            let foglia = tlog::record_hash(&r.voci[m as usize]);
            tlog::check_record(&prova, n, allora.radice(), m, foglia).expect("it holds");
            for falsa in false_prove(&prova) {
                assert!(tlog::check_record(&falsa, n, allora.radice(), m, foglia).is_err(), "leaf {m} of {n}");
                let nostra: Vec<Hash> = falsa.iter().map(|h| h.0).collect();
                let radice = allora.albero.radice();
                assert!(catena::verifica_inclusione(&foglia.0, m, n, &nostra, &radice).is_err(), "leaf {m} of {n}");
            }

            let prima = m + 1;
            let prova = altri(&catena::prova_coerenza(&r, prima, n).expect("a smaller tree"));
            assert_eq!(prova, tlog::prove_tree(n, prima, &allora.lettore()).expect("a tree"), "{prima} to {n}");
            let vecchia = Registro::di(prima).radice();
            tlog::check_tree(&prova, n, allora.radice(), prima, vecchia).expect("it holds");
            for falsa in false_prove(&prova) {
                assert!(tlog::check_tree(&falsa, n, allora.radice(), prima, vecchia).is_err(), "{prima} to {n}");
                let nostra: Vec<Hash> = falsa.iter().map(|h| h.0).collect();
                let radice = allora.albero.radice();
                assert!(catena::verifica_coerenza(prima, n, &vecchia.0, &radice, &nostra).is_err(), "{prima} to {n}");
            }
            quante += 2;
        }
    }
    assert!(quante > 300);
}

/// The proof with one bit changed in each hash, one hash less, one more.
fn false_prove(prova: &[Altro]) -> Vec<Vec<Altro>> {
    let mut false_prove: Vec<Vec<Altro>> = (0..prova.len())
        .map(|i| {
            let mut falsa = prova.to_vec();
            falsa[i].0[i % 32] ^= 1;
            falsa
        })
        .collect();
    false_prove.extend(prova.split_last().map(|(_, meno)| meno.to_vec()));
    false_prove.push([prova, &[Altro([0; 32])]].concat());
    false_prove
}

/// Hashes of a tree in the order in which theirs stores them, made by them from the entries alone.
struct Loro(Vec<Altro>);

impl tlog::HashReader for Loro {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Altro>, tlog::Error> {
        let di = |i: &u64| self.0.get(*i as usize).copied().ok_or(tlog::Error::IndexesNotInTree);
        indexes.iter().map(di).collect()
    }
}

/// R-B13.
#[test]
fn another_implementation_makes_the_same_tiles_to_the_byte() {
    for dimensione in [1, 256, 257, 700, 65_536 + 300] {
        let r = Registro::di(dimensione);
        let mut loro = Loro(Vec::new());
        for (i, voce) in r.voci.iter().enumerate() {
            let nuovi = tlog::stored_hashes(i as u64, voce, &loro).expect("what came before is there");
            loro.0.extend(nuovi);
        }
        for (percorso, byte) in &r.tessere {
            let PercorsoTessera::Hash { livello, n, larghezza } = *percorso else { unreachable!("tiles only") };
            let tile = Tile::new(8, livello, n, u32::from(larghezza), false);
            assert_eq!(&tile.read_data(&loro).expect("its hashes are there"), byte, "{percorso} of {dimensione}");
        }
    }
}

/// Of 512 entries: with a size whose bits are many and whose tiles few, `TileHashReader` lets pass a forged full tile
/// (the defect that in Go is CVE-2026-56865), and is no judge of one.
#[test]
fn another_implementation_refuses_a_tile_with_one_bit_changed() {
    let mut r = Registro::di(512);
    let tutte: Vec<PercorsoTessera> = r.tessere.keys().copied().collect();
    assert_eq!(tutte.len(), 3, "two full, one partial above them");
    for percorso in tutte {
        let PercorsoTessera::Hash { livello, n, .. } = percorso else { unreachable!("tiles only") };
        let vera = r.tessere[&percorso].clone();
        for bit in [0, vera.len() * 4 + 3, vera.len() * 8 - 1] {
            let mut falsa = vera.clone();
            falsa[bit / 8] ^= 1 << (bit % 8);
            r.tessere.insert(percorso, falsa);
            // Any hash of the tile: none comes out.
            let indice = tlog::stored_hash_index(8 * livello, n * 256);
            assert!(r.lettore().read_hashes(&[indice]).is_err(), "{percorso}, bit {bit}");
        }
        r.tessere.insert(percorso, vera);
    }
    assert!(tlog::tree_hash(512, &r.lettore()).is_ok());
}

#[test]
fn another_implementation_reads_the_text_of_our_checkpoint() {
    let r = Registro::di(300);
    let nostro = Checkpoint::nuovo("protocollo.example/c_z999/AOO1", 300, r.albero.radice());
    let letto = tlog_tiles::Checkpoint::from_bytes(nostro.testo().as_bytes()).expect("a checkpoint");
    assert_eq!((letto.origin(), letto.size()), ("protocollo.example/c_z999/AOO1", 300));
    assert_eq!(*letto.hash(), r.radice());
    assert_eq!(letto.to_bytes(), nostro.testo().as_bytes());
}
