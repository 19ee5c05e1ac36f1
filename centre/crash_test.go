package centre

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/journal"
)

// The crash test runs a centre under load in a child process, which is this test binary again,
// and kills it at a random moment. The child tells each acknowledged command on its standard
// output; what the parent has read was acknowledged, what is in the books beyond it was under
// way. The next child starts on the same directory and repeats what was under way, with the
// same ids, as a client would.
const (
	crashDir    = "WEIR_CRASH_DIR"    // set: this process is the child
	crashFrom   = "WEIR_CRASH_FROM"   // step from which each client goes on
	crashRounds = "WEIR_CRASH_ROUNDS" // kills; default 25, make crash asks for 200

	crashClients = 16
	crashReopen  = 8 // rounds on one directory, so that recovery meets what recovery left
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, crashChild(dir, os.Getenv(crashFrom)))
		os.Exit(3) // it only ends by a kill or by an error
	}
	os.Exit(m.Run())
}

// crashStep is the i-th command of a client: hold, settle, hold, void, and so on. It is a
// function of its arguments, so it can be repeated by the next child and checked by the parent.
func crashStep(client, i int) (market.Command, error) {
	n := fmt.Sprintf("%d/%d", client, i/2)
	switch {
	case i%2 == 0:
		return holdCommand(n), nil
	case i%8 == 7:
		return market.Command{ID: idOf("void %s", n), Void: &market.Void{Hold: idOf("hold %s", n)}}, nil
	}
	return settleCommand(n, weir.Tokens(i))
}

func crashChild(dir, from string) error {
	ctx := context.Background()
	c, err := Open(ctx, Config{Dir: dir, Journal: journal.Config{SegmentBytes: 256 << 10}})
	if err != nil {
		return err
	}
	if err := setUp(ctx, c); err != nil {
		return err
	}
	starts := strings.Fields(from)
	errs := make(chan error)
	var out sync.Mutex // one line at a time
	for client := range crashClients {
		start, err := strconv.Atoi(starts[client])
		if err != nil {
			return err
		}
		go func() {
			for i := start; ; i++ {
				cmd, err := crashStep(client, i)
				if err == nil {
					_, err = c.Do(ctx, cmd)
				}
				if err != nil {
					errs <- fmt.Errorf("client %d, step %d: %w", client, i, err)
					return
				}
				out.Lock()
				fmt.Printf("%d %d\n", client, i)
				out.Unlock()
			}
		}()
	}
	return <-errs
}

// crashOnce runs a child from the given steps, kills it after a while under load, and returns
// the steps that come after the acknowledged ones.
func crashOnce(t *testing.T, dir string, next []int, after time.Duration) []int {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), crashDir+"="+dir, crashFrom+"="+strings.Trim(fmt.Sprint(next), "[]"))
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	next = slices.Clone(next)
	r := bufio.NewReader(out)
	var kill *time.Timer
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			break // a line without its end is no acknowledgement
		}
		if err != nil {
			t.Fatal(err)
		}
		if kill == nil {
			kill = time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // it may be gone; Wait tells
		}
		var client, step int
		if _, err := fmt.Sscanf(line, "%d %d\n", &client, &step); err != nil {
			t.Fatalf("child says %q", line)
		}
		if step != next[client] {
			t.Fatalf("client %d acknowledges step %d, %d is next", client, step, next[client])
		}
		next[client]++
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("the child ended by itself (%v): %s", err, complaint.String())
	}
	return next
}

// crashAudit checks the books after a kill: they are clean, every acknowledged step is in them
// with its effect, and beyond those nothing but what each client had under way.
func crashAudit(t *testing.T, dir string, next []int) Report {
	t.Helper()
	report := mustCheck(t, dir)
	x := market.New()
	if _, err := journal.Read(journalDir(dir), func(record uint64, payload []byte) error {
		_, err := recoverRecord(x, record, payload)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	holds, receipts := 0, 0
	for client, n := range next {
		// The hold of the last step that was acknowledged or under way.
		for i := 0; i <= n; i++ {
			cmd, err := crashStep(client, i)
			if err != nil {
				t.Fatal(err)
			}
			done := i < n
			switch {
			case cmd.Hold != nil:
				_, ok := x.Hold(cmd.ID)
				if done && !ok {
					t.Fatalf("client %d: acknowledged hold %d is gone", client, i)
				}
				if ok {
					holds++
				}
			case cmd.Void != nil:
				if h, _ := x.Hold(cmd.Void.Hold); done && h.State != market.HoldVoided {
					t.Fatalf("client %d: acknowledged void %d is gone, the hold is %s", client, i, h.State)
				}
			default:
				st, err := cmd.Settle.Receipt.Open()
				if err != nil {
					t.Fatal(err)
				}
				s, ok := x.Settlement(st.Hold)
				if done && (!ok || s.Receipt != cmd.Settle.Receipt.ID() || s.Split.Charge != st.Amount) {
					t.Fatalf("client %d: acknowledged receipt %d is gone or other: %+v", client, i, s)
				}
				if ok {
					receipts++
				}
			}
		}
	}
	if holds != report.Holds || receipts != report.Receipts {
		t.Fatalf("%d holds and %d receipts in the books, the clients know of %d and %d", report.Holds, report.Receipts, holds, receipts)
	}
	return report
}

func TestCrash(t *testing.T) {
	rounds := 25
	if s := os.Getenv(crashRounds); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q: want a number of rounds", crashRounds, s)
		}
		rounds = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var dir string
	var next []int
	var acknowledged, torn, pending int
	for round := range rounds {
		if round%crashReopen == 0 {
			dir, next = t.TempDir(), make([]int, crashClients)
		}
		before := next
		next = crashOnce(t, dir, next, time.Duration(random.Int64N(int64(60*time.Millisecond))))
		report := crashAudit(t, dir, next)
		for i := range next {
			acknowledged += next[i] - before[i]
		}
		if report.Torn != "" {
			torn++
		}
		if !strings.HasPrefix(report.Model, fmt.Sprint(report.Events, " of")) {
			pending++
		}
	}
	if acknowledged < rounds {
		t.Errorf("%d commands were acknowledged in %d rounds: there was no load", acknowledged, rounds)
	}
	t.Logf("%d kills, %d acknowledged commands, %d torn ends, %d read models behind", rounds, acknowledged, torn, pending)
}
