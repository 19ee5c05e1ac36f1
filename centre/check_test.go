package centre

import (
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/journal"
)

// forge makes a directory whose journal has an honest history and then the given records.
func forge(t *testing.T, records ...func() []byte) string {
	t.Helper()
	dir := t.TempDir()
	c := mustOpen(t, Config{Dir: dir, WithoutReadModel: true})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	mustSettle(t, c, "a", 10)
	mustDo(t, c, holdCommand("b"))
	mustClose(t, c)
	j, _, err := journal.Open(journalDir(dir), journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if _, err := j.Append(t.Context(), r()); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCheckFinds writes records that an honest exchange would not have accepted into a journal
// whose checksums and chain are right: the check finds each, and the centre does not open on
// what its own rules refuse.
func TestCheckFinds(t *testing.T) {
	const late = 1 << 62 // after all that is honest
	encode := func(cmd market.Command, at weir.Instant, err error) func() []byte {
		return func() []byte {
			t.Helper()
			cmd.At = at
			b, encodeErr := market.EncodeCommand(cmd)
			if err != nil || encodeErr != nil {
				t.Fatal(err, encodeErr)
			}
			return b
		}
	}
	f := func(problem string, opens bool, records ...func() []byte) {
		t.Helper()
		dir := forge(t, records...)
		r, err := Check(t.Context(), dir)
		if err != nil || r.Clean() || !strings.Contains(strings.Join(r.Problems, "\n"), problem) {
			t.Errorf("check finds %q, %v; want %q", r.Problems, err, problem)
		}
		c, err := Open(t.Context(), Config{Dir: dir, WithoutReadModel: true})
		if (err == nil) != opens {
			t.Errorf("opened: %v, want %t", err, opens)
		}
		if err == nil {
			mustClose(t, c)
		} else if fault.KindOf(err) != fault.Internal {
			t.Errorf("a journal that contradicts itself is %v: %v", fault.KindOf(err), err)
		}
	}
	tooMuch := market.Command{ID: idOf("too much"), Hold: &market.TakeHold{Tenant: "acme", Request: idOf("r"), Amount: market.AmountMax, Timeout: market.HoldTimeoutMin}}
	f("should have been refused", false, encode(tooMuch, late, nil))
	f("repeats an earlier one", false, encode(holdCommand("b"), late, nil))
	f("decode command", false, func() []byte { return []byte("what is this") })
	expired := market.Command{ID: idOf("tenant"), OpenTenant: &market.OpenTenant{Tenant: "late"}}
	f("is open, it expired", true, encode(expired, late, nil)) // and no Tick before it
	// A receipt of a thief: recovery trusts the chain, the check verifies signatures.
	settle, err := settleCommand("b", 10)
	r := settle.Settle.Receipt
	r.Signature = append([]byte(nil), r.Signature...)
	r.Signature[0]++
	settle.Settle = &market.Settle{Receipt: r}
	soon := weir.InstantOf(time.Now().Add(time.Minute)) // the hold is still open then
	f("signature is not that of gateway g1", true, encode(settle, soon, err))
	if r := mustCheck(t, forge(t)); r.Receipts != 1 || r.Holds != 2 {
		t.Errorf("the honest part: %+v", r)
	}
}
