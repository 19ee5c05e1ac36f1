package token

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naive merges pieces by the definition: as long as any pair may merge, the most urgent, leftmost one does.
func naive(pieces []string, rank func(left, right string) (float64, bool)) []string {
	for {
		best, lowest := -1, 0.0
		for i := range len(pieces) - 1 {
			if r, ok := rank(pieces[i], pieces[i+1]); ok && (best < 0 || r < lowest) {
				best, lowest = i, r
			}
		}
		if best < 0 {
			return pieces
		}
		pieces = slices.Replace(pieces, best, best+2, pieces[best]+pieces[best+1])
	}
}

// randomPieces invents n pieces over a small alphabet, each the join of two others, and the merges that make them.
func randomPieces(r *rand.Rand, alphabet string, n int) (pieces, merges []string) {
	for _, c := range alphabet {
		pieces = append(pieces, string(c))
	}
	for range n {
		a, b := pieces[r.IntN(len(pieces))], pieces[r.IntN(len(pieces))]
		if len(a)+len(b) > 12 || slices.Contains(merges, a+" "+b) {
			continue
		}
		merges = append(merges, a+" "+b)
		if !slices.Contains(pieces, a+b) {
			pieces = append(pieces, a+b)
		}
	}
	return pieces, merges
}

func randomWord(r *rand.Rand, alphabet string, n int) string {
	runes := []rune(alphabet)
	var b strings.Builder
	for range n {
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

// wordLens lie on both sides of shortWord, where the method changes.
var wordLens = []int{1, 2, 3, 7, 20, shortWord - 1, shortWord, shortWord + 1, shortWord + 2, 90, 200}

func TestBytePairsMergeInOrder(t *testing.T) {
	const alphabet = "abc"
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		v := NewVocab(modelBPE)
		v.Tokens, v.Merges = randomPieces(r, alphabet, 30)
		tok, err := New(v)
		if err != nil {
			t.Fatal(err)
		}
		ranks := map[string]int{}
		for i, m := range v.Merges {
			ranks[m] = i
		}
		for _, n := range wordLens {
			word := randomWord(r, alphabet, n)
			want := naive(strings.Split(word, ""), func(left, right string) (float64, bool) {
				rank, ok := ranks[left+" "+right]
				return float64(rank), ok
			})
			checkPieces(t, tok, word, want)
		}
	}
}

func TestScoredPairsMergeInOrder(t *testing.T) {
	const alphabet = "ab▁é"
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		v := NewVocab(modelSPM)
		v.AddSpacePrefix, v.AddBOS = new(bool), new(bool)
		v.Tokens, _ = randomPieces(r, alphabet, 30)
		scores := map[string]float64{}
		for i, p := range v.Tokens {
			v.Scores = append(v.Scores, float32(r.IntN(8))-float32(i%3)) // with ties, zeros and both signs
			scores[p] = float64(v.Scores[i])
		}
		tok, err := New(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range wordLens {
			word := randomWord(r, alphabet, n)
			want := naive(strings.Split(word, ""), func(left, right string) (float64, bool) {
				score, ok := scores[left+right]
				return -score, ok
			})
			checkPieces(t, tok, strings.ReplaceAll(word, "▁", " "), want)
		}
	}
}

func checkPieces(t *testing.T, tok *Tokenizer, text string, want []string) {
	t.Helper()
	var got []string
	for _, id := range tok.Encode(text, Options{}) {
		got = append(got, tok.Piece(id))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q: got %q, want %q", text, got, want)
	}
}

func TestDescendingKeepsTheOrderOfScores(t *testing.T) {
	inf := float32(math.Inf(1))
	scores := []float32{inf, 1e30, 2, 1, 1e-40, 0, -1e-40, -1, -32000, -inf, inf - inf}
	for i := 1; i < len(scores); i++ {
		if a, b := descending(scores[i-1]), descending(scores[i]); a >= b || b == none {
			t.Errorf("score %g has priority %d, score %g %d", scores[i-1], a, scores[i], b)
		}
	}
	if descending(0) != descending(float32(math.Copysign(0, -1))) {
		t.Error("0 and -0 are different scores")
	}
}
