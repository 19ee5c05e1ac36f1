package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/meter"
	"github.com/weir-project/weir/market/receipt"
)

func receiptVerifyCommand() *command {
	return &command{
		name: "verify", args: "FILE|ID", summary: "check a receipt's form, arithmetic and signatures", min: 1, max: 1,
		long: `With both keys it needs nothing but the file; "-" reads standard input. Otherwise the keys come from the
data directory's books, and the receipt must be one that they settled. The last line counts the checks;
the exit code is 1 if one failed.`,
		examples: []string{
			"weir receipt verify receipt.json --node-key HEX --gateway-key HEX     # weir receipt keys shows them",
			"weir receipt verify 35b0c13cea5150d04de43e398a3e71db",
		},
		setup: func(f *flag.FlagSet) runFunc {
			var v verifier
			v.books.declare(f)
			f.StringVar(&v.nodeKey, "node-key", "", "public key of the node; 64 hexadecimal `digits`")
			f.StringVar(&v.gatewayKey, "gateway-key", "", "public key of the gateway; 64 hexadecimal `digits`")
			return v.run
		},
	}
}

// verifier checks one receipt.
type verifier struct {
	books               booksFlags
	nodeKey, gatewayKey string

	node, gateway ed25519.PublicKey
	settled       *readmodel.Receipt // as the books have it, nil if they do not
	asked         bool               // whether books were asked
	rows          []finding
	problems      []string
}

func (v *verifier) run(ctx context.Context, e env, args []string) error {
	file, err := v.file(ctx, e, args[0])
	if err != nil {
		return err
	}
	r, st, err := openLoosely(file)
	if err != nil {
		return fault.New(fault.Invalid, "%s is no receipt: %w", args[0], err)
	}
	if err := v.keys(ctx, r, st); err != nil {
		return err
	}
	v.check(file, r, st)
	if v.books.json {
		if err := v.printJSON(e.out, r); err != nil {
			return err
		}
		return judged(len(v.problems) == 0)
	}
	if err := printFindings(e.out, v.rows, v.problems); err != nil {
		return err
	}
	return conclude(e, v.rows)
}

// file returns the bytes of the receipt that arg names: 32 digits are an id, unless a file has
// that name.
func (v *verifier) file(ctx context.Context, e env, arg string) ([]byte, error) {
	if arg == "-" {
		return readReceipt(e.in)
	}
	f, err := os.Open(arg)
	if _, iderr := weir.ParseID(strings.TrimPrefix(arg, "chatcmpl-")); errors.Is(err, fs.ErrNotExist) && iderr == nil {
		r, err := v.books.receipt(ctx, arg)
		if err != nil {
			return nil, err
		}
		return r.Document.Encode()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "%s is neither a file nor the id of a receipt (32 hexadecimal digits)", arg)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readReceipt(f)
}

// readReceipt reads a file that is at most a receipt and a line end.
func readReceipt(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, receipt.SizeMax+3))
	if err != nil {
		return nil, fmt.Errorf("read receipt: %w", err)
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

// openLoosely reads a receipt without judging it, so that each check can speak for itself.
func openLoosely(file []byte) (r receipt.Receipt, st receipt.Statement, err error) {
	if len(file) > receipt.SizeMax {
		return r, st, fmt.Errorf("it has more than %d bytes", receipt.SizeMax)
	}
	if err := json.Unmarshal(file, &r); err != nil {
		return r, st, err
	}
	if len(r.Statement) == 0 || len(r.Signature) == 0 {
		return r, st, errors.New("it lacks a statement or a signature")
	}
	return r, st, json.Unmarshal(r.Statement, &st)
}

// keys finds the public keys: on the command line, else in the books.
func (v *verifier) keys(ctx context.Context, r receipt.Receipt, st receipt.Statement) error {
	for _, k := range []struct {
		flag, text string
		key        *ed25519.PublicKey
	}{{"--node-key", v.nodeKey, &v.node}, {"--gateway-key", v.gatewayKey, &v.gateway}} {
		if k.text == "" {
			continue
		}
		b, err := hex.DecodeString(k.text)
		if err != nil || len(b) != ed25519.PublicKeySize {
			return usagef("%s: want %d hexadecimal digits, got %q", k.flag, 2*ed25519.PublicKeySize, k.text)
		}
		*k.key = b
	}
	if v.gateway != nil && (v.node != nil || st.Claim == nil) {
		return nil
	}
	m, err := v.books.model(ctx)
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "no keys to verify with: give --node-key and --gateway-key, or --data with the exchange's data directory")
	}
	if err != nil {
		return err
	}
	err = v.look(ctx, m, r, st)
	return errors.Join(err, m.Close())
}

// look finds in the books what the command line did not say.
func (v *verifier) look(ctx context.Context, m *readmodel.Model, r receipt.Receipt, st receipt.Statement) error {
	v.asked = true
	signers, err := m.Signers(ctx)
	if err != nil {
		return err
	}
	find := func(role market.Role, name string, key *ed25519.PublicKey) {
		i := slices.IndexFunc(signers, func(s market.Signer) bool { return s.Role == role && s.Name == name })
		if *key == nil && i >= 0 {
			*key = signers[i].Key
		}
	}
	find(market.RoleNode, string(st.Node), &v.node)
	find(market.RoleGateway, st.Gateway, &v.gateway)
	settled, err := m.Receipt(ctx, r.ID())
	switch {
	case err == nil:
		v.settled = &settled
	case fault.KindOf(err) != fault.NotFound:
		return err
	}
	return nil
}

// check makes every check, also after one has failed.
func (v *verifier) check(file []byte, r receipt.Receipt, st receipt.Statement) {
	_, err := receipt.Decode(file)
	v.row("form: canonical, complete, consistent", fmt.Sprintf("%d bytes, id %s", len(file), r.ID()), err)

	v.row("charge follows from usage and prices", fmt.Sprintf("%s, charged %s", dollars(st.Charge), st.Amount), checkCharge(st))

	err = nil
	if st.Transfers != receipt.TransfersOf(st.Hold) {
		err = fmt.Errorf("its transfers are not those of hold %s", st.Hold)
	}
	v.row("ledger entries follow from the hold", "hold "+st.Hold.String(), err)

	alone := st
	alone.Claim = nil // so that only the gateway's signature is looked at
	v.row("signature of the gateway", st.Gateway+" "+keyText(v.gateway), r.VerifyOpened(alone, nil, v.gateway))
	if st.Claim == nil {
		v.rows = append(v.rows, finding{"signature of the node", notDone, "the receipt carries no claim: it " + string(st.End)})
	} else {
		_, err := receipt.VerifyClaim(*st.Claim, v.node)
		v.row("signature of the node", string(st.Node)+" "+keyText(v.node), err)
		v.row("the node's claim is about this request", counted(st), checkClaim(st))
	}
	if v.asked {
		v.row("the books settled it", v.booked(), v.checkBooks(r, st))
	}
}

func (v *verifier) row(name, detail string, err error) {
	if err == nil {
		v.rows = append(v.rows, finding{name, passed, detail})
		return
	}
	v.rows = append(v.rows, finding{name, failed, ""})
	v.problems = append(v.problems, name+": "+err.Error())
}

func keyText(k ed25519.PublicKey) string {
	if k == nil {
		return "of an unknown key"
	}
	return hex.EncodeToString(k)
}

func checkCharge(st receipt.Statement) error {
	if err := errors.Join(meter.Check(st.Usage), st.Prices.Check()); err != nil {
		return err
	}
	charge := meter.Charge(st.Usage, st.Prices)
	if st.Charge != charge || st.Amount != charge.Nano() {
		return fmt.Errorf("usage and prices give %s, charged %s; it states %s, charged %s", dollars(charge), charge.Nano(), dollars(st.Charge), st.Amount)
	}
	return nil
}

// checkClaim compares what the node signed with what the gateway signed.
func checkClaim(st receipt.Statement) error {
	c, err := receipt.OpenClaim(*st.Claim)
	switch {
	case err != nil:
		return err
	case c.Request != st.Request || c.Hold != st.Hold:
		return fmt.Errorf("the claim is about request %s under hold %s", c.Request, c.Hold)
	case c.Node != st.Node || c.Model != st.Model || c.Digest != st.Digest:
		return fmt.Errorf("the claim is of node %s about model %s %s", c.Node, c.Model, c.Digest)
	case st.Disputed != (c.Usage != st.Usage):
		return fmt.Errorf("the claim counts %d tokens, the gateway %d, and the receipt's disputed is %t", c.Usage.Total(), st.Usage.Total(), st.Disputed)
	}
	return nil
}

func (v *verifier) booked() string {
	if v.settled == nil {
		return ""
	}
	return fmt.Sprintf("%s UTC, event %d", clock(v.settled.At), v.settled.Seq)
}

// checkBooks compares the receipt with what the exchange settled.
func (v *verifier) checkBooks(r receipt.Receipt, st receipt.Statement) error {
	switch s := v.settled; {
	case s == nil:
		return fmt.Errorf("the books in %s have no receipt %s", v.books.data, r.ID())
	case !bytes.Equal(s.Document.Statement, r.Statement) || !bytes.Equal(s.Document.Signature, r.Signature):
		return errors.New("the books have this receipt with other bytes")
	case s.Hold != st.Hold || s.Split.Charge != st.Amount:
		return fmt.Errorf("the books charged %s under hold %s", s.Split.Charge, s.Hold)
	}
	return nil
}

// printJSON prints the checks as one document.
func (v *verifier) printJSON(w io.Writer, r receipt.Receipt) error {
	type row struct {
		Check  string `json:"check"`
		Result string `json:"result"`
		Detail string `json:"detail,omitempty"`
	}
	rows := make([]row, len(v.rows))
	for i, x := range v.rows {
		rows[i] = row{x.name, x.result, x.detail}
	}
	return printJSON(w, map[string]any{"receipt": r.ID(), "valid": len(v.problems) == 0, "checks": rows, "problems": v.problems})
}
