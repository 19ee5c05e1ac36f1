package gateway

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/weir-project/weir/engine/template"
	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/gateway/openai"
	"github.com/weir-project/weir/internal/fault"
)

// encodeText counts a text as it is: nothing in it becomes a control token.
func (v *vocab) encodeText(text string) []int32 {
	return v.tokens.Encode(text, token.Options{BOS: true})
}

// encodeChat renders a conversation by the model's template and counts it. now is what the
// template may print as the date.
func (v *vocab) encodeChat(r *openai.ChatRequest, now time.Time) ([]int32, error) {
	if v.chatErr != nil {
		return nil, v.chatErr
	}
	if v.chat == nil {
		return nil, fault.New(fault.Invalid, "model %s has no chat template: use /v1/completions", r.Model)
	}
	text, err := v.render(r, true, now)
	if err != nil {
		return nil, err
	}
	if r.Tools != nil {
		bare, err := v.render(r, false, now)
		if err == nil && bare == text {
			return nil, toolsUnknown(r.Model)
		}
	}
	return v.encodeRendered(text), nil
}

func toolsUnknown(model string) error {
	return &openai.Error{
		Status: 400, Type: openai.TypeInvalid, Param: "tools", Code: "unsupported_value",
		Message: "not supported yet by the template family of model " + model,
	}
}

// render prints the conversation, with or without its tools.
func (v *vocab) render(r *openai.ChatRequest, tools bool, now time.Time) (string, error) {
	vars := &template.Map{}
	if r.Kwargs != nil {
		extra, err := template.DecodeJSON(r.Kwargs)
		if err != nil {
			return "", fault.New(fault.Invalid, "chat_template_kwargs: %w", err)
		}
		if m, ok := extra.(*template.Map); ok {
			vars = m
		}
	}
	messages := &template.List{}
	for i := range r.Messages {
		m, err := messageValue(&r.Messages[i], v.guard)
		if err != nil {
			return "", err
		}
		messages.Items = append(messages.Items, m)
	}
	vars.Set("messages", messages)
	vars.Set("add_generation_prompt", true)
	vars.Set("bos_token", v.bos)
	vars.Set("eos_token", v.eos)
	vars.Set("tools", nil)
	if tools && r.Tools != nil {
		list, err := template.DecodeJSON(r.Tools)
		if err != nil {
			return "", fault.New(fault.Invalid, "tools: %w", err)
		}
		vars.Set("tools", list)
	}
	text, err := v.chat.Render(vars, template.Options{Now: now})
	if err == nil {
		return text, nil
	}
	if raised, ok := errors.AsType[*template.RaisedError](err); ok {
		return "", fault.New(fault.Invalid, "messages: the model's template says: %s", raised.Message)
	}
	return "", fault.New(fault.Invalid, "messages: the template of model %s cannot render them: %w", r.Model, err)
}

// messageValue is a message as templates expect it: content is text, developer is system, and
// the arguments of tool calls are objects.
func messageValue(m *openai.Message, guard *guard) (template.Value, error) {
	value, err := template.DecodeJSON(m.Raw)
	if err != nil {
		return nil, fault.New(fault.Invalid, "messages: %w", err)
	}
	fields, ok := value.(*template.Map)
	if !ok {
		return nil, fault.New(fault.Invalid, "messages: want objects")
	}
	role, text := m.Role, m.Text
	if role == "developer" {
		role = "system"
	}
	if role != "assistant" {
		// Templates split an assistant's text at marks of its own; all other text is a guest's.
		text = guard.hide(text)
	}
	fields.Set("role", role)
	fields.Set("content", text)
	calls, _ := fields.Lookup("tool_calls")
	if list, ok := calls.(*template.List); ok {
		for _, call := range list.Items {
			openArguments(call)
		}
	}
	return fields, nil
}

// openArguments replaces the JSON text of a call's arguments by what it says, as templates
// are written for.
func openArguments(call template.Value) {
	c, ok := call.(*template.Map)
	if !ok {
		return
	}
	function, _ := c.Lookup("function")
	f, ok := function.(*template.Map)
	if !ok {
		return
	}
	arguments, _ := f.Lookup("arguments")
	text, ok := arguments.(string)
	if !ok {
		return
	}
	if v, err := template.DecodeJSON([]byte(text)); err == nil {
		if m, ok := v.(*template.Map); ok {
			f.Set("arguments", m)
		}
	}
}

// guard keeps what guests write from becoming control tokens. While the template runs, the
// text of a control token stands as two noncharacters of Unicode around its number.
type guard struct {
	controls []string // texts of the control tokens
	replacer *strings.Replacer
}

const (
	guardOpen  = "\uFDD0"
	guardClose = "\uFDD1"
)

func newGuard(controls []string) *guard {
	pairs := []string{guardOpen, "\uFFFD", guardClose, "\uFFFD"}
	for i, text := range controls {
		if text != "" {
			pairs = append(pairs, text, guardOpen+strconv.Itoa(i)+guardClose)
		}
	}
	return &guard{controls: controls, replacer: strings.NewReplacer(pairs...)}
}

func (g *guard) hide(text string) string { return g.replacer.Replace(text) }

// encodeRendered counts a rendered conversation: the template's control tokens are obeyed,
// those that guests wrote are text.
func (v *vocab) encodeRendered(text string) []int32 {
	opt := token.Options{Special: true, BOS: v.tokens.AddsBOS() && (v.bos == "" || !strings.HasPrefix(text, v.bos))}
	var ids []int32
	for {
		before, rest, found := strings.Cut(text, guardOpen)
		ids = v.tokens.AppendEncode(ids, before, opt)
		if !found {
			return ids
		}
		opt.BOS = false
		number, after, _ := strings.Cut(rest, guardClose)
		if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < len(v.guard.controls) {
			ids = v.tokens.AppendEncode(ids, v.guard.controls[i], token.Options{})
			rest = after
		}
		text = rest
	}
}
