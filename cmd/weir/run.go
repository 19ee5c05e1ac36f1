package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/engine/token"
)

func runCommand() *command {
	return &command{
		name: "run", args: "MODEL.gguf [PROMPT]", min: 1, max: 2,
		summary: "run a model file on this machine, without a pool",
		long: `Without a prompt it reads one from standard input if that is a pipe, else it chats: each line is
a turn, and an empty line or end of file leaves. The model's own chat template is applied; --raw
sends the text as it is.`,
		examples: []string{
			`weir run qwen2.5-0.5b-q8_0.gguf "Why is the sky blue?"`,
			`weir run model.gguf --json --max-tokens 64 "Name three rivers" | jq .usage`,
			`weir run model.gguf --raw "Once upon a time"`,
		},
		setup: func(f *flag.FlagSet) runFunc {
			r := &runner{}
			r.model.declare(f)
			r.sampling.declare(f)
			f.BoolVar(&r.json, "json", false, "print one JSON object instead of text")
			f.BoolVar(&r.raw, "raw", false, "no chat template")
			f.StringVar(&r.system, "system", "", "system `message`")
			f.BoolVar(&r.stats, "stats", false, "print tokens and speed on standard error")
			return r.run
		},
	}
}

type runner struct {
	model            modelFlags
	sampling         samplingFlags
	json, raw, stats bool
	system           string
}

func (r *runner) run(ctx context.Context, e env, args []string) error {
	m, err := r.model.open(args[0])
	if err != nil {
		return err
	}
	defer m.Close()
	talk := &conversation{model: m}
	if !r.raw {
		if talk, err = newConversation(m); err != nil {
			return err
		}
	}
	var history []message
	if r.system != "" {
		history = append(history, message{"system", r.system})
	}
	switch {
	case len(args) == 2:
		_, err = r.answer(ctx, e, talk, append(history, message{"user", args[1]}))
	case !isTerminal(e.in):
		text, rerr := io.ReadAll(io.LimitReader(e.in, 16<<20))
		if rerr != nil {
			return fmt.Errorf("read the prompt: %w", rerr)
		}
		_, err = r.answer(ctx, e, talk, append(history, message{"user", strings.TrimRight(string(text), "\n")}))
	default:
		err = r.chat(ctx, e, talk, history)
	}
	return err
}

func (r *runner) chat(ctx context.Context, e env, talk *conversation, history []message) error {
	fmt.Fprintf(e.err, "%s is ready; an empty line leaves.\n", talk.model.Card().Name)
	lines := bufio.NewScanner(e.in)
	for {
		fmt.Fprint(e.err, "> ")
		if !lines.Scan() || lines.Text() == "" {
			return lines.Err()
		}
		history = append(history, message{"user", lines.Text()})
		text, err := r.answer(ctx, e, talk, history)
		if err != nil {
			return err
		}
		history = append(history, message{"assistant", text})
	}
}

// runReport is what --json prints.
type runReport struct {
	Model     string     `json:"model"`
	Text      string     `json:"text"`
	End       weir.End   `json:"end"`
	Usage     weir.Usage `json:"usage"`
	TTFT      float64    `json:"ttft_ms"`
	Duration  float64    `json:"duration_ms"`
	PerSecond float64    `json:"tokens_per_s"`
}

func (r *runner) answer(ctx context.Context, e env, talk *conversation, messages []message) (string, error) {
	var prompt []int32
	if r.raw {
		prompt = talk.model.Tokenizer().Encode(messages[len(messages)-1].Content, token.Options{BOS: true})
	} else {
		var err error
		if prompt, err = talk.prompt(messages); err != nil {
			return "", err
		}
	}
	var text strings.Builder
	req := engine.Request{Prompt: prompt, MaxTokens: r.sampling.maxTokens, Sampling: r.sampling.sampling()}
	res, err := talk.model.Generate(ctx, req, func(ev engine.Event) error {
		text.WriteString(ev.Text)
		if !r.json {
			_, err := io.WriteString(e.out, ev.Text)
			return err
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	report := runReport{
		Model: talk.model.Card().Name, Text: text.String(), End: res.End, Usage: res.Usage,
		TTFT: milliseconds(res.TTFT), Duration: milliseconds(res.Duration),
	}
	if decode := res.Duration - res.TTFT; decode > 0 && res.Usage.Output > 1 {
		report.PerSecond = float64(res.Usage.Output-1) / decode.Seconds()
	}
	if r.json {
		return report.Text, json.NewEncoder(e.out).Encode(report)
	}
	fmt.Fprintln(e.out)
	if r.stats {
		fmt.Fprintf(e.err, "%d prompt and %d answer tokens, first after %.0f ms, then %.1f tokens/s, ended by %s\n",
			res.Usage.Prompt(), res.Usage.Output, report.TTFT, report.PerSecond, res.End)
	}
	return report.Text, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// isTerminal reports whether someone may be typing.
func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
