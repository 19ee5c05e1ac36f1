package grammar

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

// waysMax bounds the ways to order keys that AcceptsValue follows side by side.
const waysMax = 32

// AcceptsValue reports whether the grammar can write a JSON value: compactly, numbers without
// exponents, and the keys of each object in the order that the grammar has for them, further
// keys in their order in the value.
func (g *Grammar) AcceptsValue(data []byte) (bool, error) {
	v, err := decode(data)
	if err != nil {
		return false, fault.New(fault.Invalid, "value is not JSON: %w", err)
	}
	for _, at := range g.write(g.sets.first, v) {
		if g.sets.list[at].final {
			return true, nil
		}
	}
	return false, nil
}

// Compact prints a JSON value as AcceptsValue does, with keys as they are.
func Compact(data []byte) ([]byte, error) {
	v, err := decode(data)
	if err != nil {
		return nil, fault.New(fault.Invalid, "value is not JSON: %w", err)
	}
	return appendValue(nil, v), nil
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, quote(m.key)...), ':')
			dst = appendValue(dst, m.value)
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, x)
		}
		return append(dst, ']')
	}
	return append(dst, scalar(v)...)
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case bool:
		if v {
			return "true"
		}
		return "false"
	case json.Number:
		if d, err := parseDecimal(v); err == nil {
			return d.String()
		}
		return v.String()
	}
	return "null"
}

// write is the sets after a value.
func (g *Grammar) write(at setID, v any) []setID {
	switch v := v.(type) {
	case object:
		return g.writeObject(at, v)
	case []any:
		ways := g.feed([]setID{at}, "[")
		for i, x := range v {
			if i > 0 {
				ways = g.feed(ways, ",")
			}
			ways = g.each(ways, x)
		}
		return g.feed(ways, "]")
	}
	return g.feed([]setID{at}, scalar(v))
}

func (g *Grammar) feed(ways []setID, text string) []setID {
	var out []setID
	for _, at := range ways {
		for i := 0; i < len(text) && at != nowhere; i++ {
			at = g.sets.step(at, text[i])
		}
		if at != nowhere && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

func (g *Grammar) each(ways []setID, v any) []setID {
	var out []setID
	for _, at := range ways {
		for _, to := range g.write(at, v) {
			if !slices.Contains(out, to) && len(out) < waysMax {
				out = append(out, to)
			}
		}
	}
	return out
}

// writeObject follows each order of keys that the grammar has at this place.
func (g *Grammar) writeObject(at setID, v object) []setID {
	var out []setID
	seen := map[string]bool{}
	for _, open := range g.feed([]setID{at}, "{") {
		orders := [][]string{nil}
		for _, c := range g.sets.list[open].configs {
			if keys, ok := g.orders[c.state]; ok {
				orders = append(orders, keys)
			}
		}
		for _, keys := range orders {
			sorted := arrange(v, keys)
			if name := strings.Join(sorted, "\x00"); seen[name] || len(seen) >= waysMax {
				continue
			} else {
				seen[name] = true
			}
			ways := []setID{open}
			for i, key := range sorted {
				if i > 0 {
					ways = g.feed(ways, ",")
				}
				value, _ := v.get(key)
				ways = g.each(g.feed(ways, quote(key)+":"), value)
			}
			for _, to := range g.feed(ways, "}") {
				if !slices.Contains(out, to) && len(out) < waysMax {
					out = append(out, to)
				}
			}
		}
	}
	return out
}

// arrange lists the keys of v: those of order first, as it has them.
func arrange(v object, order []string) []string {
	rank := make(map[string]int, len(order))
	for i, key := range order {
		rank[key] = i
	}
	keys := make([]string, 0, len(v))
	for _, m := range v {
		keys = append(keys, m.key)
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		i, first := rank[a]
		j, second := rank[b]
		switch {
		case first && second:
			return i - j
		case first:
			return -1
		case second:
			return 1
		}
		return 0
	})
	return keys
}
