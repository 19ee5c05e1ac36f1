package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/weir-project/weir/internal/fault"
)

// Timing of streams.
const (
	dedupWindow = 2 * time.Minute
	fetchBatch  = 256
	fetchWait   = 2 * time.Second

	readerForgotten = time.Minute // by the server, should the reader die
)

// storeFailed is the code with which JetStream answers when a full stream refuses a record.
const storeFailed jetstream.ErrorCode = 10077

// StreamConfig describes a stream: records of some subjects, kept on disk in one sequence.
type StreamConfig struct {
	Name     string        // letters, digits, - and _
	Subjects []string      // what is recorded; wildcards allowed
	MaxBytes int64         // required: a stream without a bound fills the disk
	Dedup    time.Duration // a record whose id was seen within it is not stored again; default 2 minutes
	// DropOldest makes a full stream forget its first records, for telemetry. Otherwise it refuses new ones, for
	// what must not be lost, such as metering.
	DropOldest bool
}

// Stream is a bounded sequence of records on the bus.
type Stream struct {
	conn *Conn
	name string
	js   jetstream.JetStream
}

// Record is one entry of a stream. Sequence numbers start at 1 and have gaps only where records were dropped.
type Record[T any] struct {
	Seq   uint64
	Value T
}

// Stream opens the stream of that name and brings its settings to c, creating it if need be.
func (c *Conn) Stream(ctx context.Context, config StreamConfig) (*Stream, error) {
	if config.MaxBytes <= 0 {
		return nil, fault.New(fault.Invalid, "stream %s: MaxBytes is %d: every stream has a bound", config.Name, config.MaxBytes)
	}
	js, err := jetstream.New(c.nats)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "stream %s: %w", config.Name, err)
	}
	discard := jetstream.DiscardNew
	if config.DropOldest {
		discard = jetstream.DiscardOld
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: config.Name, Subjects: config.Subjects, MaxBytes: config.MaxBytes, Discard: discard,
		Duplicates: cmp.Or(config.Dedup, dedupWindow), Storage: jetstream.FileStorage,
	})
	if err != nil {
		return nil, streamError("open stream "+config.Name, err)
	}
	return &Stream{conn: c, name: config.Name, js: js}, nil
}

// Append records v under subject, one of the stream's, and returns its sequence number once it is stored. A record
// with an id that the stream has seen within its dedup window is not stored again; fresh is then false and seq is
// the first one's. A full stream refuses with fault.NoCapacity.
func Append[T any](ctx context.Context, s *Stream, subject, id string, v T) (seq uint64, fresh bool, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, false, fault.New(fault.Invalid, "append to stream %s: encode: %w", s.name, err)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	ack, err := s.js.Publish(ctx, subject, data, jetstream.WithMsgID(id), jetstream.WithExpectStream(s.name))
	if err != nil {
		return 0, false, streamError("append to stream "+s.name, err)
	}
	return ack.Sequence, !ack.Duplicate, nil
}

// Bounds are the sequence numbers of the first and last record that the stream still holds. An empty stream has
// first = last+1.
func (s *Stream) Bounds(ctx context.Context) (first, last uint64, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	stream, err := s.js.Stream(ctx, s.name)
	if err != nil {
		return 0, 0, streamError("look at stream "+s.name, err)
	}
	state := stream.CachedInfo().State
	return max(state.FirstSeq, 1), state.LastSeq, nil
}

// Read yields the records from sequence number from on, up to the one that was last when Read began, in order. An
// error ends it; the caller goes on with the number after the last record it got.
func Read[T any](ctx context.Context, s *Stream, from uint64) iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		first, last, err := s.Bounds(ctx)
		from := max(from, first)
		if err != nil || from > last {
			if err != nil {
				yield(Record[T]{}, err)
			}
			return
		}
		consumer, err := s.js.CreateConsumer(ctx, s.name, jetstream.ConsumerConfig{
			DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
			AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: readerForgotten,
		})
		if err != nil {
			yield(Record[T]{}, streamError("read stream "+s.name, err))
			return
		}
		defer s.forget(ctx, consumer)
		for seq := from; seq <= last; {
			next, err := readBatch(ctx, s, consumer, seq, last, yield)
			if err != nil {
				yield(Record[T]{}, err)
				return
			}
			if next == 0 {
				return
			}
			seq = next
		}
	}
}

// forget ends a reader on the server; should this fail, the server forgets it by itself.
func (s *Stream) forget(ctx context.Context, consumer jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := s.js.DeleteConsumer(ctx, s.name, consumer.CachedInfo().Name); err != nil {
		s.conn.log.Debug("a stream's reader was left to the server", "stream", s.name, "err", err)
	}
}

// readBatch yields what one fetch brings and returns the next sequence number, 0 if the reader has had enough.
func readBatch[T any](
	ctx context.Context, s *Stream, consumer jetstream.Consumer, seq, last uint64, yield func(Record[T], error) bool,
) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fault.New(fault.Unavailable, "read stream %s at %d: %w", s.name, seq, err)
	}
	batch, err := consumer.Fetch(int(min(fetchBatch, last-seq+1)), jetstream.FetchMaxWait(fetchWait))
	if err != nil {
		return 0, streamError(fmt.Sprintf("read stream %s at %d", s.name, seq), err)
	}
	got := 0
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return 0, streamError(fmt.Sprintf("read stream %s at %d", s.name, seq), err)
		}
		r := Record[T]{Seq: meta.Sequence.Stream}
		if r.Seq > last {
			return r.Seq, nil
		}
		if err := json.Unmarshal(msg.Data(), &r.Value); err != nil {
			return 0, fault.New(fault.Internal, "stream %s: decode record %d: %w", s.name, r.Seq, err)
		}
		got++
		seq = r.Seq + 1
		if !yield(r, nil) {
			return 0, nil
		}
	}
	if err := batch.Error(); err != nil {
		return 0, streamError(fmt.Sprintf("read stream %s at %d", s.name, seq), err)
	}
	if got == 0 {
		return 0, fault.New(fault.Unavailable, "read stream %s at %d: nothing came within %s", s.name, seq, fetchWait)
	}
	return seq, nil
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, RequestTimeout)
}

func streamError(what string, err error) error {
	kind := fault.Unavailable
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch {
		case api.ErrorCode == storeFailed:
			kind = fault.NoCapacity
		case api.Code == 404:
			kind = fault.NotFound
		case api.Code == 400:
			kind = fault.Invalid
		}
	}
	return fault.New(kind, "%s: %w", what, err)
}
