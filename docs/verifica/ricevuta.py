"""Verifies a receipt of Protocollo without any code of Protocollo: python3 ricevuta.py RICEVUTA.json CHIAVE

CHIAVE is the log's public key, name+hash+base64, had from somewhere you trust and not from the receipt.
Prints the fields disclosed and exits 0, or why not and exits 1. Format: docs/registro-operazioni.md."""
import base64, hashlib, json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def need(condition, reason):  # not assert: python3 -O would skip it
    if not condition:
        raise ValueError(reason)

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()
def b64(text, alphabet=b"+/", pad=True):
    raw = base64.b64decode(text if pad else text + "=" * (-len(text) % 4), alphabet, validate=True)
    need(base64.b64encode(raw, alphabet).decode().rstrip("=" * (not pad)) == text, "base64 non canonico")
    return raw
def unique(pairs):
    need(len(dict(pairs)) == len(pairs), "nome JSON ripetuto")
    return dict(pairs)

def verify(receipt, vkey):
    r = json.loads(receipt, object_pairs_hook=unique)
    need(r["versione"] == "protocollo/ricevuta/v1", "versione sconosciuta")
    # 1. The checkpoint is signed by the key we trust.
    name, key_hash, key = vkey.strip().split("+", 2)
    key, key_id = b64(key), bytes.fromhex(key_hash)
    need(key[0] == 1 and len(key) == 33 and sha(name.encode(), b"\n", key)[:4] == key_id, "chiave errata")
    text, lines = r["checkpoint"].rsplit("\n\n", 1)
    text, signed = (text + "\n").encode(), False
    for line in lines.removesuffix("\n").split("\n"):
        dash, signer, signature = line.split(" ")
        if dash == "—" and signer == name and b64(signature)[:4] == key_id:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(b64(signature)[4:], text)
            signed = True
    need(signed, "il checkpoint non ha la firma di questa chiave")
    origin, size, root = text.decode().split("\n")[:3]
    need(origin == r["origine"] == name, "il checkpoint è di un altro registro")
    # 2. Fields and digests give the entry, the entry the leaf.
    fields = unique([json.loads(b64(d, b"-_", False))[1:] for d in r["rivelazioni"]])
    digests = [sha(d.encode()) for d in r["rivelazioni"]] + [b64(d, b"-_", False) for d in r["impronte"]]
    need(digests and len(set(digests)) == len(digests) and {len(d) for d in digests} == {32}, "impronte errate")
    node = sha(b"\0", sha(b"protocollo/op/v1\n", *sorted(digests)))
    # 3. The leaf is in the tree (RFC 9162, 2.1.3.2).
    index, last = r["indice"], int(size) - 1
    need(type(index) is int and 0 <= index <= last and fields.get("indice", index) == index, "indice errato")
    for step in map(b64, r["prova"]):
        need(last > 0, "prova troppo lunga")
        left = index & 1 or index == last
        node = sha(b"\1", step, node) if left else sha(b"\1", node, step)
        while left and not index & 1 and index:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    need(last == 0 and node == b64(root), "la prova non porta alla radice firmata")
    return fields

try:
    print(json.dumps(verify(open(sys.argv[1], encoding="utf-8").read(), sys.argv[2]), ensure_ascii=False, indent=1))
except Exception as reason:
    sys.exit(f"NON VALIDA: {reason or type(reason).__name__}")
