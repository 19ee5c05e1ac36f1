package template

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir/internal/fault"
)

// check renders src over JSON variables.
func check(t *testing.T, src, vars, want string) {
	t.Helper()
	got, err := renderText(src, decodeMap(t, []byte(vars)))
	if err != nil {
		t.Errorf("%s: %v, want %q", src, err, want)
	} else if got != want {
		t.Errorf("%s: got %q, want %q", src, got, want)
	}
}

// TestBeyondReference covers what the reference's sandbox forbids and other engines allow.
func TestBeyondReference(t *testing.T) {
	f := func(src, want string) { t.Helper(); check(t, src, `{"l":[1,2],"d":{"a":1}}`, want) }
	f("{% set _ = l.append(3) %}{{ l }}", "[1, 2, 3]")
	f("{% set _ = l.extend('ab') %}{{ l }}", "[1, 2, 'a', 'b']")
	f("{% set _ = l.insert(0, 0) %}{{ l }}", "[0, 1, 2]")
	f("{{ l.pop() }}{{ l }}{{ l.pop(0) }}{{ l }}", "2[1]1[]")
	f("{% set _ = l.reverse() %}{{ l }}{% set _ = l.clear() %}{{ l }}", "[2, 1][]")
	f("{{ d.pop('a') }}{{ d }}{{ d.pop('a', 5) }}", "1{}5")
	f("{% set _ = d.update({'b': 2, 'a': 0}) %}{{ d }}", "{'a': 0, 'b': 2}")
	f("{{ d.setdefault('a', 5) }}{{ d.setdefault('b', 6) }}{{ d }}", "16{'a': 1, 'b': 6}")
	f("{% for x in l %}{% if l | length < 5 %}{% set _ = l.append(x * 10) %}{% endif %}{{ x }},{% endfor %}", "1,2,10,20,100,")
}

func TestMapKeepsOrder(t *testing.T) {
	var m Map
	for _, k := range strings.Split("zyxwvutsrqponm", "") {
		m.Set(k, k)
	}
	m.Set("t", int64(1))
	m.remove(m.find("y"))
	var keys []string
	for k, v := range m.All() {
		s, _ := k.(string)
		keys = append(keys, s)
		if got, ok := m.Lookup(s); !ok || got != v {
			t.Errorf("Lookup(%q) = %v, %v; want %v", s, got, ok, v)
		}
	}
	if got := strings.Join(keys, ""); got != "zxwvutsrqponm" || m.Len() != len(got) {
		t.Errorf("keys in order %q", got)
	}
	if v, _ := m.Lookup("t"); v != int64(1) {
		t.Errorf("t = %v after it was set again", v)
	}
	if _, ok := m.Lookup("y"); ok {
		t.Error("y is still there")
	}
}

func TestErrors(t *testing.T) {
	parse := func(src, want string) {
		t.Helper()
		_, err := Parse(src)
		if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Error() != want || fault.KindOf(err) != fault.Invalid {
			t.Errorf("Parse(%q): %v, want %s", src, err, want)
		}
	}
	parse("a\n{% if x %}\nb", "template line 3: end of template inside if, expected elif or else or endif")
	parse("a\n{{ 'b }}", "template line 2: string without an end")
	parse("{% for x in y %}{% endif %}", "template line 1: unknown tag 'endif'; the innermost open block is for")
	parse("{{ a ? b }}", "template line 1: unexpected character '?'")
	parse("{% include 'x' %}", "template line 1: tag 'include' is not supported")
	parse("{{ f(a=1, a=2) }}", "template line 1: argument 'a' twice")
	parse("{{ [1, 2 }}", "template line 1: unexpected '}', expected ']'")
	parse("{{ "+strings.Repeat("(", 1000), "template line 1: nested deeper than 250 levels")
	parse(strings.Repeat("x", maxSource+1), "template line 1: source of 262145 bytes, limit 262144")

	_, err := renderText("{% macro m(x) %}\n{{ x.a.b }}\n{% endmacro %}\n\n{{ m({}) }}", nil)
	if e, ok := errors.AsType[*RuntimeError](err); !ok || e.Line != 2 || e.Message != "'dict object' has no attribute 'a'" {
		t.Errorf("got %v", err)
	}
	_, err = renderText("\n{% if not messages %}{{ raise_exception('No messages: ' ~ n) }}{% endif %}", decodeMap(t, []byte(`{"n":0}`)))
	e, ok := errors.AsType[*RaisedError](err)
	if !ok || e.Line != 2 || e.Message != "No messages: 0" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

// TestLimits renders templates that would go on for very long or fill memory.
func TestLimits(t *testing.T) {
	const steps, bytes, depth = "steps", "bytes", "depth"
	f := func(what, src string) {
		t.Helper()
		tmpl, err := Parse(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			return
		}
		_, err = tmpl.Render(nil, Options{MaxSteps: 1_000_000, MaxBytes: 8 << 20})
		if e, ok := errors.AsType[*LimitError](err); !ok || !strings.Contains(what, e.What) {
			t.Errorf("%s: %v, want more than the limit of %s", src, err, what)
		}
	}
	const loop = "{% for i in range(100000) %}"
	f(steps, loop+loop+"{% endfor %}{% endfor %}")
	f(bytes, loop+"{{ 'x' * 1000 }}{% endfor %}")
	f(bytes, "{{ 'x' * 10 ** 12 }}")
	f(bytes, "{{ [0] * 10 ** 12 }}")
	f(bytes, "{{ 'x'.center(10 ** 9) }}{{ 'x'.ljust(10 ** 9) }}")
	f(bytes, "{{ '\t'.expandtabs(10 ** 9) }}")
	f(bytes, "{{ 'x' | center(10 ** 9) }}")
	f(bytes, "{{ 'x' | indent(10 ** 9) }}")
	f(bytes, "{{ [1] | tojson(indent=10 ** 9) }}")
	f(bytes, "{{ [1] | batch(10 ** 9, 0) | list }}")
	f(steps+bytes, "{{ [1] | slice(10 ** 9) | list }}")
	f(bytes, "{{ ('a' * 4000000).replace('', 'bbbb') }}")
	f(bytes, "{{ ('a' * 4000000).split('a') }}")
	f(bytes, "{{ ('a' * 4000000) | replace('a', 'bbb') }}")
	f(bytes, "{% set ns = namespace(s='x') %}"+loop+"{% set ns.s = ns.s ~ ns.s %}{% endfor %}")
	f(bytes, "{% set ns = namespace(s='x') %}"+loop+"{% set ns.s = ns.s + ns.s %}{% endfor %}")
	f(bytes, "{% set ns = namespace(l=[1]) %}"+loop+"{% set ns.l = ns.l + ns.l %}{% endfor %}")
	f(steps, "{% set l = [1] %}{% for x in l %}{% set _ = l.append(x) %}{% endfor %}")
	f(depth, "{% set ns = namespace(l=[1]) %}"+loop+"{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}")
	twice := "{% set ns = namespace(l=[1], m=[1], t=(1,)) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}" +
		"{% set ns.m = [ns.m, ns.m] %}{% set ns.t = (ns.t, ns.t) %}{% endfor %}"
	f(bytes, twice+"{{ ns.l }}")
	f(bytes+steps, twice+"{{ ns.l | tojson }}")
	f(steps, twice+"{{ ns.l == ns.m }}")
	f(steps, twice+"{{ ns.l < ns.m }}")
	f(bytes, twice+"{{ {ns.t: 1} }}")
	f(depth, "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")
	f(depth, "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}")
	f(depth, "{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}")
	f(depth, "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}")
	f(depth, "{{ x"+strings.Repeat("|default(1)", 20000)+" }}")
	f(steps+bytes, "{% set ns = namespace(f=1) %}"+loop+"{% set ns.f = ns.f * 7 % 10 ** 4000 %}{% endfor %}")
}

// TestLongChains makes sure that what is long without being deep costs no depth.
func TestLongChains(t *testing.T) {
	check(t, "{{ 0"+strings.Repeat(" + 1", 20000)+" }}", `{}`, "20000")
	check(t, "{{ ''"+strings.Repeat(" ~ 'a'", 9)+strings.Repeat(" + 'b'", 3)+" }}", `{}`, "aaaaaaaaabbb")
	check(t, "{{ x"+strings.Repeat(" or x", 20000)+" }}", `{"x":0}`, "0")
	check(t, "{% if x %}"+strings.Repeat("{% elif x %}", 20000)+"{% else %}a{% endif %}", `{"x":0}`, "a")
}

func TestIntegerLimits(t *testing.T) {
	f := func(src, kind string) {
		t.Helper()
		_, err := renderText(src, nil)
		if e, ok := errors.AsType[*RuntimeError](err); !ok || e.Kind != kind {
			t.Errorf("%s: %v, want %s", src, err, kind)
		}
	}
	f("{{ 10 ** (10 ** 10) }}", overflowError)
	f("{{ (2 ** 60000) * (2 ** 60000) }}", overflowError)
	f("{{ 2 ** 60000 }}", valueError) // like Python, which prints no more than 4300 digits
	f("{{ 2 ** 60000 / 3 }}", overflowError)
	check(t, "{{ 2 ** 60000 > 1 }}{{ (2 ** 60000) % 10 }}{{ 1 ** 10 ** 30 }}{{ (-1) ** (10 ** 30 + 1) }}", `{}`, "True61-1")
}

func TestStrftime(t *testing.T) {
	at := time.Date(2024, 2, 29, 0, 5, 9, 123456789, time.UTC)
	f := func(format, want string) {
		t.Helper()
		tmpl, err := Parse("{{ strftime_now(f) }}")
		if err != nil {
			t.Fatal(err)
		}
		vars := &Map{}
		vars.Set("f", format)
		if got, err := tmpl.Render(vars, Options{Now: at}); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", format, got, err, want)
		}
	}
	f("%d %B %Y, %a", "29 February 2024, Thu")
	f("%H:%M:%S.%f %I %l %p %P", "00:05:09.123456 12 12 AM am")
	f("%j %U %W %V %G %u %w", "060 08 09 09 2024 4 4")
	f("%-d/%-m/%y %e %k %_m %C %g", "29/2/24 29  0  2 20 24")
	f("100% %% %Q %é%", "100% % %Q %é%")
}
