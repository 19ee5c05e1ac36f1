package gateway

import (
	"net/http"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/gateway/openai"
)

// streamSink sends each piece of text at once, as server-sent events. Nothing is written, not
// even the status, before there is content: until then a failure has a status of its own.
type streamSink struct {
	w       http.ResponseWriter
	control *http.ResponseController
	wait    time.Duration // for the client to take what is flushed
	chunks  *openai.Chunks
	prefix  string // comes before the first text
	buffer  []byte
	started bool
}

func (s *streamSink) content(text string, tokens []weir.TokenLogprob) error {
	s.start()
	s.buffer = s.chunks.Content(s.buffer, text, tokens)
	return nil
}

// start writes the head of the answer.
func (s *streamSink) start() {
	if s.started {
		return
	}
	s.started = true
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // or a proxy would hold the tokens back
	s.w.WriteHeader(http.StatusOK)
	s.buffer = s.chunks.Role(s.buffer)
	if s.prefix != "" {
		s.buffer = s.chunks.Content(s.buffer, s.prefix, nil)
	}
}

func (s *streamSink) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	// A writer without deadlines is a test's; the flush itself still reports a lost client.
	_ = s.control.SetWriteDeadline(time.Now().Add(s.wait))
	_, err := s.w.Write(s.buffer)
	s.buffer = s.buffer[:0]
	if err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *streamSink) begun() bool { return s.started }

func (s *streamSink) reset() { s.buffer = s.buffer[:0] }

// wholeSink keeps the answer until it is complete. Its size is bounded by the tokens asked for.
type wholeSink struct {
	text   strings.Builder
	tokens []weir.TokenLogprob
}

func (s *wholeSink) content(text string, tokens []weir.TokenLogprob) error {
	s.text.WriteString(text)
	s.tokens = append(s.tokens, tokens...)
	return nil
}

func (s *wholeSink) flush() error { return nil }

func (s *wholeSink) begun() bool { return false }

func (s *wholeSink) reset() {
	s.text.Reset()
	s.tokens = nil
}
