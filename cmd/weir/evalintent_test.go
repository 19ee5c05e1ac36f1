package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-project/weir/models/intent"
)

// exactFloor is how many of the hand-written wishes the bundled model must read exactly. A
// better model raises it.
const exactFloor = 252

// TestIntentFloor judges the bundled model as `weir eval intent` does, and reads back what
// --out wrote.
func TestIntentFloor(t *testing.T) {
	wishes := filepath.Join("..", "..", "models", "intent", "testdata", "wishes.jsonl")
	lines, err := readWishes(wishes)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "answers.jsonl")
	var table, complaints bytes.Buffer
	code := Main(context.Background(), []string{"eval", "intent", wishes, "--out", out}, env{strings.NewReader(""), &table, &complaints})
	if code != exitFailed && code != exitOK {
		t.Fatalf("exit code %d: %s", code, complaints.String())
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(answers) != len(lines) {
		t.Fatalf("%d answers to %d wishes", len(answers), len(lines))
	}
	exact := 0
	for i, a := range answers {
		var one struct {
			ID  string       `json:"id"`
			Got intent.Order `json:"got"`
		}
		if err := json.Unmarshal([]byte(a), &one); err != nil || one.ID != lines[i].ID {
			t.Fatalf("answer %d: id %q, %v; want %q", i, one.ID, err, lines[i].ID)
		}
		if ok, _ := intent.Compare(one.Got, lines[i].Want); ok {
			exact++
		}
	}
	if exact < exactFloor {
		t.Errorf("%d of %d wishes are read exactly: at least %d", exact, len(lines), exactFloor)
	}
}
