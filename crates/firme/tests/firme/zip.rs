//! Zip archives with nothing compressed, written by hand.

/// Of these files, in this order.
pub fn scrivi(file: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut b, mut indice) = (Vec::new(), Vec::new());
    for (nome, byte) in file {
        let inizio = b.len() as u32;
        let lungo = (byte.len() as u32).to_le_bytes();
        let resto = [&0u32.to_le_bytes()[..], &lungo, &lungo, &(nome.len() as u16).to_le_bytes(), &[0, 0]].concat();
        b.extend(b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0");
        b.extend(&resto);
        b.extend(nome.bytes());
        b.extend(*byte);
        indice.extend(b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0");
        indice.extend(&resto);
        indice.extend([0; 10]);
        indice.extend(inizio.to_le_bytes());
        indice.extend(nome.bytes());
    }
    let (quanti, dove) = ((file.len() as u16).to_le_bytes(), (b.len() as u32).to_le_bytes());
    let lungo = (indice.len() as u32).to_le_bytes();
    b.extend(indice);
    b.extend([&b"PK\x05\x06\0\0\0\0"[..], &quanti, &quanti, &lungo, &dove, &[0, 0]].concat());
    b
}
