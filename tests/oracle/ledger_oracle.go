// A verifier that shares no code with ours: Go's x/mod/sumdb/{note,tlog}, as Debian packages them,
// with a reader for C2SP tlog-tiles paths.
//
//	ledger_oracle export DIR           checkpoint, tiles, entries and DIR/proofs/* of an export
//	ledger_oracle proofs SIZES IN OUT  our proofs for every size, and its own for us to check
//
// Build: GO111MODULE=off GOPROXY=off GOPATH=DIR:/usr/share/gocode go build ledger_oracle.go
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "ledger_oracle: "+format+"\n", args...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

// ---- export ------------------------------------------------------------------------------------

// x/mod says tile/8/L/N, C2SP says tile/L/N; both write partial tiles as N.p/W.
func c2spPath(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), "tile/8/")
}

type tiles struct{ dir string }

func (t tiles) Height() int { return 8 }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.dir, c2spPath(tile)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", c2spPath(tile), len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

func openCheckpoint(bytes []byte, vkey string) (tlog.Tree, error) {
	var tree tlog.Tree
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	signed, err := note.Open(bytes, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return tree, errors.New("not a checkpoint of this log")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func readEntries(dir string, size int64) [][]byte {
	var entries [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := 256
		if left := size - n*256; left < 256 {
			width = int(left)
		}
		path := tlog.Tile{H: 8, L: 0, N: n, W: width}.Path()
		path = "tile/entries/" + strings.TrimPrefix(path, "tile/8/0/")
		data, err := os.ReadFile(filepath.Join(dir, path))
		must(err, "entries")
		for i := 0; i < width; i++ {
			if len(data) < 2 {
				fail("%s is cut short", path)
			}
			length := int(binary.BigEndian.Uint16(data))
			if len(data) < 2+length {
				fail("%s is cut short", path)
			}
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) != 0 {
			fail("%s has trailing bytes", path)
		}
	}
	return entries
}

// c2sp.org/tlog-proof@v1
func checkProofFile(path, vkey string, entries [][]byte) {
	text, err := os.ReadFile(path)
	must(err, "proof")
	lines := strings.Split(string(text), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		fail("%s: not a proof", path)
	}
	index, err := strconv.ParseInt(lines[1][6:], 10, 64)
	must(err, path)
	var proof tlog.RecordProof
	at := 2
	for ; lines[at] != ""; at++ {
		hash, err := tlog.ParseHash(lines[at])
		must(err, path)
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint([]byte(strings.Join(lines[at+1:], "\n")), vkey)
	must(err, path)
	leaf := tlog.RecordHash(entries[index])
	must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf), path)
}

func verifyExport(dir string) {
	key, err := os.ReadFile(filepath.Join(dir, "vkey"))
	must(err, "vkey")
	vkey := strings.TrimSuffix(string(key), "\n")
	checkpoint, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err, "checkpoint")
	tree, err := openCheckpoint(checkpoint, vkey)
	must(err, "checkpoint")
	reader := tlog.TileHashReader(tree, tiles{dir})
	root, err := tlog.TreeHash(tree.N, reader)
	must(err, "tiles")
	if root != tree.Hash {
		fail("the tiles have another root")
	}
	entries := readEntries(dir, tree.N)
	for i, entry := range entries {
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(i))})
		must(err, "tiles")
		if hashes[0] != tlog.RecordHash(entry) {
			fail("entry %d is not the leaf", i)
		}
	}
	proofs, err := filepath.Glob(filepath.Join(dir, "proofs", "*"))
	must(err, "proofs")
	for _, path := range proofs {
		checkProofFile(path, vkey, entries)
	}
	fmt.Printf("ok %d entries %d proofs root %s\n", len(entries), len(proofs),
		base64.StdEncoding.EncodeToString(tree.Hash[:]))
}

// ---- proofs ------------------------------------------------------------------------------------

type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, s[i])
	}
	return out, nil
}

// The same leaves as the C side's model.
func buildTree(sizes int64) (store, []tlog.Hash, []tlog.Hash) {
	var s store
	var leaves, roots []tlog.Hash
	empty, _ := tlog.TreeHash(0, s)
	roots = append(roots, empty)
	for i := int64(0); i < sizes; i++ {
		data := []byte(fmt.Sprintf("leaf %d", i))
		hashes, err := tlog.StoredHashes(i, data, s)
		must(err, "storing")
		s = append(s, hashes...)
		leaves = append(leaves, tlog.RecordHash(data))
		root, err := tlog.TreeHash(i+1, s)
		must(err, "root")
		roots = append(roots, root)
	}
	return s, leaves, roots
}

func parseHashes(text string) []tlog.Hash {
	var hashes []tlog.Hash
	raw, err := hex.DecodeString(text)
	must(err, "hex")
	if len(raw)%32 != 0 {
		fail("%d bytes of hashes", len(raw))
	}
	for ; len(raw) > 0; raw = raw[32:] {
		var h tlog.Hash
		copy(h[:], raw)
		hashes = append(hashes, h)
	}
	return hashes
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Each hash altered, one too few, one too many.
func mutations(proof []tlog.Hash) [][]tlog.Hash {
	var all [][]tlog.Hash
	for i := range proof {
		changed := append([]tlog.Hash(nil), proof...)
		changed[i][i%32] ^= 0x10
		all = append(all, changed)
	}
	if len(proof) > 0 {
		all = append(all, proof[:len(proof)-1])
	}
	return append(all, append(append([]tlog.Hash(nil), proof...), tlog.Hash{0x5a}))
}

func checkLine(fields []string, s store, leaves, roots []tlog.Hash) {
	old, err := strconv.ParseInt(fields[1], 10, 64)
	must(err, "number")
	size, err := strconv.ParseInt(fields[2], 10, 64)
	must(err, "number")
	text := ""
	if len(fields) > 3 {
		text = fields[3]
	}
	got := parseHashes(text)
	check := func(proof []tlog.Hash) error {
		if fields[0] == "inclusion" {
			return tlog.CheckRecord(proof, size, roots[size], old, leaves[old])
		}
		return tlog.CheckTree(proof, size, roots[size], old, roots[old])
	}
	var want []tlog.Hash
	if fields[0] == "inclusion" {
		want, err = tlog.ProveRecord(size, old, s)
	} else {
		want, err = tlog.ProveTree(size, old, s)
	}
	must(err, "proving")
	if !same(got, want) {
		fail("%s %d %d: another proof than ours", fields[0], old, size)
	}
	must(check(got), fmt.Sprintf("%s %d %d", fields[0], old, size))
	for i, changed := range mutations(got) {
		if check(changed) == nil {
			fail("%s %d %d: mutation %d passes", fields[0], old, size, i)
		}
	}
}

func writeProofs(path string, sizes int64, s store) {
	file, err := os.Create(path)
	must(err, "out")
	out := bufio.NewWriter(file)
	line := func(kind string, old, size int64, proof []tlog.Hash) {
		fmt.Fprintf(out, "%s %d %d ", kind, old, size)
		for _, h := range proof {
			out.WriteString(hex.EncodeToString(h[:]))
		}
		out.WriteByte('\n')
	}
	for size := int64(1); size <= sizes; size++ {
		for i := int64(0); i < size; i++ {
			proof, err := tlog.ProveRecord(size, i, s)
			must(err, "proving")
			line("inclusion", i, size, proof)
			tree, err := tlog.ProveTree(size, i+1, s)
			must(err, "proving")
			line("consistency", i+1, size, tree)
		}
	}
	must(out.Flush(), "out")
	must(file.Close(), "out")
}

func checkProofs(sizes int64, in, out string) {
	s, leaves, roots := buildTree(sizes)
	data, err := os.ReadFile(in)
	must(err, "in")
	lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	for _, line := range lines {
		checkLine(strings.Split(strings.TrimSuffix(string(line), " "), " "), s, leaves, roots)
	}
	writeProofs(out, sizes, s)
	fmt.Printf("ok %d proofs\n", len(lines))
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "export":
		verifyExport(os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "proofs":
		sizes, err := strconv.ParseInt(os.Args[2], 10, 64)
		must(err, "sizes")
		checkProofs(sizes, os.Args[3], os.Args[4])
	default:
		fail("usage: export DIR | proofs SIZES IN OUT")
	}
}
