package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/models/intent"
)

// vocabulary is a byte-level BPE vocabulary: 256 bytes, merges, special tokens, padding.
// Its ids are those which engine/token gives the same text, unless merges are dropped at random.
type vocabulary struct {
	Tokens []string `json:"tokens"` // as GGUF spells them: bytes as printable characters
	Types  []int32  `json:"types"`  // 1 normal, 3 control, 4 user defined, 5 unused
	Merges []string `json:"merges"` // "left right"

	rank  map[[2]int32]int32
	into  map[[2]int32]int32
	ids   map[string]int32
	cache map[string][]int32
}

// byteRunes spells each byte as GPT-2 does.
var byteRunes = func() (table [256]rune) {
	n := rune(256)
	for b := range table {
		r := rune(b)
		if r >= '!' && r <= '~' || r >= 0xa1 && r <= 0xac || r >= 0xae {
			table[b] = r
			continue
		}
		table[b] = n
		n++
	}
	return table
}()

func spell(raw string) string {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		b.WriteRune(byteRunes[raw[i]])
	}
	return b.String()
}

// trainBPE learns a vocabulary of the given size from pieces of text and their counts.
// Merges stay inside runs of ASCII letters (with the blank before them) and inside single
// characters, so that a Chinese character is never glued to its neighbour.
func trainBPE(counts map[string]int, size int) (*vocabulary, error) {
	t := newTrainer(counts)
	special := intent.Specials()
	for len(t.raw) < size-len(special) {
		if !t.step() {
			break
		}
	}
	v := &vocabulary{Merges: t.merges}
	for _, r := range t.raw {
		v.Tokens = append(v.Tokens, spell(r))
		v.Types = append(v.Types, 1)
	}
	for _, s := range special {
		v.Tokens = append(v.Tokens, s)
		v.Types = append(v.Types, map[bool]int32{true: 3, false: 4}[s == "<bos>" || s == "<eos>"])
	}
	for len(v.Tokens)%32 != 0 {
		v.Tokens = append(v.Tokens, fmt.Sprintf("<unused%d>", len(v.Tokens)))
		v.Types = append(v.Types, 5)
	}
	return v, v.index()
}

// trainer counts pairs in a set of distinct units.
type trainer struct {
	raw    []string // text of each token
	merges []string
	words  [][]int32
	freq   []int
	pairs  map[[2]int32]int
	where  map[[2]int32]map[int]bool
}

func newTrainer(counts map[string]int) *trainer {
	t := &trainer{pairs: map[[2]int32]int{}, where: map[[2]int32]map[int]bool{}}
	for b := range 256 {
		t.raw = append(t.raw, string([]byte{byte(b)}))
	}
	units := map[string]int{}
	for piece, n := range counts {
		for _, u := range unitsOf(piece) {
			units[u] += n
		}
	}
	keys := make([]string, 0, len(units))
	for u := range units {
		keys = append(keys, u)
	}
	sort.Strings(keys)
	for _, u := range keys {
		n := units[u]
		if n < 2 {
			continue
		}
		if u[0] >= 0x80 {
			n = max(n, 1_000_000) // every character of the corpus becomes one token
		}
		w := make([]int32, len(u))
		for i := range w {
			w[i] = int32(u[i])
		}
		t.words, t.freq = append(t.words, w), append(t.freq, n)
		t.count(len(t.words)-1, 1)
	}
	return t
}

// unitsOf cuts text into the parts which merges may not leave.
func unitsOf(s string) []string {
	var out []string
	for _, p := range split(s) {
		from := 0
		for i, r := range p {
			if i == 0 && r == ' ' || r < 0x80 && unicode.IsLetter(r) {
				continue
			}
			if i > from {
				out = append(out, p[from:i])
			}
			n := utf8.RuneLen(r)
			if r == utf8.RuneError {
				n = 1
			}
			out = append(out, p[i:i+n])
			from = i + n
		}
		if from < len(p) {
			out = append(out, p[from:])
		}
	}
	return out
}

func (t *trainer) count(word, sign int) {
	w := t.words[word]
	for i := 0; i+1 < len(w); i++ {
		p := [2]int32{w[i], w[i+1]}
		t.pairs[p] += sign * t.freq[word]
		if t.where[p] == nil {
			t.where[p] = map[int]bool{}
		}
		t.where[p][word] = true
	}
}

// step adds the most frequent pair; equal counts go to the pair that sorts first.
func (t *trainer) step() bool {
	var best [2]int32
	most := 3
	for p, n := range t.pairs {
		if n > most || n == most && n > 3 && (p[0] < best[0] || p[0] == best[0] && p[1] < best[1]) {
			best, most = p, n
		}
	}
	if most == 3 {
		return false
	}
	id := int32(len(t.raw))
	t.merges = append(t.merges, spell(t.raw[best[0]])+" "+spell(t.raw[best[1]]))
	t.raw = append(t.raw, t.raw[best[0]]+t.raw[best[1]])
	words := t.where[best]
	for w := range words {
		t.count(w, -1)
		t.words[w] = join(t.words[w], best, id)
		t.count(w, 1)
	}
	delete(t.pairs, best)
	delete(t.where, best)
	return true
}

func join(w []int32, pair [2]int32, id int32) []int32 {
	out := w[:0:0]
	for i := 0; i < len(w); i++ {
		if i+1 < len(w) && w[i] == pair[0] && w[i+1] == pair[1] {
			out = append(out, id)
			i++
			continue
		}
		out = append(out, w[i])
	}
	return out
}

// index builds the lookup tables.
func (v *vocabulary) index() error {
	v.ids, v.rank, v.into, v.cache = map[string]int32{}, map[[2]int32]int32{}, map[[2]int32]int32{}, map[string][]int32{}
	for i, t := range v.Tokens {
		v.ids[t] = int32(i)
	}
	for i, m := range v.Merges {
		a, b, _ := strings.Cut(m, " ")
		l, ok1 := v.ids[a]
		r, ok2 := v.ids[b]
		id, ok3 := v.ids[a+b]
		if !ok1 || !ok2 || !ok3 {
			return fmt.Errorf("merge %q names unknown tokens", m)
		}
		v.rank[[2]int32{l, r}], v.into[[2]int32{l, r}] = int32(i), id
	}
	return nil
}

// encode appends the ids of text, and skips each merge with probability drop.
func (v *vocabulary) encode(dst []int32, text string, drop float64, rng *rand.Rand) []int32 {
	for _, p := range split(text) {
		if drop > 0 {
			dst = append(dst, v.merge(p, drop, rng)...)
			continue
		}
		ids, ok := v.cache[p]
		if !ok {
			ids = v.merge(p, 0, nil)
			v.cache[p] = ids
		}
		dst = append(dst, ids...)
	}
	return dst
}

func (v *vocabulary) merge(p string, drop float64, rng *rand.Rand) []int32 {
	w := make([]int32, len(p))
	for i := range w {
		w[i] = v.ids[string(byteRunes[p[i]])]
	}
	for {
		at, best := -1, int32(0)
		for i := 0; i+1 < len(w); i++ {
			r, ok := v.rank[[2]int32{w[i], w[i+1]}]
			if !ok || at >= 0 && r >= best || drop > 0 && latin(v.Tokens[w[i+1]]) && rng.Float64() < drop {
				continue
			}
			at, best = i, r
		}
		if at < 0 {
			return w
		}
		w[at] = v.into[[2]int32{w[at], w[at+1]}]
		w = append(w[:at+1], w[at+2:]...)
	}
}

// latin reports whether a token starts with an ASCII letter.
func latin(token string) bool { return isLetter(rune(token[0])) }

// width is how many bytes of text the token stands for.
func (v *vocabulary) width(id int32) int { return utf8.RuneCountInString(v.Tokens[id]) }

// tokenizer builds the engine's tokenizer of the same vocabulary.
func (v *vocabulary) tokenizer() (*token.Tokenizer, error) {
	t := token.NewVocab("gpt2")
	t.Pre, t.Tokens, t.Types, t.Merges = "qwen2", v.Tokens, v.Types, v.Merges
	t.BOS, t.EOS = v.ids["<bos>"], v.ids["<eos>"]
	return token.New(t)
}

func (v *vocabulary) save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create vocabulary: %w", err)
	}
	b := bufio.NewWriter(f)
	if err := json.NewEncoder(b).Encode(v); err != nil {
		return fmt.Errorf("write vocabulary: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write vocabulary: %w", err)
	}
	return f.Close()
}

func loadVocabulary(path string) (*vocabulary, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read vocabulary: %w", err)
	}
	v := &vocabulary{}
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("parse vocabulary: %w", err)
	}
	return v, v.index()
}
