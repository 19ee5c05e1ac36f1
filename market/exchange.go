package market

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/internal/invariant"
	"github.com/weir-project/weir/market/ledger"
)

// Exchange is the state machine. One goroutine owns it.
type Exchange struct {
	now    weir.Instant
	seq    uint64 // accepted commands
	events uint64 // events written
	fee    int    // basis points
	ledger *ledger.Ledger

	tenants   map[weir.TenantID]Tenant
	keys      map[weir.KeyID]Key
	byDigest  map[string]weir.KeyID
	providers map[weir.ProviderID]Provider
	signers   map[signerName]Signer
	offers    map[weir.OfferID]PostedOffer
	versions  map[uint64]PostedOffer // current ones and those that may still settle
	closed    []closedVersion        // in order of closing
	offerDue  weir.Instant           // earliest expiry among offers; 0: none
	holds     map[weir.ID]*Hold
	requests  map[weir.ID]weir.ID // request → its latest hold
	// settlements are those of captured holds, by hold; immutable, shared with readers.
	settlements map[weir.ID]*Settlement
	seen        map[weir.ID]answered
}

type signerName struct {
	role Role
	name string
}

type closedVersion struct {
	version uint64
	at      weir.Instant
}

// answered is what an accepted command got, for when it comes again.
type answered struct {
	kind   string
	digest [sha256.Size]byte
	result Result
}

// New returns an exchange with no one in it.
func New() *Exchange {
	x := &Exchange{
		ledger:      ledger.New(),
		tenants:     map[weir.TenantID]Tenant{},
		keys:        map[weir.KeyID]Key{},
		byDigest:    map[string]weir.KeyID{},
		providers:   map[weir.ProviderID]Provider{},
		signers:     map[signerName]Signer{},
		offers:      map[weir.OfferID]PostedOffer{},
		versions:    map[uint64]PostedOffer{},
		holds:       map[weir.ID]*Hold{},
		requests:    map[weir.ID]weir.ID{},
		settlements: map[weir.ID]*Settlement{},
		seen:        map[weir.ID]answered{},
	}
	for _, name := range []ledger.Account{Clearing, Fees, Rounding} {
		x.open(name, ledger.DebitsWithinCredits)
	}
	return x
}

// open opens an account whose name the exchange composed, so it cannot be refused.
func (x *Exchange) open(name ledger.Account, flags ledger.Flags) {
	err := x.ledger.Open(name, flags)
	invariant.Check(err == nil, "%v", err)
}

// Apply prepares and applies one command.
func (x *Exchange) Apply(cmd Command) (Result, []Event, error) {
	p, err := Prepare(cmd, nil)
	if err != nil {
		return Result{}, nil, err
	}
	return x.ApplyPrepared(&p)
}

// Recover applies a command as the journal kept it. It was checked before it was written, so
// its receipt is not verified again; weir ledger check does that, by DecodeCommand and Apply.
func (x *Exchange) Recover(record []byte) (Result, []Event, error) {
	p, err := recovered(record)
	if err != nil {
		return Result{}, nil, err
	}
	return x.ApplyPrepared(&p)
}

// ApplyPrepared applies one stamped command. An error, or a Result marked as a replay, means
// that nothing changed and that nothing may be journalled.
func (x *Exchange) ApplyPrepared(p *Prepared) (Result, []Event, error) {
	cmd := &p.cmd
	if cmd.Tick == nil {
		if old, ok := x.seen[cmd.ID]; ok {
			return x.again(p, old)
		}
	}
	if cmd.At < x.now {
		return Result{}, nil, fault.New(fault.Invalid, "%s command %s at %s is before the exchange's %s: time never runs backwards", p.kind, cmd.ID, cmd.At, x.now)
	}
	result, events, err := x.dispatch(p)
	if err != nil {
		return Result{}, nil, fault.New(fault.KindOf(err), "%s: %w", strings.ReplaceAll(p.kind, "_", " "), err)
	}
	if len(events) == 0 {
		result.Replay = true
		return result, nil, nil
	}
	x.now = cmd.At
	x.seq++
	result.Seq, result.At = x.seq, cmd.At
	for i := range events {
		x.events++
		events[i].Seq, events[i].At, events[i].Command = x.events, cmd.At, cmd.ID
	}
	if cmd.Tick == nil {
		x.seen[cmd.ID] = answered{p.kind, p.digest, result}
	}
	return result, events, nil
}

// again answers a command whose id was accepted before.
func (x *Exchange) again(p *Prepared, old answered) (Result, []Event, error) {
	if old.kind != p.kind {
		return Result{}, nil, fault.New(fault.Conflict, "command %s was accepted before as another kind: %s, not %s", p.cmd.ID, old.kind, p.kind)
	}
	if old.digest != p.digest {
		return Result{}, nil, fault.New(fault.Conflict, "%s command %s was accepted before with another body", p.kind, p.cmd.ID)
	}
	result := old.result
	result.Replay = true
	return result, nil, nil
}

// dispatch checks a command and, if it is right, does it. Every handler refuses before it
// changes anything; the ledger, which may refuse too, goes first among the changes.
func (x *Exchange) dispatch(p *Prepared) (Result, []Event, error) {
	cmd := &p.cmd
	switch {
	case cmd.Hold != nil:
		return x.hold(cmd.ID, cmd.At, *cmd.Hold)
	case cmd.Settle != nil:
		return x.settle(p)
	case cmd.Void != nil:
		return x.void(cmd.ID, cmd.At, *cmd.Void)
	case cmd.Refund != nil:
		return x.refund(cmd.ID, cmd.At, *cmd.Refund)
	case cmd.Tick != nil:
		return x.tick(cmd.At)
	case cmd.Deposit != nil:
		return x.deposit(cmd.ID, cmd.At, *cmd.Deposit)
	case cmd.Payout != nil:
		return x.payout(cmd.ID, cmd.At, *cmd.Payout)
	case cmd.OpenTenant != nil:
		return x.openTenant(cmd.At, *cmd.OpenTenant)
	case cmd.AddKey != nil:
		return x.addKey(cmd.At, *cmd.AddKey)
	case cmd.RevokeKey != nil:
		return x.revokeKey(cmd.At, *cmd.RevokeKey)
	case cmd.RegisterProvider != nil:
		return x.registerProvider(*cmd.RegisterProvider)
	case cmd.RegisterSigner != nil:
		return x.registerSigner(*cmd.RegisterSigner)
	case cmd.PostOffer != nil:
		return x.postOffer(cmd.At, cmd.PostOffer.Offer)
	case cmd.WithdrawOffer != nil:
		return x.withdrawOffer(cmd.At, *cmd.WithdrawOffer)
	case cmd.SetFee != nil:
		return x.setFee(*cmd.SetFee)
	}
	return Result{}, nil, unknownKind(*cmd)
}

// one is the usual outcome: a single event.
func one(e Event) []Event { return []Event{e} }

// booked adds what the ledger just did to an event.
func (x *Exchange) booked(e Event, entries []ledger.Entry) Event {
	// The ledger's entries never change, so readers may share them; Touched is a copy.
	e.Entries, e.Balances = entries, x.ledger.Touched()
	return e
}

// Now is the time of the latest accepted command.
func (x *Exchange) Now() weir.Instant { return x.now }

// Seq is the number of accepted commands, EventSeq that of events.
func (x *Exchange) Seq() uint64 { return x.seq }

// EventSeq is the number of the latest event.
func (x *Exchange) EventSeq() uint64 { return x.events }

// Ledger gives read access to the money.
func (x *Exchange) Ledger() *ledger.Ledger { return x.ledger }

// Hold returns a hold by its id.
func (x *Exchange) Hold(id weir.ID) (Hold, bool) {
	h, ok := x.holds[id]
	if !ok {
		return Hold{}, false
	}
	return *h, true
}

// Holds returns every hold there ever was, by id.
func (x *Exchange) Holds() []Hold {
	out := make([]Hold, 0, len(x.holds))
	for _, id := range slices.SortedFunc(maps.Keys(x.holds), compareIDs) {
		out = append(out, *x.holds[id])
	}
	return out
}

// Settlement returns what became of a captured hold.
func (x *Exchange) Settlement(hold weir.ID) (Settlement, bool) {
	s, ok := x.settlements[hold]
	if !ok {
		return Settlement{}, false
	}
	return *s, true
}

// Signer looks up a registered public key; it suits Prepare.
func (x *Exchange) Signer(role Role, name string) (Signer, bool) {
	s, ok := x.signers[signerName{role, name}]
	return s, ok
}

// NextDue is the earliest instant at which a Tick has something to do.
func (x *Exchange) NextDue() (weir.Instant, bool) {
	at, ok := x.ledger.NextExpiry()
	if x.offerDue != 0 && (!ok || x.offerDue < at) {
		return x.offerDue, true
	}
	return at, ok
}

// Snapshot copies the state for readers, each list in order of its ids.
func (x *Exchange) Snapshot() Snapshot {
	s := Snapshot{
		Seq: x.events, At: x.now, Fee: x.fee,
		Tenants:   sorted(x.tenants),
		Keys:      sorted(x.keys),
		Providers: sorted(x.providers),
		Offers:    sorted(x.offers),
		Signers:   slices.Collect(maps.Values(x.signers)),
		Holds:     []Hold{},
		Balances:  x.ledger.Balances(),
	}
	slices.SortFunc(s.Signers, func(a, b Signer) int {
		return strings.Compare(string(a.Role)+" "+a.Name, string(b.Role)+" "+b.Name)
	})
	for _, h := range x.holds {
		if h.State == HoldOpen {
			s.Holds = append(s.Holds, *h)
		}
	}
	slices.SortFunc(s.Holds, func(a, b Hold) int { return compareIDs(a.Hold, b.Hold) })
	return s
}

// sorted lists the values of m in order of its keys.
func sorted[K ~string, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

// checkName refuses names that could not be printed in one line or told apart.
func checkName(what, s string) error {
	if s == "" {
		return fault.New(fault.Invalid, "%s is empty", what)
	}
	if err := checkText(what, s); err != nil {
		return err
	}
	if strings.ContainsFunc(s, unicode.IsSpace) {
		return fault.New(fault.Invalid, "%s %q contains a space", what, s)
	}
	return nil
}

// checkText refuses texts that are long, not UTF-8 or hold control characters.
func checkText(what, s string) error {
	if len(s) > NameMax {
		return fault.New(fault.Invalid, "%s has %d bytes, at most %d are allowed", what, len(s), NameMax)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return fault.New(fault.Invalid, "%s %q: want printable UTF-8", what, s)
	}
	return nil
}
