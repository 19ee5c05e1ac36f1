package openai

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ChatRequest is the body of POST /v1/chat/completions.
type ChatRequest struct {
	Params
	Messages []Message
	Tools    json.RawMessage // an array; nil: none
	Kwargs   json.RawMessage // chat_template_kwargs, an object of further template variables; nil: none
	Schema   json.RawMessage // JSON Schema that the answer must follow; nil: free text
}

// Message is one turn of a conversation.
type Message struct {
	Role string
	Text string          // the content; text parts joined
	Raw  json.RawMessage // the whole message as it came
}

// anyObject is the schema of response_format json_object.
var anyObject = json.RawMessage(`{"type":"object"}`)

// roles that a message may have. Developer is the newer name of system.
var roles = []string{"system", "developer", "user", "assistant", "tool", "function"}

// ParseChat reads a chat request.
func ParseChat(body []byte) (*ChatRequest, *Error) {
	o := parse(body)
	r := &ChatRequest{}
	o.params(&r.Params)
	list := o.list("messages")
	if len(list) == 0 {
		o.fail("messages", "is missing: want at least one message")
	}
	for i, raw := range list {
		if o.err != nil {
			break
		}
		m := o.element("messages", i, raw)
		if m == nil {
			break
		}
		r.Messages = append(r.Messages, m.message(raw))
		o.join(m)
	}
	r.Logprobs = o.flag("logprobs")
	r.Top = int(o.integer("top_logprobs", 0, topMax, 0))
	if r.Top > 0 && !r.Logprobs {
		o.fail("top_logprobs", "is %d without logprobs: set logprobs to true", r.Top)
	}
	r.Schema = o.format()
	o.tools(r)
	if _, ok := take[map[string]json.RawMessage](o, "chat_template_kwargs", "an object"); ok {
		r.Kwargs = o.fields["chat_template_kwargs"]
	}
	o.modalities()
	if o.err != nil {
		return nil, o.err
	}
	return r, nil
}

func (o *object) message(raw json.RawMessage) Message {
	m := Message{Role: o.text("role"), Raw: raw}
	known := false
	for _, role := range roles {
		known = known || role == m.Role
	}
	if !known {
		o.fail("role", "%q: want one of %s", cut(m.Role), strings.Join(roles, ", "))
	}
	content, ok := o.raw("content")
	if !ok {
		_, calls := o.raw("tool_calls")
		_, call := o.raw("function_call")
		_, refusal := o.raw("refusal")
		if m.Role != "assistant" || !calls && !call && !refusal {
			o.fail("content", "is missing: want a string or an array of text parts")
		}
		return m
	}
	if json.Unmarshal(content, &m.Text) == nil {
		return m
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(content, &parts); err != nil {
		o.fail("content", "want a string or an array of text parts, got %s", kindOf(content))
		return m
	}
	var text strings.Builder
	for i, raw := range parts {
		part := o.element("content", i, raw)
		if part == nil {
			break
		}
		switch kind := part.text("type"); kind {
		case "text", "input_text", "output_text":
			text.WriteString(part.text("text"))
		case "refusal":
			text.WriteString(part.text("refusal"))
		default:
			part.refuse("type", "%q: models of this network read text alone", cut(kind))
		}
		o.join(part)
	}
	m.Text = text.String()
	return m
}

// format reads response_format into a schema.
func (o *object) format() json.RawMessage {
	f := o.inner("response_format")
	if f == nil {
		return nil
	}
	defer o.join(f)
	switch kind := f.text("type"); kind {
	case "text":
		return nil
	case "json_object":
		return anyObject
	case "json_schema":
		s := f.inner("json_schema")
		if s == nil {
			f.fail("json_schema", "is missing: want an object with a schema")
			return nil
		}
		raw, ok := s.raw("schema")
		if !ok {
			s.fail("schema", "is missing: want a JSON Schema")
		} else if raw[0] != '{' {
			s.fail("schema", "want an object, got %s", kindOf(raw))
		}
		f.join(s)
		return raw
	default:
		f.fail("type", "%q: want text, json_object or json_schema", cut(kind))
		return nil
	}
}

// tools reads tools; tool_choice none is the same as none given.
func (o *object) tools(r *ChatRequest) {
	list := o.list("tools")
	for i, raw := range list {
		t := o.element("tools", i, raw)
		if t == nil {
			return
		}
		if kind := t.text("type"); kind != "function" && t.err == nil {
			t.refuse("type", "%q: want function", cut(kind))
		}
		o.join(t)
	}
	choice, chosen := o.raw("tool_choice")
	switch {
	case len(list) == 0 || chosen && string(choice) == `"none"`:
	case !chosen || string(choice) == `"auto"`:
		r.Tools = o.fields["tools"]
	default:
		o.refuse("tool_choice", "only auto and none are known: a call cannot be forced yet")
	}
}

// modalities accepts text alone.
func (o *object) modalities() {
	kinds, _ := take[[]string](o, "modalities", "an array of strings")
	for i, kind := range kinds {
		if kind != "text" {
			o.refuse(fmt.Sprintf("modalities[%d]", i), "%q: models of this network write text alone", cut(kind))
		}
	}
}
