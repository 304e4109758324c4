#!/usr/bin/env python3
"""Checks the sample data: everything parses, everything named exists, every code has its check digit.

Needs only the standard library (and openssl, for the signed files). Exit 0 when nothing is wrong.
"""

import csv
import email
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from pathlib import Path

from codici import codice_fiscale_valido, partita_iva_valida

CAMPIONE = Path(__file__).resolve().parent.parent
DOCUMENTI = CAMPIONE / "documenti"
RUOLI = set(
    "protocollista smistatore operatore responsabile-uor rup rgd vicario coordinatore archivista conservazione "
    "auditor amministratore".split()
)
MEZZI = {"pec", "peo", "sportello", "cartaceo", "portale", "cooperazione", "altro"}
# A reader tells each format from its first bytes (or, for text, by reading it).
INIZI = {
    ".pdf": b"%PDF-", ".docx": b"PK", ".odt": b"PK", ".zip": b"PK", ".png": b"\x89PNG", ".jpg": b"\xff\xd8\xff",
    ".p7m": b"\x30",
}  # fmt: skip
PEC = re.compile(r"[a-z0-9._-]+@[a-z0-9-]+(\.[a-z0-9-]+)+")

errori = []


def pretendi(vero, messaggio):
    """Notes `messaggio` when what must hold does not."""
    if not vero:
        errori.append(messaggio)


def leggi(nome):
    return tomllib.loads((CAMPIONE / nome).read_text(encoding="utf-8"))


def controlla_ente():
    ente = leggi("ente.toml")
    pretendi(codice_fiscale_valido(ente["ente"]["codiceFiscale"]), "ente: codice fiscale")
    uffici = set()
    for u in ente["uffici"]:
        pretendi(re.fullmatch("[A-Z0-9]{2,16}", u["codice"]), f"ufficio {u['codice']}: codice")
        pretendi(u["codice"] not in uffici, f"ufficio {u['codice']}: doppio")
        pretendi("padre" not in u or u["padre"] in uffici, f"ufficio {u['codice']}: padre sconosciuto")
        uffici.add(u["codice"])
    pretendi({"SEGR", "PROT", ente["aoo"]["ufficioSmistamento"]} <= uffici, "uffici SEGR e PROT")
    pretendi(sum("padre" not in u for u in ente["uffici"]) == 1, "uffici: una sola radice")
    nomi = [u["username"] for u in ente["utenti"]]
    pretendi(len(set(nomi)) == len(nomi), "utenti: username doppio")
    for u in ente["utenti"]:
        pretendi(re.fullmatch(r"[a-z]+\.[a-z]+", u["username"]), f"utente {u['username']}")
        for r in u["ruoli"]:
            pretendi(r["ufficio"] in uffici and r["ruolo"] in RUOLI, f"utente {u['username']}: {r}")
    pretendi({r["ruolo"] for u in ente["utenti"] for r in u["ruoli"]} == RUOLI, "ogni ruolo ha almeno un utente")
    print(f"ente.toml: {len(uffici)} uffici, {len(nomi)} utenti")
    return uffici


def controlla_titolario():
    voci = leggi("titolario.toml")["voci"]
    codici = [v["codice"] for v in voci]
    pretendi(len(set(codici)) == len(codici), "titolario: codice doppio")
    pretendi({"0", "1.6", "6.3"} <= set(codici), "titolario: 0, 1.6 e 6.3")
    pretendi(leggi("ente.toml")["aoo"]["voceDaClassificare"] in codici, "ente: voceDaClassificare")
    for v in voci:
        pretendi(v["denominazione"] and v["da"] == "2026-01-01", f"titolario {v['codice']}")
        if "." in v["codice"]:
            pretendi(v["codice"].rsplit(".", 1)[0] in codici, f"titolario {v['codice']}: manca la voce superiore")
    print(f"titolario.toml: {len(voci)} voci, {sum('.' not in c for c in codici) - 1} titoli")
    return set(codici)


def controlla_rubrica():
    with (CAMPIONE / "rubrica.csv").open(newline="", encoding="utf-8") as f:
        righe = list(csv.DictReader(f))
    pretendi(all(r["ipa"] == r["ipa"].lower() for r in righe), "rubrica: codici IPA in minuscolo")
    ipa = Counter(r["ipa"] for r in righe if r["ipa"])
    pretendi(not [c for c, n in ipa.items() if n > 1], f"rubrica: codici IPA doppi {[c for c in ipa if ipa[c] > 1]}")
    indirizzi = Counter(r["pec"] for r in righe if r["pec"])
    pretendi(max(indirizzi.values()) == 1, f"rubrica: PEC doppie {[p for p in indirizzi if indirizzi[p] > 1]}")
    nomi = Counter((r["denominazione"], r["cognome"], r["nome"]) for r in righe)
    pretendi(max(nomi.values()) == 1, "rubrica: nome doppio")
    for n, r in enumerate(righe, 2):
        dove = f"rubrica riga {n}"
        pretendi(not r["pec"] or PEC.fullmatch(r["pec"]), f"{dove}: PEC {r['pec']}")
        pretendi(not r["ipaSuperiore"] or r["ipaSuperiore"] in ipa, f"{dove}: ipaSuperiore")
        match r["tipo"]:
            case "amministrazione":
                pretendi(r["denominazione"] and bool(r["ipa"]) != bool(r["ipaSuperiore"]), dove)
            case "persona-giuridica":
                pretendi(r["denominazione"] and partita_iva_valida(r["partitaIva"]), dove)
                pretendi(codice_fiscale_valido(r["codiceFiscale"]), f"{dove}: codice fiscale")
                pretendi(r["pec"].endswith(".example"), f"{dove}: PEC di un'impresa inventata")
            case "persona-fisica":
                pretendi(r["cognome"] and r["nome"] and codice_fiscale_valido(r["codiceFiscale"]), dove)
                pretendi(not r["pec"] or r["pec"].endswith(".example"), f"{dove}: PEC di una persona inventata")
            case altro:
                pretendi(False, f"{dove}: tipo {altro}")
    print(f"rubrica.csv: {dict(Counter(r['tipo'] for r in righe))}")
    return {r["ipa"] for r in righe if r["ipa"]}


def controlla_soggetto(s, dove, ipa, uffici):
    match s["tipo"]:
        case "persona-fisica":
            pretendi(s["cognome"] and s["nome"] and codice_fiscale_valido(s["codiceFiscale"]), f"{dove}: {s}")
        case "persona-giuridica":
            pretendi(s["denominazione"] and partita_iva_valida(s["partitaIva"]), f"{dove}: {s}")
        case "amministrazione":
            pretendi(s["denominazione"] and s["ipa"] in ipa, f"{dove}: {s}")
        case "amministrazione-estera":
            pretendi(s["denominazione"], f"{dove}: {s}")
        case "ufficio":
            pretendi(s["codice"] in uffici, f"{dove}: {s}")
        case _:
            pretendi(False, f"{dove}: {s}")


def controlla_registrazioni(uffici, codici, ipa):
    registrazioni = leggi("registrazioni.toml")["registrazioni"]
    usati = set()
    for n, r in enumerate(registrazioni, 1):
        d, dove = r["dati"], f"registrazione {n}"
        file = ([r["documento"]] if "documento" in r else []) + r.get("allegati", [])
        usati.update(file)
        for f in file:
            pretendi((DOCUMENTI / f).is_file(), f"{dove}: manca {f}")
        pretendi("documento" in r or d["mezzo"] == "cartaceo", f"{dove}: senza documento")
        pretendi(1 <= len(d["oggetto"]) <= 4000 and d["oggetto"] == " ".join(d["oggetto"].split()), f"{dove}: oggetto")
        pretendi(d["mezzo"] in MEZZI, f"{dove}: mezzo")
        pretendi(d.get("classificazione") in codici or d["tipo"] == "entrata" and "classificazione" not in d, f"{dove}: classificazione")
        competenti = [a for a in d.get("assegnazioni", []) if a["tipo"] == "competenza"]
        for a in d.get("assegnazioni", []):
            pretendi(a["ufficio"] in uffici and a["tipo"] in {"competenza", "conoscenza"}, f"{dove}: {a}")
        mittenti = ([d["mittente"]] if "mittente" in d else []) + d.get("altriMittenti", [])
        destinatari = d.get("destinatari", [])
        for s in mittenti + destinatari:
            controlla_soggetto(s, dove, ipa, uffici)
        match d["tipo"]:
            case "entrata":
                pretendi(mittenti and not destinatari and len(competenti) == 1, f"{dove}: entrata")
                # At least a day ago: whatever the hour of the demo, never in the future.
                pretendi(1 <= d["dataArrivo"]["giorniFa"] <= 30, f"{dove}: dataArrivo")
                pretendi(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", d["dataArrivo"]["ora"]), f"{dove}: ora")
                if p := d.get("protocolloMittente"):
                    pretendi(p["numero"] and p["giorniFa"] >= d["dataArrivo"]["giorniFa"], f"{dove}: protocolloMittente")
            case "uscita":
                pretendi(not mittenti and destinatari and d["ufficioMittente"] in uffici, f"{dove}: uscita")
                pretendi(any(not s.get("perConoscenza") for s in destinatari), f"{dove}: solo per conoscenza")
            case "interna":
                pretendi(all(s["tipo"] == "ufficio" for s in mittenti + destinatari) and destinatari, f"{dove}: interna")
    tipi = Counter(r["dati"]["tipo"] for r in registrazioni)
    pretendi(tipi == {"entrata": 35, "uscita": 17, "interna": 8}, f"registrazioni: {dict(tipi)}")
    pretendi(sum(r["dati"].get("riservato", False) for r in registrazioni) == 3, "registrazioni: tre riservate")
    pretendi(any(len(r["dati"]["oggetto"]) > 500 for r in registrazioni), "registrazioni: un oggetto lungo")
    print(f"registrazioni.toml: {dict(tipi)}")
    return usati


def controlla_documenti(usati):
    file = sorted(f for f in DOCUMENTI.iterdir())
    mai = sorted({f.name for f in file} - usati)
    pretendi(not mai, f"documenti mai registrati: {mai}")
    for f in file:
        dati = f.read_bytes()
        pretendi(dati.startswith(INIZI.get(f.suffix, b"")) and dati, f"{f.name}: non è un {f.suffix}")
        match f.suffix:
            case ".xml":
                ElementTree.fromstring(dati)
            case ".docx" | ".odt" | ".zip":
                pretendi(zipfile.ZipFile(f).testzip() is None, f"{f.name}: archivio rotto")
            case ".txt" | ".csv":
                dati.decode("utf-8")
            case ".eml":
                pretendi(email.message_from_bytes(dati)["Subject"], f"{f.name}: senza oggetto")
            case ".p7m":
                verifica = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", str(f)]
                pretendi(subprocess.run(verifica, capture_output=True).returncode == 0, f"{f.name}: firma non integra")
    byte = sum(f.stat().st_size for f in file)
    pretendi(byte < 1_500_000, f"documenti: {byte} byte")
    print(f"documenti: {len(file)} file, {byte} byte, {dict(Counter(f.suffix for f in file))}")


def main():
    uffici = controlla_ente()
    codici = controlla_titolario()
    ipa = controlla_rubrica()
    controlla_documenti(controlla_registrazioni(uffici, codici, ipa))
    for e in errori:
        print(f"ERRORE {e}")
    sys.exit(1 if errori else 0)


if __name__ == "__main__":
    main()
