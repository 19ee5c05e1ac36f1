package bus

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-project/weir/internal/fault"
)

func readAll(t *testing.T, s *Stream, from uint64) (seqs []uint64, values []question) {
	t.Helper()
	for r, err := range Read[question](t.Context(), s, from) {
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, r.Seq)
		values = append(values, r.Value)
	}
	return seqs, values
}

func TestStreamSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	config := StreamConfig{Name: "metering", Subjects: []string{"weir.meter.>"}, MaxBytes: 1 << 20}
	s := start(t, Config{JetStream: true, Dir: dir})
	c := inProcess(t, s, "centre")
	stream, err := c.Stream(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if first, last, err := stream.Bounds(t.Context()); err != nil || first != 1 || last != 0 {
		t.Errorf("empty stream: %d to %d, %v", first, last, err)
	}
	if seqs, _ := readAll(t, stream, 0); seqs != nil {
		t.Errorf("an empty stream yields %v", seqs)
	}
	for i := range 600 { // more than one fetch
		if seq, fresh, err := Append(t.Context(), stream, "weir.meter.n1", fmt.Sprint(i), question{i}); err != nil || !fresh || seq != uint64(i+1) {
			t.Fatalf("record %d: seq %d fresh %v: %v", i, seq, fresh, err)
		}
	}
	c.Close()
	s.Close()

	s = start(t, Config{JetStream: true, Dir: dir})
	c = inProcess(t, s, "centre")
	if stream, err = c.Stream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if seq, fresh, err := Append(t.Context(), stream, "weir.meter.n1", "17", question{17}); err != nil || fresh || seq != 18 {
		t.Errorf("a record sent again: seq %d fresh %v: %v", seq, fresh, err)
	}
	seqs, values := readAll(t, stream, 0)
	if len(seqs) != 600 {
		t.Fatalf("%d records, want 600", len(seqs))
	}
	for i := range seqs {
		if seqs[i] != uint64(i+1) || values[i].N != i {
			t.Fatalf("record %d: seq %d value %v", i, seqs[i], values[i])
		}
	}
	if seqs, _ := readAll(t, stream, 599); len(seqs) != 2 || seqs[0] != 599 {
		t.Errorf("from 599: %v", seqs)
	}
	if seqs, _ := readAll(t, stream, 700); seqs != nil {
		t.Errorf("beyond the end: %v", seqs)
	}
	n := 0
	for range Read[question](t.Context(), stream, 1) {
		if n++; n == 3 {
			break
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range Read[question](ended, stream, 1) {
		wantKind(t, err, fault.Unavailable, "canceled")
	}
	for _, err := range Read[string](t.Context(), stream, 5) {
		wantKind(t, err, fault.Internal, "decode record 5")
	}
}

func TestFullStreams(t *testing.T) {
	c := inProcess(t, start(t, Config{JetStream: true, Dir: t.TempDir()}), "centre")
	open := func(name string, dropOldest bool) *Stream {
		t.Helper()
		s, err := c.Stream(t.Context(), StreamConfig{
			Name: name, Subjects: []string{name}, MaxBytes: 10_000, DropOldest: dropOldest,
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	fill := func(s *Stream) error {
		for i := range 20 {
			if _, _, err := Append(t.Context(), s, s.name, fmt.Sprint(i), strings.Repeat("x", 1000)); err != nil {
				return err
			}
		}
		return nil
	}
	wantKind(t, fill(open("metering", false)), fault.NoCapacity, "maximum bytes")

	telemetry := open("telemetry", true)
	if err := fill(telemetry); err != nil {
		t.Fatal(err)
	}
	first, last, err := telemetry.Bounds(t.Context())
	if err != nil || first < 5 || last != 20 {
		t.Errorf("holds %d to %d: %v", first, last, err)
	}
	next := first
	for r, err := range Read[string](t.Context(), telemetry, 1) {
		if err != nil || r.Seq != next {
			t.Errorf("seq %d: %v, want %d", r.Seq, err, next)
		}
		next++
	}
	if next != 21 {
		t.Errorf("read up to %d, want 21", next)
	}
}

func TestStreamErrors(t *testing.T) {
	without := inProcess(t, start(t, Config{}), "c")
	_, err := without.Stream(t.Context(), StreamConfig{Name: "m", Subjects: []string{"m"}, MaxBytes: 1})
	wantKind(t, err, fault.Unavailable, "open stream m")

	c := inProcess(t, start(t, Config{JetStream: true, Dir: t.TempDir()}), "c")
	_, err = c.Stream(t.Context(), StreamConfig{Name: "m", Subjects: []string{"m"}})
	wantKind(t, err, fault.Invalid, "bound")
	_, err = c.Stream(t.Context(), StreamConfig{Name: "a.b", Subjects: []string{"m"}, MaxBytes: 1 << 20})
	wantKind(t, err, fault.Unavailable, "a.b")
	s, err := c.Stream(t.Context(), StreamConfig{Name: "m", Subjects: []string{"m"}, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Append(t.Context(), s, "elsewhere", "1", question{})
	wantKind(t, err, fault.Unavailable, "append to stream m")
	_, _, err = (&Stream{conn: c, name: "gone", js: s.js}).Bounds(t.Context())
	wantKind(t, err, fault.NotFound, "gone")
}
