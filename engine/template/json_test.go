package template

import (
	"testing"

	"github.com/weir-project/weir/internal/fault"
)

func TestDecodeJSON(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		v, err := DecodeJSON([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			return
		}
		if got := newInterp(nil, Options{}).repr(v); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	f(` {"b" : 1 , "a":[ true,false ,null ] } `, `{'b': 1, 'a': [True, False, None]}`)
	f(`{"a":1,"b":2,"a":3}`, `{'a': 3, 'b': 2}`)
	f(`[0,-0,1.0,-1e3,1E+2,0.1,1e-7,1e999,-1e999,9223372036854775808,-9223372036854775808]`,
		`[0, 0, 1.0, -1000.0, 100.0, 0.1, 1e-07, inf, -inf, 9223372036854775808, -9223372036854775808]`)
	f(`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83dx\ude00\ud83d\u0041"`, `'"\\/\x08\x0c\n\r\té😀�x��A'`)
	f("\"a\xffb\"", `'a�b'`)
	f(`[[],{},""]`, `[[], {}, '']`)
	f("\"\u2028\u007f\"", `'\u2028\x7f'`)
}

func TestDecodeJSONRefuses(t *testing.T) {
	deep := make([]byte, maxJSONDepth+1)
	long := make([]byte, maxDigits+1)
	for i := range deep {
		deep[i] = '['
	}
	for i := range long {
		long[i] = '7'
	}
	for _, bad := range []string{
		"", " ", "nul", "tru e", "[1,]", "[1", "[1 2]", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{1:2}`, `"a`, `"\x"`,
		`"\u12"`, `"\u12g4"`, "\"\n\"", `"\`, "01", "-", "1.", ".5", "1e", "1e+", "+1", "NaN", "1 2", "[1]]", "'a'",
		string(deep), string(long),
	} {
		if v, err := DecodeJSON([]byte(bad)); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%.40q: got %v, %v; want a refusal", bad, v, err)
		}
	}
}
