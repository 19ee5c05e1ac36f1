package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// client talks to a gateway as any OpenAI client would.
type client struct{ url, key string }

// clientFlags say which gateway: flags first, then WEIR_URL and WEIR_KEY, then what a running
// system left in the data directory.
type clientFlags struct{ url, key, data string }

func (c *clientFlags) declare(f *flag.FlagSet) {
	f.StringVar(&c.url, "url", "", "`url` of the gateway; default: $WEIR_URL, else the one running on the data directory")
	f.StringVar(&c.key, "key", "", "API `key`; default: $WEIR_KEY, else the one in the data directory")
	f.StringVar(&c.data, "data", "weir-data", "data `directory` of a running system")
}

func (c *clientFlags) client() (*client, error) {
	pick := func(flag, variable, file string) (string, error) {
		if flag != "" {
			return flag, nil
		}
		if v := os.Getenv(variable); v != "" {
			return v, nil
		}
		v, err := (&home{c.data}).text(file)
		if err != nil {
			return "", fault.New(fault.NotFound, "no %s in %s: start weir up, or give --url and --key", file, c.data)
		}
		return v, nil
	}
	url, err := pick(c.url, "WEIR_URL", fileURL)
	if err != nil {
		return nil, err
	}
	key, err := pick(c.key, "WEIR_KEY", fileKey)
	if err != nil {
		return nil, err
	}
	return &client{strings.TrimSuffix(strings.TrimSuffix(url, "/"), "/v1"), key}, nil
}

// chatRequest is what the commands here send; any other client may send more.
type chatRequest struct {
	Model       string        `json:"model"`
	Messages    []message     `json:"messages"`
	Stream      bool          `json:"stream"`
	Options     streamOptions `json:"stream_options"`
	MaxTokens   int           `json:"max_tokens,omitempty"`
	Temperature float64       `json:"temperature"`
	Weir        weirOptions   `json:"weir"`
}

type streamOptions struct {
	Usage bool `json:"include_usage"`
}

type weirOptions struct {
	Explain   bool     `json:"explain,omitempty"`
	Now       string   `json:"now,omitempty"`
	MaxPrice  string   `json:"max_price,omitempty"`
	Residency []string `json:"residency,omitempty"`
}

// chatChunk is one event of a streamed answer.
type chatChunk struct {
	Choices []struct {
		Delta struct {
			Content string `json:"content"`
		} `json:"delta"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
	Weir  *account   `json:"weir"`
	Error *wireError `json:"error"`
}

type wireError struct {
	Message string `json:"message"`
	Code    string `json:"code"`
}

// account is what a gateway says of a request's cost and placement.
type account struct {
	Request string `json:"request"`
	Receipt string `json:"receipt"`
	Charge  string `json:"charge"`
	Node    string `json:"node"`
	Site    string `json:"site"`
	Offer   string `json:"offer"`
	Explain *struct {
		Hold       string       `json:"hold"`
		Held       string       `json:"held"`
		Released   string       `json:"released"`
		TTFT       float64      `json:"ttft_ms"`
		Duration   float64      `json:"duration_ms"`
		Considered []considered `json:"considered"`
	} `json:"explain"`
}

type considered struct {
	Offer    string      `json:"offer"`
	Site     string      `json:"site"`
	Prices   weir.Prices `json:"prices"`
	Chosen   bool        `json:"chosen"`
	Rejected string      `json:"rejected"`
	Expected string      `json:"expected"`
	TTFT     float64     `json:"ttft_ms"`
	Score    int64       `json:"score"`
}

// answer is a streamed answer when it is complete.
type answer struct {
	text       string
	finish     string
	prompt     int
	completion int
	ttft       time.Duration
	took       time.Duration
	weir       *account
}

// chat streams one completion; each gets every piece of text as it arrives.
func (c *client) chat(ctx context.Context, r chatRequest, each func(piece string)) (*answer, error) {
	r.Stream, r.Options.Usage = true, true
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	resp, err := c.do(ctx, http.MethodPost, "/v1/chat/completions", body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{}
	done := false
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if done = data == "[DONE]"; done {
			break
		}
		if err := a.take(data, started, each); err != nil {
			return nil, err
		}
	}
	a.took = time.Since(started)
	if !done {
		return nil, fault.New(fault.Unavailable, "the answer broke off: %w", errors.Join(lines.Err(), io.ErrUnexpectedEOF))
	}
	return a, nil
}

func (a *answer) take(data string, started time.Time, each func(string)) error {
	var c chatChunk
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return fault.New(fault.Internal, "the gateway sent %.60q: %w", data, err)
	}
	if c.Error != nil {
		return fault.New(fault.Unavailable, "%s", c.Error.Message)
	}
	for _, choice := range c.Choices {
		if choice.Delta.Content != "" {
			if a.ttft == 0 {
				a.ttft = time.Since(started)
			}
			a.text += choice.Delta.Content
			each(choice.Delta.Content)
		}
		if choice.Finish != "" {
			a.finish = choice.Finish
		}
	}
	if c.Usage != nil {
		a.prompt, a.completion = c.Usage.Prompt, c.Usage.Completion
	}
	if c.Weir != nil {
		a.weir = c.Weir
	}
	return nil
}

// do sends a request and turns a refusal into an error of its kind.
func (c *client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "gateway %q: %w", c.url, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the gateway does not answer: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var refusal struct {
		Error wireError `json:"error"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, &refusal) != nil || refusal.Error.Message == "" {
		refusal.Error.Message = fmt.Sprintf("the gateway answered %s", resp.Status)
	}
	return nil, fault.New(kindOfStatus(resp.StatusCode), "%s", refusal.Error.Message)
}

func kindOfStatus(code int) fault.Kind {
	switch {
	case code == http.StatusNotFound:
		return fault.NotFound
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusPaymentRequired:
		return fault.Denied
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return fault.NoCapacity
	case code < 500:
		return fault.Invalid
	}
	return fault.Unavailable
}

// listedModel is a model that a gateway offers.
type listedModel struct {
	ID   string `json:"id"`
	Weir struct {
		Nodes int `json:"nodes"` // alive
	} `json:"weir"`
}

// models lists what the gateway offers.
func (c *client) models(ctx context.Context) ([]listedModel, error) {
	resp, err := c.do(ctx, http.MethodGet, "/v1/models", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var list struct {
		Data []listedModel `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the list of models: %w", err)
	}
	return list.Data, nil
}
