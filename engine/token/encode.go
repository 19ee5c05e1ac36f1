package token

// Options says how text is read.
type Options struct {
	// Special lets the texts of control tokens (<|im_start|>, <s>) become those tokens. Leave it off for text that
	// a user wrote: then no text makes a control token.
	Special bool
	// BOS adds the tokens that the file wants around a sequence: begin, end, or WordPiece's [CLS] and [SEP].
	BOS bool
}

// maxText bounds what is encoded in one go, in bytes, so that 32-bit offsets suffice. Longer text is cut there.
const maxText = 1 << 29

// AppendEncode appends the ids of text to dst. Any bytes are accepted; what is not UTF-8 is encoded byte by byte.
func (t *Tokenizer) AppendEncode(dst []int32, text string, opt Options) []int32 {
	if opt.BOS && t.first >= 0 {
		dst = append(dst, t.first)
	}
	for len(text) > 0 {
		start, end, id := t.special.find(text[:min(len(text), maxText)], opt.Special)
		if start > 0 {
			dst = t.model.appendText(dst, text[:start])
		}
		if id >= 0 {
			dst = append(dst, id)
			end += t.special.strip(id, text[end:])
		}
		text = text[end:]
	}
	if opt.BOS && t.last >= 0 {
		dst = append(dst, t.last)
	}
	return dst
}

// Encode returns the ids of text in a new slice.
func (t *Tokenizer) Encode(text string, opt Options) []int32 {
	return t.AppendEncode(make([]int32, 0, len(text)/3+2), text, opt)
}
