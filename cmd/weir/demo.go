package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/link"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/receipt"
	"github.com/weir-project/weir/models/intent"
)

func demoCommand() *command {
	return &command{
		name: "demo", summary: "see a whole pool at work on this machine, in seconds",
		long: `It starts a centre with a gateway here and two site nodes in processes of their own, all on loopback;
sends wishes and chats through the gateway; and shows for each the offers considered, why one won, the
hold, the tokens as they arrive, the receipt and its verification. At the end the ledger must sum to zero.`,
		examples: []string{"weir demo", "weir demo --keep"},
		setup: func(f *flag.FlagSet) runFunc {
			keep := f.Bool("keep", false, "stay up afterwards")
			verbose := f.Bool("v", false, "show the logs of all roles")
			return func(ctx context.Context, e env, _ []string) error {
				d := &demo{keep: *keep, log: io.Discard, out: e.out}
				if *verbose {
					d.log = e.err
				}
				return d.run(ctx)
			}
		},
	}
}

// demo is a pool that lives for one command.
type demo struct {
	keep   bool
	log    io.Writer
	out    io.Writer
	home   *home
	config config
	remote *link.Remote
	client *client

	mu   sync.Mutex // guards undo while the nodes start together
	undo cleanup
}

// demoSites are the two nodes: a cheap one far away and a dear one near.
var demoSites = []struct {
	id, site, provider    string
	input, cached, output int
}{
	{"gz-1", "guizhou-centre", "mountain-compute", 20_000, 2_000, 80_000},
	{"hz-1", "hangzhou-plant", "plant-it", 60_000, 6_000, 240_000},
}

// demoWish is something a person sends.
type demoWish struct {
	title, text string
	residency   []string
}

var demoWishes = []demoWish{
	{"A plant engineer orders a line", "给三号产线的质检相机开一条上行50兆、时延10毫秒以内、可用性四个9的专线，明早八点到晚六点", nil},
	{"A developer orders compute", "I need deepseek-r1 distilled 7b near the Hangzhou site for 2 hours, first token under 300 ms, at most 40 cents", nil},
	{"The same plant's data may not leave", "机房的监控今晚七点起要两个小时，每路4兆，一共12路摄像头，数据不能出园区", []string{"hangzhou-plant"}},
	{"Someone just chats", "你好，今天天气怎么样？", nil},
}

const demoNow = "2026-11-25T10:00" // so that every run resolves the same times

func (d *demo) run(ctx context.Context) (err error) {
	started := time.Now()
	defer func() {
		if cerr := d.undo.run(); err == nil {
			err = cerr
		}
	}()
	if err := d.start(ctx); err != nil {
		return err
	}
	d.say("ready after %s: a centre and a gateway at %s, two nodes in processes of their own\n", time.Since(started).Round(10*time.Millisecond), d.client.url)
	for i, w := range demoWishes {
		if err := d.show(ctx, i+1, w); err != nil {
			return err
		}
	}
	if err := d.books(ctx); err != nil {
		return err
	}
	d.say("done in %s\n", time.Since(started).Round(10*time.Millisecond))
	if d.keep {
		d.say("staying up until Ctrl-C:\n  export WEIR_URL=%s WEIR_KEY=%s\n", d.client.url, d.client.key)
		<-ctx.Done()
	}
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

// start brings the pool up and waits until both nodes' offers can be used.
func (d *demo) start(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	d.undo.add(func() error { return os.RemoveAll(dir) })
	if d.home, err = openHome(dir); err != nil {
		return err
	}
	d.config = defaultConfig()
	d.config.Data, d.config.Gateway.Listen = dir, "127.0.0.1:0"
	log := newLog(d.config.Log, d.log)
	d.say("starting…\n")
	server, err := startCentre(ctx, &d.config, d.home, log, &d.undo)
	if err != nil {
		return err
	}
	conn, err := join(ctx, server, &d.config, d.home, "gateway", log, &d.undo)
	if err != nil {
		return err
	}
	d.remote = link.NewRemote(conn)
	if err := d.spawnNodes(ctx, server.URL()); err != nil {
		return err
	}
	url, err := startGateway(ctx, &d.config, d.home, conn, log, &d.undo)
	if err != nil {
		return err
	}
	key, err := firstKey(ctx, &d.config, d.home, d.remote)
	d.client = &client{url, key}
	return errors.Join(err, d.settleIn(ctx))
}

// spawnNodes starts the node processes together and waits until each says that it is ready.
func (d *demo) spawnNodes(ctx context.Context, busURL string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	errs := make([]error, len(demoSites))
	var wait sync.WaitGroup
	for i, s := range demoSites {
		file := s.id + ".yaml"
		text := fmt.Sprintf(`site: %s
node:
  id: %s
  provider: %s
  threads: 1
  models:
    - {name: %s, prices: {input: %d, cached: %d, output: %d}}
`, s.site, s.id, s.provider, intent.Name, s.input, s.cached, s.output)
		if err := d.home.write(file, text); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, "node", "--config", d.home.path(file), "--data", d.home.dir, "--bus", busURL)
		wait.Go(func() { errs[i] = d.spawn(cmd, s.id) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// spawn starts a process and returns once it has printed its first line.
func (d *demo) spawn(cmd *exec.Cmd, name string) error {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var complaints bytes.Buffer
	cmd.Stderr = io.MultiWriter(&complaints, d.log)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start node %s: %w", name, err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		return fmt.Errorf("node %s did not start: %s", name, strings.TrimSpace(complaints.String()))
	}
	fmt.Fprint(d.log, line)
	d.undoProcess(cmd)
	return nil
}

func (d *demo) undoProcess(cmd *exec.Cmd) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.undo.add(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // its exit code says nothing once it was told to stop
		return nil
	})
}

// settleIn waits until a first request finds both nodes with measured speed, so that what
// follows compares like with like.
func (d *demo) settleIn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		r := chatRequest{Model: intent.Name, Messages: []message{{"user", "hello"}}}
		r.Weir.Explain, r.Weir.Now = true, demoNow
		a, err := d.client.chat(ctx, r, func(string) {})
		if err == nil && measured(a) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fault.New(fault.Unavailable, "the nodes were not ready in time"), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// measured reports whether all offers were eligible and forecast from measurements.
func measured(a *answer) bool {
	if a.weir == nil || a.weir.Explain == nil || len(a.weir.Explain.Considered) < len(demoSites) {
		return false
	}
	for _, c := range a.weir.Explain.Considered {
		if c.Rejected != "" || c.TTFT >= 10_000 {
			return false
		}
	}
	return true
}

// show sends one wish and explains everything that happened.
func (d *demo) show(ctx context.Context, n int, w demoWish) error {
	d.say("\n%d. %s\n   \"%s\"\n", n, w.title, w.text)
	if len(w.residency) > 0 {
		d.say("   residency: %s only\n", strings.Join(w.residency, ", "))
	}
	r := chatRequest{Model: intent.Name, Messages: []message{{"user", w.text}}}
	r.Weir.Explain, r.Weir.Now, r.Weir.Residency = true, demoNow, w.residency
	d.say("   streamed: ")
	a, err := d.client.chat(ctx, r, func(piece string) { d.say("%s", piece) })
	d.say("\n")
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := printOrder(&text, a.text); err != nil {
		return err
	}
	printAccount(&text, a)
	d.say("   %s\n", strings.ReplaceAll(strings.TrimRight(text.String(), "\n"), "\n", "\n   "))
	return d.verify(ctx, a.weir.Receipt)
}

// verify checks a receipt with nothing but two public keys.
func (d *demo) verify(ctx context.Context, id string) error {
	doc, err := d.receipt(ctx, id)
	if err != nil {
		return err
	}
	st, err := doc.Open()
	if err != nil {
		return err
	}
	s, err := d.remote.Snapshot(ctx)
	if err != nil {
		return err
	}
	dir := market.NewDirectory(s)
	nodeKey, ok := dir.Signer(market.RoleNode, string(st.Node))
	gatewayKey, ok2 := dir.Signer(market.RoleGateway, st.Gateway)
	if !ok || !ok2 {
		return fault.New(fault.NotFound, "the receipt's signers are not registered")
	}
	if err := receipt.Verify(doc, nodeKey.Key, gatewayKey.Key); err != nil {
		return fmt.Errorf("receipt %s: %w", id, err)
	}
	d.say("     receipt verified: signed by node %s and %s, %d bytes\n", st.Node, st.Gateway, len(doc.Statement)+len(doc.Signature))
	return nil
}

// receipt waits for a receipt to be in the books.
func (d *demo) receipt(ctx context.Context, id string) (receipt.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	parsed, err := weir.ParseID(id)
	if err != nil {
		return receipt.Receipt{}, err
	}
	for {
		doc, err := d.remote.Receipt(ctx, parsed)
		if err == nil || fault.KindOf(err) != fault.NotFound || ctx.Err() != nil {
			return doc, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// books prints the accounts and checks that they sum to zero.
func (d *demo) books(ctx context.Context) error {
	s, err := d.remote.Snapshot(ctx)
	if err != nil {
		return err
	}
	d.say("\nThe ledger\n")
	var sum weir.Nano
	for _, b := range s.Balances {
		posted := b.Credits - b.Debits
		d.say("   %-26s %s\n", b.Account, posted)
		sum += posted
	}
	if sum != 0 || len(s.Holds) > 0 {
		text, _ := json.Marshal(s.Holds)
		return fault.New(fault.Internal, "the ledger sums to %d nano-USD with %d holds open: %s", sum, len(s.Holds), text)
	}
	d.say("   sum of all accounts        $0.00, no hold is open\n")
	return nil
}
