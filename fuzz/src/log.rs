//! What the log reads: notes, checkpoints, keys, receipts, disclosures, tile paths, bundles, proofs, what a witness is
//! asked and what it answers.

use std::str::from_utf8;

use catena::albero::radice_di;
use catena::testimone::{Richiesta, giudica};
use catena::{
    Checkpoint, ChiaveFirma, ChiavePubblica, ChiaveTestimone, EsitoRicevuta, Hash, LettoreHash, PercorsoTessera,
    Ricevuta, Rivelazione, Testimone,
};

/// Of the worked example in `docs/registro-operazioni.md`, whose checkpoint and receipt are among the seeds.
fn chiave() -> ChiaveFirma {
    ChiaveFirma::da_segreto("protocollo.example/c_z999/AOO1", &[1; 32]).unwrap()
}

/// What is read is written again the same; what opens was signed by the key, to the byte.
pub fn checkpoint(byte: &[u8]) {
    let Ok(testo) = from_utf8(byte) else { return };
    if let Ok(c) = Checkpoint::leggi(testo) {
        assert_eq!(c.testo(), testo);
    }
    if let Ok(k) = testo.parse::<ChiavePubblica>() {
        assert_eq!(k.to_string(), testo.trim());
    }
    let chiavi = [chiave().pubblica()];
    if let Ok((c, nota)) = Checkpoint::apri(testo, &chiavi) {
        assert_eq!(c.testo(), nota.testo);
        let nostra = c.firma(&[&chiave()]).unwrap();
        let riga = nostra.lines().last().unwrap();
        assert!(testo.lines().any(|r| r == riga), "opened, and not signed by the key");
    }
}

/// What is read is written and read again the same; what holds is bound to its key and to each of its parts.
pub fn ricevuta(byte: &[u8]) {
    let Ok(r) = Ricevuta::leggi(byte) else { return };
    let scritta = serde_json::to_vec(&r).unwrap();
    assert_eq!(Ricevuta::leggi(&scritta).unwrap(), r);
    let _ = catena::verifica(&r, &[]);
    let EsitoRicevuta::Autentica { campi } = catena::verifica(&r, &[chiave().pubblica()]) else { return };
    assert_eq!(campi.len(), r.rivelazioni.len());
    let altra = ChiaveFirma::da_segreto("protocollo.example/c_z999/AOO1", &[2; 32]).unwrap().pubblica();
    assert!(matches!(catena::verifica(&r, &[altra]), EsitoRicevuta::Falsa { .. }));
    let mut falsa = r.clone();
    falsa.indice ^= 1;
    assert!(matches!(catena::verifica(&falsa, &[chiave().pubblica()]), EsitoRicevuta::Falsa { .. }));
    let mut falsa = r;
    falsa.impronte.push("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());
    assert!(matches!(catena::verifica(&falsa, &[chiave().pubblica()]), EsitoRicevuta::Falsa { .. }));
}

/// One text for each field: what is read is written again the same.
pub fn rivelazione(byte: &[u8]) {
    let Ok(testo) = from_utf8(byte) else { return };
    let Ok(r) = Rivelazione::leggi(testo) else { return };
    assert_eq!(r.testo().unwrap(), testo);
    assert!((1..=catena::NOME_BYTE_MAX).contains(&r.nome.len()));
    match &r.valore {
        serde_json::Value::String(t) => assert!(t.len() <= catena::TESTO_BYTE_MAX),
        serde_json::Value::Number(n) => assert!(n.as_i64().unwrap().abs() <= catena::INTERO_MAX),
        v => assert!(v.is_boolean() || v.is_null()),
    }
}

/// One spelling for each path, one reading for each bundle.
pub fn tessera(byte: &[u8]) {
    if let Ok(voci) = catena::leggi_pacco(byte) {
        assert_eq!(catena::scrivi_pacco(&voci).unwrap(), byte);
    }
    if let Ok(hash) = catena::tessera::leggi_hash(byte) {
        assert_eq!(hash.as_flattened(), byte);
    }
    let Ok(testo) = from_utf8(byte) else { return };
    if let Ok(p) = testo.parse::<PercorsoTessera>() {
        assert_eq!(p.to_string(), testo);
        assert!((1..=256).contains(&p.larghezza()));
        let _ = p.sta_in(u64::MAX);
    }
}

/// Some leaves as a store of tiles.
struct Foglie(Vec<Hash>);

impl LettoreHash for Foglie {
    type Errore = std::convert::Infallible;

    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, Self::Errore> {
        let interi = self.0.chunks_exact(256usize.pow(u32::from(livello))).skip(n as usize * 256);
        Ok(interi.take(usize::from(larghezza)).map(radice_di).collect())
    }
}

/// Two sizes, an index and hashes: our own proofs hold, the given ones only when they are ours.
pub fn prova(byte: &[u8]) {
    let Some((testa, resto)) = byte.split_first_chunk::<18>() else { return };
    let u64_a = |i: usize| u64::from_be_bytes(testa[i..i + 8].try_into().unwrap());
    let prova: Vec<Hash> = resto.as_chunks::<32>().0.to_vec();
    // Anything at all: never a panic, never accepted against a root of zeros.
    let (a, b) = (u64_a(0), u64_a(8));
    assert!(catena::verifica_inclusione(&[1; 32], a, b, &prova, &[0; 32]).is_err());
    assert!(a == 0 || catena::verifica_coerenza(a, b, &[1; 32], &[0; 32], &prova).is_err());
    // A small tree of which everything is known.
    let n = u64::from(u16::from_be_bytes([testa[16], testa[17]]) % 600) + 1;
    let foglie = Foglie((0..n).map(|i| catena::foglia(&[i as u8; 32])).collect());
    let radice = catena::radice(&foglie, n).unwrap();
    let indice = a % n;
    let foglia = foglie.0[indice as usize];
    let vera = catena::prova_inclusione(&foglie, indice, n).unwrap();
    catena::verifica_inclusione(&foglia, indice, n, &vera, &radice).unwrap();
    assert!(catena::verifica_inclusione(&foglia, indice, n, &prova, &radice).is_err() || prova == vera);
    let prima = b % n + 1;
    let vecchia = catena::radice(&foglie, prima).unwrap();
    let vera = catena::prova_coerenza(&foglie, prima, n).unwrap();
    catena::verifica_coerenza(prima, n, &vecchia, &radice, &vera).unwrap();
    assert!(catena::verifica_coerenza(prima, n, &vecchia, &radice, &prova).is_err() || prova == vera);
}

/// What reads is written again the same; what is accepted was signed by the log and continues what was seen.
pub fn testimone(byte: &[u8]) {
    if let Ok(testo) = from_utf8(byte) {
        if let Ok(w) = testo.parse::<Testimone>() {
            assert_eq!(w.to_string(), testo.trim());
        }
        if let Ok(firme) = catena::nota::firme(testo) {
            assert_eq!(firme.iter().map(|f| f.riga()).collect::<String>(), testo);
            let nostro = ChiaveTestimone::da_segreto("testimone.example/1", &[3; 32]).unwrap().pubblica();
            assert!(nostro.tra("o\n1\n", &firme).is_err());
        }
    }
    let Ok(r) = Richiesta::leggi(byte) else { return };
    assert_eq!(r.testo().as_bytes(), byte);
    let chiavi = [chiave().pubblica()];
    let foglie = Foglie((0..3u8).map(|i| catena::foglia(&[i; 32])).collect());
    for n in 0..=3 {
        let visto = Checkpoint::nuovo(&r.checkpoint.origine, n, catena::radice(&foglie, n).unwrap());
        match giudica(&r, &chiavi, (n > 0).then_some(&visto)) {
            Ok(testo) => {
                assert_eq!(testo, r.checkpoint.testo());
                assert!(Checkpoint::apri(&r.nota, &chiavi).is_ok());
                assert_eq!(r.vecchia, n);
                assert!(r.checkpoint.dimensione > n || n == 0 || r.checkpoint.radice == visto.radice);
            }
            Err(e) => assert!((400..423).contains(&e.stato())),
        }
    }
}
