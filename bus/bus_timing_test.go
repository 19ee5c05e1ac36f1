package bus

import (
	"testing"
)

// BenchmarkRequest is a round trip between two participants, in one process and over loopback.
func BenchmarkRequest(b *testing.B) {
	s, err := Start(Config{Listen: "127.0.0.1:0", Token: secret})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	inProcess := func(name string) *Conn {
		c, err := s.Conn(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		return c
	}
	if _, err := Serve(inProcess("centre"), "weir.centre.do", Limits{}, twice); err != nil {
		b.Fatal(err)
	}
	remote, err := Connect(b.Context(), ClientConfig{URL: s.URL(), Token: secret})
	if err != nil {
		b.Fatal(err)
	}
	defer remote.Close()
	for name, c := range map[string]*Conn{"in-process": inProcess("gateway"), "loopback": remote} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Request[question, answer](b.Context(), c, "weir.centre.do", question{1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
