package intent

import (
	"fmt"

	"github.com/weir-project/weir/models/intent/quantity"
)

// Form is what the model says about a wish, before anything is computed. Values point into the prompt's reading.
type Form struct {
	Kind      string // slice, compute, bundle or unclear
	Class     string // of unclear: what, how_much, which or price
	App       string // empty when unsaid, like Isolation
	Isolation string
	Site      *Span
	Model     *Span

	Devices    *quantity.Placeholder
	Both       Rate // or Up and Down
	Up         Rate
	Down       Rate
	Latency    *quantity.Placeholder
	Available  *quantity.Placeholder
	Start      *quantity.Placeholder
	End        *quantity.Placeholder // or Duration
	Duration   *quantity.Placeholder
	Streams    *quantity.Placeholder
	TokenRate  *quantity.Placeholder
	FirstToken *quantity.Placeholder
	Budget     *quantity.Placeholder
	Hourly     bool // Budget is per hour (or per whatever period stands beside it)
	Local      *bool
}

// Rate is a rate, per device if Each is set.
type Rate struct {
	Value *quantity.Placeholder
	Each  bool
}

// Span is a range of bytes of the original wish.
type Span struct{ Start, End int }

// Parse reads the tokens that a model emitted after the prompt, up to and with <eos>.
func (v *Vocab) Parse(p *Prompt, ids []int32) (Form, error) {
	c := NewConstraint(v, p)
	for i, id := range ids {
		if err := c.Accept(id); err != nil {
			return Form{}, fmt.Errorf("token %d of form: %w", i, err)
		}
	}
	if !c.Done() {
		return Form{}, fmt.Errorf("form of %d tokens has no end", len(ids))
	}
	return c.Form(), nil
}

// ParseNames is Parse for spelled tokens: special tokens by name, spans as pieces of the vocabulary.
func (v *Vocab) ParseNames(p *Prompt, names []string) (Form, error) {
	ids := make([]int32, len(names))
	for i, n := range names {
		id, ok := v.tok.ID(n)
		if !ok {
			return Form{}, fmt.Errorf("token %d of form: %q is not in the vocabulary", i, n)
		}
		ids[i] = id
	}
	return v.Parse(p, ids)
}
