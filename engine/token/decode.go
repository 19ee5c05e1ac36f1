package token

import (
	"strings"
	"unicode/utf8"
)

// Bytes is what the token stands for in text; it may be part of a character only. A control token stands for its own
// text, an unused one or an id out of range for nothing.
func (t *Tokenizer) Bytes(id int32) string {
	if !t.valid(id) {
		return ""
	}
	return t.bytes[id]
}

// AppendPiece appends Bytes(id) to dst.
func (t *Tokenizer) AppendPiece(dst []byte, id int32) []byte { return append(dst, t.Bytes(id)...) }

// DecodeOptions says how ids become text.
type DecodeOptions struct {
	Special   bool // show control tokens by their text; else they are left out
	KeepSpace bool // the ids continue a text: the space that begins the first piece is one
}

// Decoder turns a stream of ids into text that is valid UTF-8 at every step: what may still become a character is held
// back, what no longer can becomes U+FFFD. SentencePiece and WordPiece encoders put a space before a text and after
// each control token; the decoder takes it away again.
type Decoder struct {
	t       *Tokenizer
	opt     DecodeOptions
	fresh   bool // the next piece begins a text
	pending [utf8.UTFMax]byte
	n       int // bytes held back in pending
}

// NewDecoder returns a decoder at the start of a text.
func (t *Tokenizer) NewDecoder(opt DecodeOptions) *Decoder {
	return &Decoder{t: t, opt: opt, fresh: !opt.KeepSpace}
}

// Append appends to dst the text that id completes.
func (d *Decoder) Append(dst []byte, id int32) []byte {
	if !d.t.valid(id) {
		return dst
	}
	piece := d.t.bytes[id]
	switch d.t.typ(id) {
	case Control, Unknown:
		d.fresh = true
		if !d.opt.Special {
			return dst
		}
	case Byte:
		d.fresh = false
	default:
		if d.fresh && d.t.prefix {
			piece = strings.TrimPrefix(piece, " ")
		}
		d.fresh = false
	}
	start := len(dst)
	dst = append(dst, d.pending[:d.n]...)
	dst = append(dst, piece...)
	d.n = copy(d.pending[:], dst[len(dst)-unfinished(dst[start:]):])
	dst = dst[:len(dst)-d.n]
	if !utf8.Valid(dst[start:]) {
		broken := string(dst[start:])
		dst = appendValid(dst[:start], broken)
	}
	return dst
}

// Flush ends the text: what was held back becomes U+FFFD. The decoder may then be used for another text.
func (d *Decoder) Flush(dst []byte) []byte {
	if d.n > 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	d.n, d.fresh = 0, !d.opt.KeepSpace
	return dst
}

// Decode is the text of ids.
func (t *Tokenizer) Decode(ids []int32, opt DecodeOptions) string {
	d := t.NewDecoder(opt)
	var dst []byte
	for _, id := range ids {
		dst = d.Append(dst, id)
	}
	return string(d.Flush(dst))
}

// unfinished is the number of bytes at the end of b that are the beginning of a character.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// appendValid appends s with U+FFFD for each stretch that cannot be read: as many bytes as might have begun a
// character, else one (Unicode Standard, section 3.9, "maximal subparts").
func appendValid(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			for n < utf8.UTFMax && i+n <= len(s) && !utf8.FullRuneInString(s[i:i+n]) {
				n++
			}
			n = max(n-1, 1)
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return dst
}
