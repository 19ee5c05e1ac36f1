package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weir-project/weir/models/intent"
)

func askCommand() *command {
	return &command{
		name: "ask", args: "WISH", min: 1, max: -1, summary: "turn a wish in Chinese or English into an order for compute and slices",
		examples: []string{
			`weir ask "I need deepseek-r1 distilled 7b near the Hangzhou site for 2 hours, at most 40 cents"`,
			`weir ask --explain 给三号产线的质检相机开一条上行50兆、时延10毫秒以内的专线，明早八点到晚六点`,
		},
		setup: func(f *flag.FlagSet) runFunc {
			var c clientFlags
			c.declare(f)
			now := f.String("now", "", "local `time` that the wish speaks from, 2006-01-02T15:04; default: now")
			explain := f.Bool("explain", false, "show the offers considered, the hold and the receipt")
			raw := f.Bool("json", false, "print the order as it comes, on one line")
			return func(ctx context.Context, e env, args []string) error {
				gw, err := c.client()
				if err != nil {
					return err
				}
				r := chatRequest{Model: intent.Name, Messages: []message{{"user", strings.Join(args, " ")}}}
				r.Weir.Now, r.Weir.Explain = *now, *explain
				a, err := gw.chat(ctx, r, func(string) {})
				if err != nil {
					return err
				}
				if *raw {
					_, err = fmt.Fprintln(e.out, a.text)
				} else {
					err = printOrder(e.out, a.text)
				}
				if *explain && err == nil {
					printAccount(e.out, a)
				}
				return err
			}
		},
	}
}

// printOrder prints what an order says and leaves out what it does not.
func printOrder(w io.Writer, text string) error {
	var o intent.Order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("the answer is no order: %w", err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, name := range intent.FieldNames() {
		if v := fields[name]; v != nil {
			fmt.Fprintf(t, "  %s\t%v\n", name, v)
		}
	}
	return t.Flush()
}

// printAccount shows why a request ran where it did and what it cost.
func printAccount(w io.Writer, a *answer) {
	x := a.weir
	if x == nil || x.Explain == nil {
		return
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "  offer\tsite\tinput\toutput\texpected\tforecast TTFT\tscore\t")
	for _, c := range x.Explain.Considered {
		verdict := c.Rejected
		if c.Chosen {
			verdict = "chosen"
		}
		if c.Rejected != "" {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t-\t-\t-\t%s\n", c.Offer, c.Site, c.Prices.Input, c.Prices.Output, verdict)
			continue
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%.0f ms\t%d\t%s\n", c.Offer, c.Site, c.Prices.Input, c.Prices.Output, c.Expected, c.TTFT, c.Score, verdict)
	}
	t.Flush()
	fmt.Fprintf(w, "  hold %s of %s; charged %s for %d + %d tokens, %s released\n",
		short(x.Explain.Hold), x.Explain.Held, x.Charge, a.prompt, a.completion, x.Explain.Released)
	fmt.Fprintf(w, "  first token after %.0f ms, all after %.0f ms; receipt %s\n", milliseconds(a.ttft), milliseconds(a.took), x.Receipt)
}

func short(id string) string { return id[:min(8, len(id))] + "…" }

func chatCommand() *command {
	return &command{
		name: "chat", args: "[MESSAGE]", max: -1, summary: "talk to a model of the pool",
		long:     "With a message it answers once; without one it chats until an empty line or end of file.",
		examples: []string{"weir chat --model qwen2.5-0.5b-q8_0", `weir chat --model qwen2.5-0.5b-q8_0 "Name three rivers"`},
		setup: func(f *flag.FlagSet) runFunc {
			ch := &chatter{}
			ch.flags.declare(f)
			f.StringVar(&ch.model, "model", "", "`name` of the model; default: the only one on offer, else "+intent.Name)
			f.StringVar(&ch.system, "system", "", "system `message`")
			f.IntVar(&ch.maxTokens, "max-tokens", 0, "longest answer; 0: as the context allows")
			f.Float64Var(&ch.temperature, "temperature", 0, "sampling temperature; 0: greedy")
			f.BoolVar(&ch.explain, "explain", false, "show the offers considered, the hold and the receipt")
			return ch.run
		},
	}
}

type chatter struct {
	flags         clientFlags
	model, system string
	maxTokens     int
	temperature   float64
	explain       bool
	history       []message
}

func (ch *chatter) run(ctx context.Context, e env, args []string) error {
	gw, err := ch.flags.client()
	if err != nil {
		return err
	}
	if ch.model == "" {
		if ch.model, err = gw.onlyModel(ctx); err != nil {
			return err
		}
	}
	if ch.system != "" {
		ch.history = append(ch.history, message{"system", ch.system})
	}
	if len(args) > 0 {
		return ch.say(ctx, e, gw, strings.Join(args, " "))
	}
	fmt.Fprintf(e.err, "%s is ready; an empty line leaves.\n", ch.model)
	lines := bufio.NewScanner(e.in)
	for {
		fmt.Fprint(e.err, "> ")
		if !lines.Scan() || lines.Text() == "" {
			return lines.Err()
		}
		if err := ch.say(ctx, e, gw, lines.Text()); err != nil {
			return err
		}
	}
}

func (ch *chatter) say(ctx context.Context, e env, gw *client, text string) error {
	ch.history = append(ch.history, message{"user", text})
	r := chatRequest{Model: ch.model, Messages: ch.history, MaxTokens: ch.maxTokens, Temperature: ch.temperature}
	r.Weir.Explain = ch.explain
	a, err := gw.chat(ctx, r, func(piece string) { fmt.Fprint(e.out, piece) })
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out)
	ch.history = append(ch.history, message{"assistant", a.text})
	printAccount(e.out, a)
	return nil
}

// onlyModel is the model on offer if there is just one besides the bundled one.
func (c *client) onlyModel(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list, err := c.models(ctx)
	if err != nil {
		return "", err
	}
	var others []string
	for _, m := range list {
		if m.ID != intent.Name {
			others = append(others, m.ID)
		}
	}
	switch len(others) {
	case 0:
		return intent.Name, nil
	case 1:
		return others[0], nil
	}
	return "", usagef("several models are on offer, choose one with --model: %s", strings.Join(others, ", "))
}
