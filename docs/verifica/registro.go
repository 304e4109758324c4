// Checks a copy of an operations log of Protocollo with the packages that Go uses for its own checksum database, and
// no code of Protocollo:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run registro.go CARTELLA CHIAVE [TESTIMONE…]
//
// CARTELLA holds what is served under …/log, as it is: checkpoint and tile/…; and, where there are any, an older
// checkpoint (prima) with the proof that it is the beginning of this one (coerenza: hashes in base64, one a line), and
// receipts (ricevute/*.json). CHIAVE is the log's public key, had from elsewhere; each TESTIMONE is the key of a witness that
// must have cosigned the checkpoint. Exits 0, or says why not and exits 1.
// Debian packages: golang-go, golang-golang-x-mod-dev. Format: docs/registro-operazioni.md.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Hashes of a tile: 2^8.
const height = 8

// A witness of C2SP tlog-cosignature (cosignature/v1), which golang.org/x/mod does not know: it signs the text of the note
// after a line with the time, and its signature carries that time before its 64 bytes of Ed25519.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }

func (w witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	header := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(w.key, append([]byte(header), text...), signature[8:])
}

// A witness from its vkey: name, first bytes of SHA-256(name, newline, 4, key) and base64(4, key).
func newWitness(vkey string) (witness, error) {
	wrong := fmt.Errorf("%q is not the key of a witness", vkey)
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return witness{}, wrong
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return witness{}, wrong
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if parts[1] != fmt.Sprintf("%08x", hash) {
		return witness{}, wrong
	}
	return witness{parts[0], hash, ed25519.PublicKey(key[1:])}, nil
}

// The tree that a checkpoint commits to, signed by the log and by each of the witnesses.
func checkpoint(text []byte, key note.Verifier, witnesses ...note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	all := append([]note.Verifier{key}, witnesses...)
	signed, err := note.Open(text, note.VerifierList(all...))
	if err != nil {
		return tree, err
	}
	for _, want := range all {
		found := false
		for _, signature := range signed.Sigs {
			found = found || signature.Name == want.Name() && signature.Hash == want.KeyHash()
		}
		if !found {
			return tree, fmt.Errorf("not signed by %s", want.Name())
		}
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Name() {
		return tree, fmt.Errorf("not a checkpoint of %s", key.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// Tiles in a folder, under their C2SP names: those of tlog without the height.
type folder string

func (f folder) Height() int { return height }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		name := "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
		read, err := os.ReadFile(filepath.Join(string(f), name))
		if err != nil {
			return nil, err
		}
		if len(read) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", name, len(read))
		}
		data = append(data, read)
	}
	return data, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

// The last tile of each level and all the full ones: what a tree of n entries is stored in.
func tiles(n int64) []tlog.Tile {
	var all []tlog.Tile
	for level := 0; n > 0; level++ {
		for at := int64(0); at < n; at += 1 << height {
			width := n - at
			if width > 1<<height {
				width = 1 << height
			}
			all = append(all, tlog.Tile{H: height, L: level, N: at >> height, W: int(width)})
		}
		n >>= height
	}
	return all
}

// The entries of a bundle, each after its length in two bytes.
func entries(bundle []byte, want int) ([][]byte, error) {
	var all [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 34 || bundle[0] != 0 || bundle[1] != 32 {
			return nil, fmt.Errorf("entry %d is not of 32 bytes", len(all))
		}
		all, bundle = append(all, bundle[2:34]), bundle[34:]
	}
	if len(all) != want {
		return nil, fmt.Errorf("%d entries, not %d", len(all), want)
	}
	return all, nil
}

func hashes(texts []string) ([]tlog.Hash, error) {
	all := []tlog.Hash{}
	for _, text := range texts {
		// tlog.ParseHash would let pass what stands in the unused bits of the last character.
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("%q is not a hash in base64", text)
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		all = append(all, hash)
	}
	return all, nil
}

// A receipt: its fields lead to an entry, its proof from that entry to the root it carries.
func receipt(text []byte, key note.Verifier) error {
	var r struct {
		Versione, Origine, Checkpoint, Chiave string
		Indice                                int64
		Rivelazioni, Impronte, Prova          []string
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&r); err != nil {
		return err
	}
	if r.Versione != "protocollo/ricevuta/v1" || r.Origine != key.Name() {
		return fmt.Errorf("version or origin")
	}
	tree, err := checkpoint([]byte(r.Checkpoint), key)
	if err != nil {
		return err
	}
	var digests [][]byte
	for _, disclosure := range r.Rivelazioni {
		var triple []interface{}
		plain, err := base64.RawURLEncoding.Strict().DecodeString(disclosure)
		if err != nil || json.Unmarshal(plain, &triple) != nil || len(triple) != 3 {
			return fmt.Errorf("disclosure %s", disclosure)
		}
		digest := sha256.Sum256([]byte(disclosure))
		digests = append(digests, digest[:])
	}
	for _, text := range r.Impronte {
		digest, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(digest) != 32 {
			return fmt.Errorf("digest %s", text)
		}
		digests = append(digests, digest)
	}
	sort.Slice(digests, func(i, j int) bool { return bytes.Compare(digests[i], digests[j]) < 0 })
	entry := sha256.Sum256(append([]byte("protocollo/op/v1\n"), bytes.Join(digests, nil)...))
	proof, err := hashes(r.Prova)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, r.Indice, tlog.RecordHash(entry[:]))
}

func check(dir string, vkey string, vkeys []string) error {
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	var witnesses []note.Verifier
	for _, vkey := range vkeys {
		w, err := newWitness(vkey)
		if err != nil {
			return err
		}
		witnesses = append(witnesses, w)
	}
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := checkpoint(text, key, witnesses...)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	// The tree is made anew from the entries and compared with every tile, hash by hash. Reading the tiles through
	// tlog.TileHashReader would not be enough: before x/mod 0.40 it lets pass a forged full tile (CVE-2026-56865).
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, fmt.Errorf("hash %d is not there", index)
			}
			out = append(out, stored[index])
		}
		return out, nil
	})
	for _, tile := range tiles(tree.N) {
		if tile.L != 0 {
			continue
		}
		name := "tile/entries/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/0/", height))
		bundle, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		all, err := entries(bundle, tile.W)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for i, entry := range all {
			more, err := tlog.StoredHashes(tile.N<<height+int64(i), entry, reader)
			if err != nil {
				return err
			}
			stored = append(stored, more...)
		}
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the entries do not lead to the root of the checkpoint")
	}
	for _, tile := range tiles(tree.N) {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		served, err := folder(dir).ReadTiles([]tlog.Tile{tile})
		if err != nil {
			return err
		}
		if !bytes.Equal(served[0], want) {
			return fmt.Errorf("%s: not what the entries give", tile.Path())
		}
	}
	// And as a client of such logs reads it.
	client := tlog.TileHashReader(tree, folder(dir))
	for at := int64(0); at < tree.N; at += 97 {
		index := tlog.StoredHashIndex(0, at)
		hash, err := client.ReadHashes([]int64{index})
		if err != nil {
			return err
		}
		if hash[0] != stored[index] {
			return fmt.Errorf("leaf %d read through the tiles is another", at)
		}
	}
	older, err := os.ReadFile(filepath.Join(dir, "prima"))
	if err == nil {
		before, err := checkpoint(older, key)
		if err != nil {
			return fmt.Errorf("prima: %w", err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "coerenza"))
		if err != nil {
			return err
		}
		proof, err := hashes(strings.Fields(string(text)))
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash); err != nil {
			return fmt.Errorf("coerenza: %w", err)
		}
	} else if !os.IsNotExist(err) {
		return err
	}
	receipts, err := filepath.Glob(filepath.Join(dir, "ricevute", "*.json"))
	if err != nil {
		return err
	}
	for _, name := range receipts {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := receipt(text, key); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	fmt.Printf("%d voci, %d tessere, %d ricevute, %d testimoni\n", tree.N, len(tiles(tree.N)), len(receipts), len(witnesses))
	return nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "registro CARTELLA CHIAVE [TESTIMONE…]")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "NON VALIDO:", err)
		os.Exit(1)
	}
}
