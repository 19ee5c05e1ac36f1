package market

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/receipt"
)

// CommandMax bounds an encoded command in bytes.
const CommandMax = 16 << 10

// codecVersion is the first byte of an encoded command. Then come eight bytes of time, big
// endian, and the command as JSON without its time: so the body can be encoded before the
// exchange stamps it, and a replayed body has the same digest whenever it arrives.
const (
	codecVersion = 1
	codecHeader  = 1 + 8
)

// Prepared is a command ready for Apply: encoded, its receipt decoded and, if keys were at
// hand, its signatures checked. Preparing is the costly and stateless part of a command, so
// many goroutines can do it while one owns the Exchange.
type Prepared struct {
	cmd       Command
	kind      string
	body      []byte
	digest    [sha256.Size]byte
	statement receipt.Statement
	receipt   weir.ID
	// node and gateway are the keys against which the receipt's signatures were verified.
	node, gateway ed25519.PublicKey
	trusted       bool // from the journal: verified before it was written there
}

// Prepare checks the form of a command and encodes it. keys, if not nil, looks up registered
// signers: a receipt is then verified here, and Apply only makes sure that the same keys are
// still registered. Otherwise Apply verifies it.
func Prepare(cmd Command, keys func(Role, string) (Signer, bool)) (Prepared, error) {
	p := Prepared{cmd: cmd, kind: cmd.Kind()}
	if p.kind == "" {
		return p, unknownKind(cmd)
	}
	if cmd.ID.IsZero() && cmd.Tick == nil {
		return p, fault.New(fault.Invalid, "%s command without an id: it is the idempotency key", p.kind)
	}
	bare := cmd
	bare.At = 0
	body, err := json.Marshal(bare)
	if err != nil {
		return p, fault.New(fault.Invalid, "encode %s command %s: %w", p.kind, cmd.ID, err)
	}
	if len(body) > CommandMax {
		return p, fault.New(fault.Invalid, "%s command %s of %d bytes: at most %d are allowed", p.kind, cmd.ID, len(body), CommandMax)
	}
	p.body, p.digest = body, sha256.Sum256(body)
	if cmd.Settle == nil {
		return p, nil
	}
	if p.statement, err = cmd.Settle.Receipt.Open(); err != nil {
		return p, err
	}
	p.receipt = cmd.Settle.Receipt.ID()
	if keys == nil {
		return p, nil
	}
	gateway, known := keys(RoleGateway, p.statement.Gateway)
	node, alsoKnown := keys(RoleNode, string(p.statement.Node))
	if !known || !alsoKnown {
		return p, nil // Apply says who is unknown, unless it knows better by then
	}
	if err := cmd.Settle.Receipt.VerifyOpened(p.statement, node.Key, gateway.Key); err != nil {
		return p, err
	}
	p.node, p.gateway = node.Key, gateway.Key
	return p, nil
}

// Stamp sets the exchange's time.
func (p *Prepared) Stamp(at weir.Instant) { p.cmd.At = at }

// Command returns the command, stamped or not.
func (p *Prepared) Command() Command { return p.cmd }

// Append encodes the stamped command after dst: what the journal keeps.
func (p *Prepared) Append(dst []byte) []byte {
	dst = append(dst, codecVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.cmd.At))
	return append(dst, p.body...)
}

// EncodeCommand encodes a command as the journal keeps it.
func EncodeCommand(cmd Command) ([]byte, error) {
	p, err := Prepare(cmd, nil)
	if err != nil {
		return nil, err
	}
	return p.Append(nil), nil
}

// recovered reads a record of the journal. What was checked before it was written there (form,
// arithmetic, signatures) is not checked again: the journal proves that its bytes are the same.
func recovered(b []byte) (Prepared, error) {
	if len(b) < codecHeader || b[0] != codecVersion {
		return decodePrepared(b) // says what is wrong
	}
	body := b[codecHeader:]
	cmd, err := decodeBody(body)
	if err != nil {
		return Prepared{}, fault.New(fault.Invalid, "decode command: %w", err)
	}
	p := Prepared{cmd: cmd, kind: cmd.Kind(), digest: sha256.Sum256(body), trusted: true}
	p.Stamp(weir.Instant(binary.BigEndian.Uint64(b[1:])))
	if cmd.Settle == nil {
		return p, nil
	}
	p.receipt = cmd.Settle.Receipt.ID()
	p.statement, err = cmd.Settle.Receipt.Peek()
	return p, err
}

// DecodeCommand reads what EncodeCommand wrote. Unknown versions, unknown fields, trailing
// bytes and bodies in another than the written form are Invalid.
func DecodeCommand(b []byte) (Command, error) {
	p, err := decodePrepared(b)
	return p.cmd, err
}

func decodePrepared(b []byte) (Prepared, error) {
	if len(b) < codecHeader {
		return Prepared{}, fault.New(fault.Invalid, "decode command: %d bytes, want at least %d", len(b), codecHeader)
	}
	if b[0] != codecVersion {
		return Prepared{}, fault.New(fault.Invalid, "decode command: format version %d, this reader knows %d", b[0], codecVersion)
	}
	body := b[codecHeader:]
	if len(body) > CommandMax {
		return Prepared{}, fault.New(fault.Invalid, "decode command: body of %d bytes, at most %d are allowed", len(body), CommandMax)
	}
	cmd, err := decodeBody(body)
	if err != nil {
		return Prepared{}, fault.New(fault.Invalid, "decode command: %w", err)
	}
	p, err := Prepare(cmd, nil)
	if err != nil {
		return Prepared{}, fmt.Errorf("decode command: %w", err)
	}
	if !bytes.Equal(p.body, body) {
		return Prepared{}, fault.New(fault.Invalid, "decode command %s: the body is not in canonical form", cmd.ID)
	}
	p.Stamp(weir.Instant(binary.BigEndian.Uint64(b[1:])))
	return p, nil
}

func decodeBody(body []byte) (Command, error) {
	var cmd Command
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&cmd); err != nil {
		return Command{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Command{}, errors.New("trailing bytes after the body")
	}
	if cmd.At != 0 {
		return Command{}, errors.New("the body has a time of its own")
	}
	return cmd, nil
}
