package gateway

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/template"
	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/route"
	"github.com/weir-project/weir/models/intent"
)

// vocabBytesMax bounds a vocabulary file; the largest known ones have about 15 MB.
const vocabBytesMax = 128 << 20

// vocab is what the gateway needs of a model: how to render a conversation and count it.
type vocab struct {
	digest   string
	tokens   *token.Tokenizer
	chat     *template.Template // nil: the file has none, or chatErr says what is wrong with it
	chatErr  error
	bos, eos string
	guard    *guard

	wishes func() (*intent.Vocab, error) // for the bundled model alone
}

// parseVocab reads a GGUF file without tensors.
func parseVocab(data []byte) (*vocab, error) {
	file, err := gguf.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	v := &vocab{}
	if v.tokens, err = token.FromKV(file); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	if id := v.tokens.BOS(); id >= 0 {
		v.bos = v.tokens.Piece(id)
	}
	if id := v.tokens.EOS(); id >= 0 {
		v.eos = v.tokens.Piece(id)
	}
	if src, ok := file.String("tokenizer.chat_template"); ok {
		if v.chat, err = template.Parse(src); err != nil {
			v.chatErr = fault.New(fault.Internal, "chat template: %w", err)
		}
	}
	var controls []string
	for id := range int32(v.tokens.Len()) {
		if v.tokens.Type(id) == token.Control {
			controls = append(controls, v.tokens.Piece(id))
		}
	}
	v.guard = newGuard(controls)
	v.wishes = sync.OnceValues(func() (*intent.Vocab, error) { return intent.NewVocab(v.tokens) })
	return v, nil
}

// vocabs caches vocabularies by digest. A vocabulary that several requests lack is fetched
// once.
type vocabs struct {
	client *http.Client
	secret string
	max    int

	mu    sync.Mutex // guards the fields below
	known map[string]*list.Element
	order *list.List // of *vocabEntry, latest use first
}

type vocabEntry struct {
	digest string
	done   chan struct{} // closed when v or err is there
	v      *vocab
	err    error
}

func newVocabs(client *http.Client, secret string, limit int) *vocabs {
	return &vocabs{client: client, secret: secret, max: limit, known: map[string]*list.Element{}, order: list.New()}
}

// lookup returns the vocabulary with a digest, fetched from one of the nodes if need be.
func (c *vocabs) lookup(ctx context.Context, digest, model string, nodes []route.Node) (*vocab, error) {
	e, mine := c.entry(digest)
	if mine {
		// The fetch serves whoever waits, so it outlives the request that began it.
		go c.fill(context.WithoutCancel(ctx), e, model, nodes)
	}
	select {
	case <-e.done:
		return e.v, e.err
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "fetch the vocabulary of %s: %w", model, ctx.Err())
	}
}

// entry finds or makes the entry of a digest; mine says that the caller must fill it.
func (c *vocabs) entry(digest string) (e *vocabEntry, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.known[digest]; ok {
		c.order.MoveToFront(at)
		return at.Value.(*vocabEntry), false
	}
	e = &vocabEntry{digest: digest, done: make(chan struct{})}
	c.known[digest] = c.order.PushFront(e)
	if c.order.Len() > c.max {
		oldest := c.order.Remove(c.order.Back()).(*vocabEntry)
		delete(c.known, oldest.digest)
	}
	return e, true
}

// room reports whether a vocabulary is unknown and could be kept without another's loss.
func (c *vocabs) room(digest string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.known[digest]
	return !known && c.order.Len() < c.max
}

// fill fetches the vocabulary of an entry. One that cannot be had is forgotten, so that the
// next request tries again.
func (c *vocabs) fill(ctx context.Context, e *vocabEntry, model string, nodes []route.Node) {
	defer close(e.done)
	e.err = fault.New(fault.Unavailable, "no node serves the vocabulary of %s", model)
	for _, n := range nodes {
		if e.v, e.err = c.fetch(ctx, e.digest, model, n.URL); e.err == nil {
			e.v.digest = e.digest
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.known[e.digest]; ok && at.Value == e {
		c.order.Remove(at)
		delete(c.known, e.digest)
	}
}

func (c *vocabs) fetch(ctx context.Context, digest, model, base string) (*vocab, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+weir.PathVocab+url.PathEscape(model), nil)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "fetch the vocabulary of %s: %w", model, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.secret)
	resp, err := c.client.Do(r)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "fetch the vocabulary of %s: %w", model, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fault.New(fault.Unavailable, "fetch the vocabulary of %s: %w", model, nodeRefusal(resp))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, vocabBytesMax+1))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "fetch the vocabulary of %s: %w", model, err)
	}
	if len(data) > vocabBytesMax {
		return nil, fault.New(fault.Unavailable, "the vocabulary of %s has more than %d bytes", model, vocabBytesMax)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return nil, fault.New(fault.Unavailable, "the vocabulary of %s that a node serves has another digest than its card says", model)
	}
	v, err := parseVocab(data)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "model %s: %w", model, err)
	}
	return v, nil
}
