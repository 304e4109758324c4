#!/usr/bin/env python3
"""Makes the files of ../documenti/ again from the words beside it. See ../README.md."""

import csv
import sys
import tempfile
import tomllib
from pathlib import Path

import firme
import impaginazione
import strutturati

QUI = Path(__file__).resolve().parent
DOCUMENTI = QUI.parent / "documenti"


def codice_fiscale(cognome):
    """The code that rubrica.csv gives to an invented person."""
    with (QUI.parent / "rubrica.csv").open(newline="") as rubrica:
        return next(r["codiceFiscale"] for r in csv.DictReader(rubrica) if r["cognome"] == cognome)


def main():
    testi = tomllib.loads((QUI / "testi.toml").read_text())["testo"]
    DOCUMENTI.mkdir(exist_ok=True)
    prodotti = {}
    with tempfile.TemporaryDirectory() as cartella:
        tecnico = firme.Firmatario(cartella, "Ermete", "Tagliazucconi", "TINIT-" + codice_fiscale("Tagliazucconi"))
        azienda = firme.Firmatario(cartella, "Settimio", "Calzoni", "TINIT-" + codice_fiscale("Calzoni"))
        gestore = firme.Firmatario(cartella, "Gestore PEC", "di prova", "VATIT-99000010373")
        for testo in testi:
            nome, dati = testo["file"], impaginazione.FORMATI[testo["formato"]](testo)
            if testo.get("firma_cades"):
                nome, dati = nome + ".p7m", tecnico.cades(dati)
            if testo.get("firma_pades"):
                dati = azienda.pades(dati)
            prodotti[nome] = dati
        prodotti["IT99806410371_00421.xml.p7m"] = azienda.cades(
            strutturati.fattura(
                "Verde & Giardini di Orsini S.r.l.", "99806410371", "421/PA", "2026-10-02",
                [("Sfalcio dei parchi e delle aree scolastiche, settembre", 1, 261500),
                 ("Potatura di platani, prezzo cadauno", 14, 8750)], "Z000000000",
            )
        )  # fmt: skip
        prodotti["IT99584310371_0A7C2.xml"] = strutturati.fattura(
            "Ristorazione Collettiva Il Mestolo Soc. coop.", "99584310371", "1187", "2026-10-05",
            [("Pasti della mensa scolastica, settembre", 3120, 498)], "Z000000001",
        )  # fmt: skip
        prodotti["busta di trasporto PEC - platano.eml"] = strutturati.busta_pec(gestore)
    prodotti["Reclamo raccolta rifiuti via Cà del Rio.eml"] = strutturati.posta_ordinaria()
    prodotti["PNRR - quadro delle spese.csv"] = strutturati.quadro_pnrr()
    prodotti["Canile intercomunale - presenze.csv"] = strutturati.canile()
    prodotti["Segnatura.xml"] = strutturati.segnatura("Canile intercomunale - presenze.csv")
    prodotti["Progetto parco via Sant'Eulalia.zip"] = strutturati.archivio_progetto(
        [
            ("Tavola 1 - planimetria.svg", strutturati.planimetria()),
            ("Elenco elaborati.txt", "Tavola 1: planimetria\nRelazione: relazione geologica (firmata)\n".encode()),
            ("Relazione geologica.pdf", prodotti["Relazione geologica frana di Colle Fiorito.pdf"]),
        ]
    )
    for nome, dati in sorted(prodotti.items()):
        (DOCUMENTI / nome).write_bytes(dati)
        print(f"{len(dati):8d}  {nome}")
    avanzati = {f.name for f in DOCUMENTI.iterdir()} - prodotti.keys()
    if avanzati:
        sys.exit(f"files that no text makes: {sorted(avanzati)}")


if __name__ == "__main__":
    main()
