"""Sample files with a structure of their own: invoices, a segnatura, messages, tables, an archive.

Each function returns bytes. Parties are those of rubrica.csv or as invented; every VAT number has its check digit.
"""

import email.message
import email.policy
import io
import zipfile
from xml.sax.saxutils import escape

ENTE_CF = "89999990370"


def fattura(cedente, partita_iva, numero, data, righe, cig):
    """A FatturaPA in the FPA12 layout; `righe` are (description, quantity, unit price in cents)."""
    imponibile = sum(q * p for _, q, p in righe)
    imposta = (imponibile * 22 + 50) // 100

    def euro(cent):
        return f"{cent // 100}.{cent % 100:02d}"

    linee = "".join(
        f"""
      <DettaglioLinee>
        <NumeroLinea>{n}</NumeroLinea>
        <Descrizione>{escape(d)}</Descrizione>
        <Quantita>{q}.00</Quantita>
        <PrezzoUnitario>{euro(p)}</PrezzoUnitario>
        <PrezzoTotale>{euro(q * p)}</PrezzoTotale>
        <AliquotaIVA>22.00</AliquotaIVA>
      </DettaglioLinee>"""
        for n, (d, q, p) in enumerate(righe, 1)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<p:FatturaElettronica versione="FPA12" xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2">
  <FatturaElettronicaHeader>
    <DatiTrasmissione>
      <IdTrasmittente><IdPaese>IT</IdPaese><IdCodice>{partita_iva}</IdCodice></IdTrasmittente>
      <ProgressivoInvio>{numero.replace("/", "")[:10]}</ProgressivoInvio>
      <FormatoTrasmissione>FPA12</FormatoTrasmissione>
      <CodiceDestinatario>ZZ9999</CodiceDestinatario>
    </DatiTrasmissione>
    <CedentePrestatore>
      <DatiAnagrafici>
        <IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>{partita_iva}</IdCodice></IdFiscaleIVA>
        <Anagrafica><Denominazione>{escape(cedente)}</Denominazione></Anagrafica>
        <RegimeFiscale>RF01</RegimeFiscale>
      </DatiAnagrafici>
      <Sede><Indirizzo>Via del Lavoro 9</Indirizzo><CAP>99010</CAP><Comune>Valleserena</Comune><Nazione>IT</Nazione></Sede>
    </CedentePrestatore>
    <CessionarioCommittente>
      <DatiAnagrafici>
        <CodiceFiscale>{ENTE_CF}</CodiceFiscale>
        <Anagrafica><Denominazione>Comune di Valleserena</Denominazione></Anagrafica>
      </DatiAnagrafici>
      <Sede><Indirizzo>Piazza della Fontana 1</Indirizzo><CAP>99010</CAP><Comune>Valleserena</Comune><Nazione>IT</Nazione></Sede>
    </CessionarioCommittente>
  </FatturaElettronicaHeader>
  <FatturaElettronicaBody>
    <DatiGenerali>
      <DatiGeneraliDocumento>
        <TipoDocumento>TD01</TipoDocumento>
        <Divisa>EUR</Divisa>
        <Data>{data}</Data>
        <Numero>{numero}</Numero>
        <ImportoTotaleDocumento>{euro(imponibile + imposta)}</ImportoTotaleDocumento>
      </DatiGeneraliDocumento>
      <DatiOrdineAcquisto>
        <IdDocumento>DET-2026</IdDocumento>
        <CodiceCIG>{cig}</CodiceCIG>
      </DatiOrdineAcquisto>
    </DatiGenerali>
    <DatiBeniServizi>{linee}
      <DatiRiepilogo>
        <AliquotaIVA>22.00</AliquotaIVA>
        <ImponibileImporto>{euro(imponibile)}</ImponibileImporto>
        <Imposta>{euro(imposta)}</Imposta>
        <EsigibilitaIVA>S</EsigibilitaIVA>
      </DatiRiepilogo>
    </DatiBeniServizi>
    <DatiPagamento>
      <CondizioniPagamento>TP02</CondizioniPagamento>
      <DettaglioPagamento>
        <ModalitaPagamento>MP05</ModalitaPagamento>
        <ImportoPagamento>{euro(imponibile)}</ImportoPagamento>
      </DettaglioPagamento>
    </DatiPagamento>
  </FatturaElettronicaBody>
</p:FatturaElettronica>
""".encode()


def segnatura(nome_file):
    """A segnatura of the first generation (2001, 2009 DTD), as a neighbouring (invented) comune sends it with one document."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Segnatura versione="2001-05-07" xml:lang="it">
  <Intestazione>
    <Identificatore>
      <CodiceAmministrazione>c_z998</CodiceAmministrazione>
      <CodiceAOO>AOO1</CodiceAOO>
      <NumeroRegistrazione>0004821</NumeroRegistrazione>
      <DataRegistrazione>2026-10-06</DataRegistrazione>
    </Identificatore>
    <Origine>
      <IndirizzoTelematico tipo="smtp">protocollo@pec.comune.torrealta.example</IndirizzoTelematico>
      <Mittente>
        <Amministrazione>
          <Denominazione>Comune di Torrealta</Denominazione>
          <CodiceAmministrazione>c_z998</CodiceAmministrazione>
          <UnitaOrganizzativa tipo="permanente">
            <Denominazione>Ufficio ambiente</Denominazione>
            <IndirizzoPostale><Denominazione>Via Alta 2, 99020 Torrealta (VZ)</Denominazione></IndirizzoPostale>
          </UnitaOrganizzativa>
        </Amministrazione>
        <AOO>
          <Denominazione>Comune di Torrealta</Denominazione>
          <CodiceAOO>AOO1</CodiceAOO>
        </AOO>
      </Mittente>
    </Origine>
    <Destinazione confermaRicezione="si">
      <IndirizzoTelematico tipo="smtp">protocollo@pec.comune.valleserena.example</IndirizzoTelematico>
      <Destinatario>
        <Amministrazione>
          <Denominazione>Comune di Valleserena</Denominazione>
          <CodiceAmministrazione>c_z999</CodiceAmministrazione>
          <IndirizzoPostale><Denominazione>Piazza della Fontana 1, 99010 Valleserena (VZ)</Denominazione></IndirizzoPostale>
        </Amministrazione>
      </Destinatario>
    </Destinazione>
    <Oggetto>Convenzione per la gestione associata del canile: trasmissione della relazione annuale</Oggetto>
    <Classifica>
      <Livello nome="titolo">10</Livello>
      <Livello nome="classe">3</Livello>
    </Classifica>
  </Intestazione>
  <Descrizione>
    <Documento nome="{escape(nome_file)}" tipoMIME="text/csv" tipoRiferimento="MIME">
      <Oggetto>Presenze e adozioni del canile intercomunale</Oggetto>
    </Documento>
  </Descrizione>
</Segnatura>
""".encode()


def _messaggio(mittente, destinatario, oggetto, data, identificativo, corpo, allegati=()):
    messaggio = email.message.EmailMessage(policy=email.policy.SMTP)
    messaggio["From"] = mittente
    messaggio["To"] = destinatario
    messaggio["Subject"] = oggetto
    messaggio["Date"] = data
    messaggio["Message-ID"] = identificativo
    messaggio.set_content(corpo, cte="quoted-printable")
    for nome, mime, dati in allegati:
        principale, secondario = mime.split("/")
        messaggio.add_attachment(dati, maintype=principale, subtype=secondario, filename=nome)
    if messaggio.is_multipart():
        messaggio.set_boundary("=_parte_di_prova_1")
    return messaggio.as_bytes()


def posta_ordinaria():
    """An ordinary mail: a complaint about the collection of waste."""
    return _messaggio(
        "Dirce Passerotti <dirce.passerotti@posta.example>",
        "URP Comune di Valleserena <urp@comune.valleserena.example>",
        "Reclamo: l'umido non viene ritirato da due settimane in via Cà del Rio",
        "Mon, 05 Oct 2026 08:47:10 +0200",
        "<20261005.0847@posta.example>",
        "Buongiorno,\n\n"
        "in via Cà del Rio, dal civico 40 al 61, l'umido non viene ritirato da due settimane: i mastelli sono pieni, "
        "e c'è già chi lascia i sacchetti accanto ai cassonetti della strada provinciale.\n\n"
        "Il calendario dice lunedì e giovedì. Potete sollecitare il gestore e farmi sapere?\n\n"
        "Grazie e buon lavoro\nDirce Passerotti\n",
    )


def busta_pec(gestore):
    """A PEC transport envelope of an invented provider, signed by `gestore`, around a message with one PDF."""
    mittente, destinatario = "tosca.dallaglio@pec.cittadini.example", "protocollo@pec.comune.valleserena.example"
    oggetto = "Richiesta di potatura: platano pericolante in via Sant'Eulalia"
    identificativo = "opec0.20261007101502.00001.01.1.1@pec.gestore.example"
    originale = _messaggio(
        mittente,
        destinatario,
        oggetto,
        "Wed, 07 Oct 2026 10:14:58 +0200",
        "<platano.1@pec.cittadini.example>",
        "Spett.le Comune,\n\nun grosso ramo del platano davanti al civico 9 di via Sant'Eulalia è spezzato e resta "
        "appoggiato ai fili della luce. Sotto passano i bambini della scuola.\n\nChiedo un sopralluogo urgente.\n\n"
        "Tosca Dall'Aglio\n",
    )
    daticert = f"""<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo="posta-certificata" errore="nessuno">
  <intestazione>
    <mittente>{mittente}</mittente>
    <destinatari tipo="certificato">{destinatario}</destinatari>
    <risposte>{mittente}</risposte>
    <oggetto>{escape(oggetto)}</oggetto>
  </intestazione>
  <dati>
    <gestore-emittente>Gestore PEC di prova (non accreditato)</gestore-emittente>
    <data zona="+0200"><giorno>07/10/2026</giorno><ora>10:15:02</ora></data>
    <identificativo>{identificativo}</identificativo>
    <msgid>&lt;platano.1@pec.cittadini.example&gt;</msgid>
    <ricevuta tipo="completa"/>
  </dati>
</postacert>
""".encode()
    corpo = email.message.EmailMessage(policy=email.policy.SMTP)
    corpo.set_content(
        "Messaggio di posta certificata\n\n"
        f'Il giorno 07/10/2026 alle ore 10:15:02 (+0200) il messaggio "{oggetto}" è stato inviato da "{mittente}" '
        f"indirizzato a:\n{destinatario}\nIl messaggio originale è incluso in allegato.\n"
        f"Identificativo messaggio: {identificativo}\n",
        cte="quoted-printable",
    )
    corpo.add_attachment(
        email.message_from_bytes(originale, policy=email.policy.SMTP), filename="postacert.eml", disposition="inline"
    )
    corpo.add_attachment(daticert, maintype="application", subtype="xml", filename="daticert.xml")
    corpo.set_boundary("=_busta_di_prova_1")
    intestazioni = (
        f"X-Trasporto: posta-certificata\r\n"
        f'From: "Per conto di: {mittente}" <posta-certificata@pec.gestore.example>\r\n'
        f"Reply-To: {mittente}\r\n"
        f"To: {destinatario}\r\n"
        f"Subject: POSTA CERTIFICATA: {oggetto}\r\n"
        f"Date: Wed, 07 Oct 2026 10:15:02 +0200\r\n"
        f"Message-ID: <{identificativo}>\r\n"
        f"X-Riferimento-Message-ID: <platano.1@pec.cittadini.example>\r\n"
    ).encode()
    return intestazioni + gestore.smime(corpo.as_bytes())


def _csv(righe):
    return ("\ufeff" + "".join(";".join(map(str, r)) + "\r\n" for r in righe)).encode()


def quadro_pnrr():
    """Expenses reported for a (sample) project of the recovery plan."""
    return _csv(
        [
            ("Voce di spesa", "Fornitore", "Documento", "Data", "Imponibile", "IVA", "Totale", "Liquidato"),
            ("Migrazione al cloud", "Informatica & Servizi Comunali S.r.l.", "87/PA", "2026-04-14", "18500,00", "4070,00", "22570,00", "sì"),
            ("Attivazione app IO", "Informatica & Servizi Comunali S.r.l.", "112/PA", "2026-05-20", "5200,00", "1144,00", "6344,00", "sì"),
            ("Formazione del personale", "Cooperativa sociale Mani Unite", "9/2026", "2026-06-03", "2400,00", "0,00", "2400,00", "no"),
            ("Collaudo e attività tecniche", "Studio associato Ingegneri Morandini e Prà", "31", "2026-07-29", "1950,00", "429,00", "2379,00", "no"),
        ]
    )


def canile():
    """Yearly figures of the shared kennel."""
    return _csv(
        [
            ("Comune", "Presenze al 1° gennaio", "Ingressi", "Adozioni", "Restituzioni", "Presenze al 31 dicembre"),
            ("Valleserena", 31, 44, 29, 18, 28),
            ("Torrealta", 12, 20, 15, 6, 11),
            ("Pontelungo", 22, 37, 30, 9, 20),
            ("Colle Fiorito", 6, 8, 7, 2, 5),
        ]
    )


def archivio_progetto(voci):
    """A ZIP of drawings and reports; `voci` are (name, bytes)."""
    uscita = io.BytesIO()
    with zipfile.ZipFile(uscita, "w", zipfile.ZIP_DEFLATED) as archivio:
        for nome, dati in voci:
            voce = zipfile.ZipInfo(nome, (2026, 10, 1, 9, 0, 0))
            voce.compress_type = zipfile.ZIP_DEFLATED
            voce.external_attr = 0o644 << 16
            archivio.writestr(voce, dati)
    return uscita.getvalue()


def planimetria():
    """A schematic plan of the park, as an SVG drawing."""
    return """<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 297" width="420mm" height="297mm">
  <title>Tavola 1 - Planimetria di progetto del parco di via Sant'Eulalia</title>
  <rect x="10" y="10" width="400" height="277" fill="none" stroke="#000"/>
  <path d="M40 60 L300 50 L370 150 L310 240 L60 230 Z" fill="#dfead8" stroke="#364"/>
  <path d="M50 150 C140 90 220 200 350 150" fill="none" stroke="#b96" stroke-width="5"/>
  <g fill="#396"><circle cx="110" cy="95" r="9"/><circle cx="180" cy="80" r="9"/><circle cx="250" cy="210" r="9"/></g>
  <text x="20" y="280" font-size="8">Comune di Valleserena - Progetto esecutivo - Tavola 1 - scala 1:500</text>
</svg>
""".encode()
