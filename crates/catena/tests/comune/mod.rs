//! A log in memory, as every test of the crate's outside needs it: operations, their tree, receipts.

use catena::albero::radice_di;
use catena::{Albero, Checkpoint, ChiaveFirma, Hash, LettoreHash, Operazione, Ricevuta, Seme};

/// Which log.
pub const ORIGINE: &str = "protocollo.example/c_z999/AOO1";

/// The key that signs it: of thirty-two bytes 1, which is nobody's secret.
pub fn chiave() -> ChiaveFirma {
    ChiaveFirma::da_segreto(ORIGINE, &[1; 32]).expect("a good name")
}

/// A log whose operations are in memory.
pub struct Registro {
    operazioni: Vec<(Seme, Operazione)>,
    foglie: Vec<Hash>,
    albero: Albero,
}

impl Registro {
    /// The log of these operations.
    pub fn di(operazioni: Vec<(Seme, Operazione)>) -> Self {
        let mut registro = Self { operazioni, foglie: Vec::new(), albero: Albero::nuovo() };
        for (seme, operazione) in &registro.operazioni {
            let foglia = catena::foglia(&catena::voce_di(seme, operazione).expect("a good operation"));
            registro.albero.aggiungi(foglia, |_, _, _| ());
            registro.foglie.push(foglia);
        }
        registro
    }

    /// Its signed checkpoint.
    pub fn checkpoint(&self) -> String {
        let checkpoint = Checkpoint::nuovo(ORIGINE, self.albero.dimensione(), self.albero.radice());
        checkpoint.firma(&[&chiave()]).expect("a good origin")
    }

    /// The receipt of an operation, with the fields named.
    pub fn ricevuta(&self, indice: u64, mostra: &[&str]) -> Ricevuta {
        let (seme, operazione) = &self.operazioni[indice as usize];
        let prova = catena::prova_inclusione(self, indice, self.albero.dimensione()).expect("an index of the tree");
        let show = |nome: &str| mostra.contains(&nome);
        Ricevuta::crea(ORIGINE, indice, operazione, seme, show, &prova, &self.checkpoint(), None)
            .expect("a good operation")
    }
}

impl LettoreHash for Registro {
    type Errore = std::convert::Infallible;

    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, Self::Errore> {
        let each = 256usize.pow(u32::from(livello));
        let subtrees = self.foglie.chunks_exact(each).skip(n as usize * 256);
        Ok(subtrees.take(usize::from(larghezza)).map(radice_di).collect())
    }
}
