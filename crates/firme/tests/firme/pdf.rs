//! The smallest PDF that can be signed, written by hand, and ways to spoil it.

/// Bytes of the hexadecimal of the gap.
const SPAZIO: usize = 8192;

/// A PDF with a signature field, its gap still of zeros, its ByteRange right.
pub fn da_firmare() -> Vec<u8> {
    scrivi(&[(4, SIG)])
}

const SIG: &str = "<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(D:20240131120000+01'00')/ByteRange[0 AAAAAAAAAA BBBBBBBBBB CCCCCCCCCC]/Contents<@>>>";

/// The document with these objects as values of fields; the last one has the gap.
pub fn scrivi(firme: &[(usize, &str)]) -> Vec<u8> {
    let mut b = b"%PDF-1.7\n".to_vec();
    let mut posizioni = Vec::new();
    let campi: String = firme.iter().map(|(n, _)| format!("{} 0 R ", n + 100)).collect();
    let mut oggetti = vec![
        (1, format!("<</Type/Catalog/Pages 2 0 R/AcroForm<</SigFlags 3/Fields[{campi}]>>>>")),
        (2, "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned()),
        (3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>".to_owned()),
    ];
    for (n, testo) in firme {
        oggetti.push((*n, testo.replace('@', &"0".repeat(SPAZIO))));
        oggetti.push((
            n + 100,
            format!("<</Type/Annot/Subtype/Widget/FT/Sig/T(Firma{n})/Rect[0 0 0 0]/F 132/V {n} 0 R>>"),
        ));
    }
    for (n, testo) in &oggetti {
        posizioni.push((*n, b.len()));
        b.extend(format!("{n} 0 obj\n{testo}\nendobj\n").bytes());
    }
    let inizio = b.len();
    posizioni.sort_unstable();
    b.extend(b"xref\n0 1\n0000000000 65535 f \n");
    for (n, p) in &posizioni {
        b.extend(format!("{n} 1\n{p:010} 00000 n \n").bytes());
    }
    b.extend(format!("trailer\n<</Size 300/Root 1 0 R>>\nstartxref\n{inizio}\n%%EOF\n").bytes());
    let (a, d) = intervallo(&b);
    let c = b.len() - d;
    for (segno, n) in [("AAAAAAAAAA", a), ("BBBBBBBBBB", d), ("CCCCCCCCCC", c)] {
        while let Some(i) = trova(&b, segno.as_bytes()) {
            b[i..i + 10].copy_from_slice(format!("{n:<10}").as_bytes());
        }
    }
    b
}

/// Where the gap begins and where it ends, `<` and `>` included.
pub fn intervallo(b: &[u8]) -> (usize, usize) {
    let a = trova(b, b"<00000000").unwrap();
    (a, a + SPAZIO + 2)
}

/// With a signature in the gap.
pub fn con_firma(b: &[u8], cms: &[u8]) -> Vec<u8> {
    let (a, _) = intervallo(b);
    let hex: String = cms.iter().map(|c| format!("{c:02x}")).collect();
    let mut v = b.to_vec();
    v[a + 1..a + 1 + hex.len()].copy_from_slice(hex.as_bytes());
    v
}

pub fn trova(b: &[u8], che: &[u8]) -> Option<usize> {
    b.windows(che.len()).position(|w| w == che)
}

/// One piece in the place of another of the same length.
pub fn cambia(b: &[u8], da: &[u8], a: &[u8]) -> Vec<u8> {
    assert_eq!(da.len(), a.len());
    let i = trova(b, da).unwrap_or_else(|| panic!("no {:?}", String::from_utf8_lossy(da)));
    let mut v = b.to_vec();
    v[i..i + a.len()].copy_from_slice(a);
    v
}
