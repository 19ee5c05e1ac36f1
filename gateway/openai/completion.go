package openai

import (
	"encoding/json"
	"math"
)

// CompletionRequest is the body of POST /v1/completions. The prompt is Text, or Tokens where
// they are not nil.
type CompletionRequest struct {
	Params
	Text   string
	Tokens []int32
	Echo   bool
}

// ParseCompletion reads a text completion request.
func ParseCompletion(body []byte) (*CompletionRequest, *Error) {
	o := parse(body)
	r := &CompletionRequest{}
	o.params(&r.Params)
	o.prompt(r)
	r.Echo = o.flag("echo")
	if s := o.text("suffix"); s != "" {
		o.refuse("suffix", "text is only continued at its end")
	}
	if n := o.integer("best_of", 0, math.MaxInt32, 1); n > 1 {
		o.refuse("best_of", "%d candidates are asked, one is made", n)
	}
	if n, ok := take[int64](o, "logprobs", "a whole number"); ok {
		if n < 0 || n > topMax {
			o.fail("logprobs", "%d is out of range: want 0 to %d", n, topMax)
		}
		r.Logprobs, r.Top = true, int(n)
	}
	if r.Echo && r.Logprobs {
		o.refuse("echo", "the prompt has no log-probabilities: leave out echo or logprobs")
	}
	if o.err != nil {
		return nil, o.err
	}
	return r, nil
}

// prompt reads a string, an array of token ids, or an array that holds one of these.
func (o *object) prompt(r *CompletionRequest) {
	raw, ok := o.raw("prompt")
	if !ok {
		o.fail("prompt", "is missing: want a string or an array of token ids")
		return
	}
	if raw[0] == '[' {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil && len(list) > 0 && (list[0][0] == '"' || list[0][0] == '[') {
			if len(list) > 1 {
				o.refuse("prompt", "%d prompts: send one request for each", len(list))
				return
			}
			raw = list[0]
		}
	}
	if json.Unmarshal(raw, &r.Text) == nil {
		return
	}
	if err := json.Unmarshal(raw, &r.Tokens); err != nil || len(r.Tokens) == 0 {
		o.fail("prompt", "want a string or an array of token ids, got %s", kindOf(raw))
	}
}
