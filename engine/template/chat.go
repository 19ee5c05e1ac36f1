package template

import (
	"fmt"
	"time"

	"github.com/weir-project/weir/internal/fault"
)

// Conversation is the input that every chat template expects. The JSON fields are decoded with DecodeJSON, so that
// objects reach the model with their keys in the order in which the caller wrote them.
type Conversation struct {
	Messages  []byte // JSON list, each with a role and mostly a content
	Tools     []byte // JSON list of functions in OpenAI's form; empty for none
	Documents []byte // JSON list of texts to answer from; empty for none
	// AddGenerationPrompt ends the text where the model's answer begins.
	AddGenerationPrompt bool
	BOS, EOS            string // texts of the model's begin and end tokens; undefined in the template if empty
	// Extra is a JSON object of further variables, such as {"enable_thinking": false}; empty for none. It cannot
	// replace the fields above.
	Extra []byte
	Now   time.Time // what strftime_now formats
}

// Chat renders a conversation to the text that the model continues, with default limits. A *RaisedError in the chain
// of its error carries the template's own words about what is wrong with the conversation.
func (t *Template) Chat(c Conversation) (string, error) {
	vars, err := c.vars()
	if err != nil {
		return "", err
	}
	text, err := t.Render(vars, Options{Now: c.Now})
	if err != nil {
		return "", fmt.Errorf("render conversation: %w", err)
	}
	return text, nil
}

// vars are the variables of a conversation by the names that templates use.
func (c *Conversation) vars() (*Map, error) {
	vars := &Map{}
	extra, err := decodePart("extra variables", c.Extra)
	if err != nil {
		return nil, err
	}
	switch m := extra.(type) {
	case nil:
	case *Map:
		vars = m
	default:
		return nil, fault.New(fault.Invalid, "extra variables: expected a JSON object, got %s", typeName(m))
	}
	for _, part := range []struct {
		name string
		data []byte
	}{{"messages", c.Messages}, {"tools", c.Tools}, {"documents", c.Documents}} {
		v, err := decodePart(part.name, part.data)
		if err != nil {
			return nil, err
		}
		if _, ok := v.(*List); !ok && (v != nil || part.name == "messages") {
			return nil, fault.New(fault.Invalid, "%s: expected a JSON list, got %s", part.name, typeName(v))
		}
		vars.Set(part.name, v)
	}
	vars.Set("add_generation_prompt", c.AddGenerationPrompt)
	if c.BOS != "" {
		vars.Set("bos_token", c.BOS)
	}
	if c.EOS != "" {
		vars.Set("eos_token", c.EOS)
	}
	return vars, nil
}

// decodePart reads one JSON field; an empty one is none.
func decodePart(name string, data []byte) (Value, error) {
	if len(data) == 0 {
		return nil, nil
	}
	v, err := DecodeJSON(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}
