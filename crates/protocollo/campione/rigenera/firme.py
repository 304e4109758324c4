"""Signatures of the sample documents: CAdES by openssl, PAdES by pyHanko.

The certificates say in their own names that they are not qualified and prove nothing. The keys live in a temporary
folder and go with it.
"""

import io
import subprocess
import zlib
from pathlib import Path

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers

AUTORITA = "/C=IT/O=Certificati di prova - non qualificati/CN=Autorita di prova non qualificata"


def _openssl(*argomenti):
    subprocess.run(["openssl", *map(str, argomenti)], check=True, capture_output=True)


class Firmatario:
    """One invented signer with a certificate of the throw-away authority, in `cartella`."""

    def __init__(self, cartella, nome, cognome, identificativo):
        cartella = Path(cartella)
        self.ca = cartella / "ca.pem"
        ca_chiave = cartella / "ca.key"
        if not self.ca.exists():
            _openssl(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", 3650, "-subj", AUTORITA,
                "-keyout", ca_chiave, "-out", self.ca,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            )  # fmt: skip
        self.chiave = cartella / f"{identificativo}.key"
        self.certificato = cartella / f"{identificativo}.pem"
        richiesta = cartella / f"{identificativo}.csr"
        estensioni = cartella / "ext.cnf"
        estensioni.write_text("basicConstraints=CA:FALSE\nkeyUsage=critical,nonRepudiation\n")
        soggetto = (
            f"/C=IT/O=Firma di prova - non qualificata/SN={cognome}/GN={nome}"
            f"/serialNumber={identificativo}/CN={nome} {cognome} (non qualificato)"
        )
        _openssl(
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-utf8", "-subj", soggetto,
            "-keyout", self.chiave, "-out", richiesta,
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-sha256", "-days", 3650, "-in", richiesta, "-CA", self.ca, "-CAkey", ca_chiave,
            "-set_serial", zlib.crc32(identificativo.encode()), "-extfile", estensioni, "-out", self.certificato,
        )  # fmt: skip

    def cades(self, contenuto):
        """The content inside a CAdES-BES envelope (.p7m, DER)."""
        da, a = self.chiave.with_suffix(".da"), self.chiave.with_suffix(".p7m")
        da.write_bytes(contenuto)
        _openssl(
            "cms", "-sign", "-cades", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER",
            "-signer", self.certificato, "-inkey", self.chiave, "-in", da, "-out", a,
        )  # fmt: skip
        return a.read_bytes()

    def smime(self, contenuto):
        """The MIME entity inside a multipart/signed message, as a PEC provider signs its envelopes."""
        da, a = self.chiave.with_suffix(".da"), self.chiave.with_suffix(".eml")
        da.write_bytes(contenuto)
        _openssl(
            "smime", "-sign", "-md", "sha256",
            "-signer", self.certificato, "-inkey", self.chiave, "-in", da, "-out", a,
        )  # fmt: skip
        return a.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def pades(self, contenuto):
        """The PDF with a PAdES B-B signature added to it."""
        firmatario = signers.SimpleSigner.load(str(self.chiave), str(self.certificato), ca_chain_files=[str(self.ca)])
        uscita = io.BytesIO()
        signers.sign_pdf(
            IncrementalPdfFileWriter(io.BytesIO(contenuto)),
            signers.PdfSignatureMetadata(
                field_name="Firma1",
                reason="Certificato di prova, non qualificato",
                subfilter=fields.SigSeedSubFilter.PADES,
                md_algorithm="sha256",
            ),
            signer=firmatario,
            output=uscita,
        )
        return uscita.getvalue()
