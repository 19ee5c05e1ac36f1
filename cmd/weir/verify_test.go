package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/market/meter"
	"github.com/weir-project/weir/market/receipt"
)

// forge signs a statement as it is: also one that receipt.Sign would refuse.
func forge(t *testing.T, change func(st *receipt.Statement)) []byte {
	t.Helper()
	honest, err := receipt.Sign(testStatement(t, 33), testKey("gateway"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := honest.Open()
	if err != nil {
		t.Fatal(err)
	}
	change(&st)
	b, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	r := receipt.Receipt{Statement: b, Signature: ed25519.Sign(testKey("gateway"), append([]byte("weir receipt v1\n"), b...))}
	file, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Each forgery fails the check that is about it, and the others speak for themselves.
func TestReceiptVerify(t *testing.T) {
	keys := []string{"--node-key", hex.EncodeToString(testPublic("node")), "--gateway-key", hex.EncodeToString(testPublic("gateway"))}
	f := func(name string, file []byte, keys []string, last string, failing ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "receipt.json")
			if err := os.WriteFile(path, append(file, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, problems := weirMain(t, append([]string{"receipt", "verify", path}, keys...)...)
			if want := len(failing) > 0; want != (code == exitFailed) || code != exitOK && code != exitFailed {
				t.Errorf("exit code %d: %s", code, problems)
			}
			if !strings.HasSuffix(out, last+"\n") {
				t.Errorf("last line: want %s in\n%s", last, out)
			}
			for _, line := range strings.Split(out, "\n") {
				if name, _, ok := strings.Cut(line, " FAILED"); ok && !strings.Contains(strings.Join(failing, ";"), strings.TrimSpace(name)) {
					t.Errorf("failed as well: %s", line)
				}
			}
		})
	}
	const (
		form, charge, entries = "form: canonical, complete, consistent", "charge follows from usage and prices", "ledger entries follow from the hold"
		gateway, node, claim  = "signature of the gateway", "signature of the node", "the node's claim is about this request"
	)
	f("honest", forge(t, func(*receipt.Statement) {}), keys, "6 passed, 0 failed")
	f("another price", forge(t, func(st *receipt.Statement) { st.Charge, st.Amount = meter.Charge(st.Usage, weir.Prices{}), 0 }), keys, "4 passed, 2 failed", form, charge)
	f("another count", forge(t, func(st *receipt.Statement) {
		st.Usage.Output++
		st.Charge = meter.Charge(st.Usage, st.Prices)
		st.Amount = st.Charge.Nano()
	}), keys, "4 passed, 2 failed", form, claim)
	f("another request", forge(t, func(st *receipt.Statement) { st.Request[0]++ }), keys, "4 passed, 2 failed", form, claim)
	f("other entries", forge(t, func(st *receipt.Statement) { st.Transfers.Fee[0]++ }), keys, "4 passed, 2 failed", form, entries)
	f("a claim that the node did not sign", forge(t, func(st *receipt.Statement) { st.Claim.Signature[0]++ }), keys, "5 passed, 1 failed", node)
	f("no claim", forge(t, func(st *receipt.Statement) { st.Claim = nil; st.End = weir.EndFailed }), keys, "4 passed, 0 failed")
	swapped := []string{keys[0], keys[3], keys[2], keys[1]}
	f("keys swapped", forge(t, func(*receipt.Statement) {}), swapped, "4 passed, 2 failed", gateway, node)
	f("spaces", bytes.Replace(forge(t, func(*receipt.Statement) {}), []byte(`,"request"`), []byte(`, "request"`), 1), keys, "4 passed, 2 failed", form, gateway)
}

func TestReceiptVerifyKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(path, forge(t, func(*receipt.Statement) {}), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, problems := weirMain(t, "receipt", "verify", path, "--node-key", "12ab")
	if code != exitUsage || !strings.Contains(problems, `--node-key: want 64 hexadecimal digits, got "12ab"`) {
		t.Errorf("exit code %d: %s", code, problems)
	}
}

// The books know what they settled, and nothing that they did not.
func TestReceiptsOfBooks(t *testing.T) {
	dir := testBooks(t, "acme", 34) // the node claims one token more than the gateway counted
	code, out, _ := weirMain(t, "receipt", "list", "--data", dir, "--disputed")
	if code != exitOK || !strings.Contains(out, "stop, disputed") {
		t.Errorf("exit code %d, list\n%s", code, out)
	}
	request := testID("request").String()
	code, out, _ = weirMain(t, "receipt", "show", "chatcmpl-"+request, "--data", dir)
	for _, want := range []string{
		"disputed: the node claims 100 + 7 cached + 34 output", "$0.000127655", "rounded up  $0.000127655",
		"held $1.00, charged $0.000127655, released $0.999872345",
	} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in\n%s", code, want, out)
		}
	}
	code, out, problems := weirMain(t, "receipt", "verify", request, "--data", dir)
	if code != exitOK || !strings.Contains(out, "7 passed, 0 failed") {
		t.Errorf("exit code %d, %s\n%s", code, problems, out)
	}
	stranger := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(stranger, forge(t, func(*receipt.Statement) {}), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ = weirMain(t, "receipt", "verify", stranger, "--data", dir)
	if code != exitFailed || !strings.Contains(out, "have no receipt") || !strings.HasSuffix(out, "6 passed, 1 failed\n") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestDollars(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		p, err := meter.ParsePico(text)
		if err != nil || dollars(p) != want {
			t.Errorf("%s: %s, %v; want %s", text, dollars(p), err, want)
		}
	}
	f("0", "$0.00")
	f("1", "$0.000000000001")
	f("1500000000000", "$1.50")
	f("100000000000000000000000000", "$100000000000000.00")
	f("127655000", "$0.000127655")
}
