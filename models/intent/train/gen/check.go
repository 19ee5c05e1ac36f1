package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
)

// expansions of a sentence that a check looks at.
const expansions = 30

// checkFile reports the faults of a corpus file: lines which do not parse, and expansions whose marks the product's
// reader cuts differently. It fails when there are any.
func checkFile(path string, e *encoder, c *corpus) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read corpus: %w", err)
	}
	list, faults := parseCorpus(path, string(text))
	rng := rand.New(rand.NewPCG(5, 5))
	var loose []string
	for i := range list {
		s := &list[i]
		seen := map[string]bool{}
		for range expansions {
			w := &writer{rng: rng, plan: &plan{}, zh: s.zh}
			c.speak(w, s, false)
			x := wish{plan: w.plan, text: string(w.buf), marks: w.marks}
			if why := e.fault(x); why != "" && !seen[why] {
				seen[why] = true
				faults = append(faults, fmt.Sprintf("%s: %s: %s", s.line, why, x.text))
			}
			if free := e.unmarked(x); free != "" && !seen["free"] && s.kind != "unclear" {
				seen["free"] = true
				loose = append(loose, s.line+": "+free)
			}
		}
	}
	sort.Strings(loose)
	if len(loose) > 0 {
		fmt.Printf("numbers left unmarked:\n%s\n", strings.Join(loose, "\n"))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d faults in %d lines:\n%s", len(faults), len(list), strings.Join(faults, "\n"))
	}
	fmt.Printf("%d lines, no fault\n", len(list))
	return nil
}

// fault says why an expansion cannot be trained on, or "".
func (e *encoder) fault(x wish) string {
	said := map[string]mark{}
	for _, m := range x.marks {
		if _, twice := said[m.field]; twice {
			return m.field + " marked twice"
		}
		said[m.field] = m
		words := strings.ToLower(x.text[m.from:m.to])
		if m.field == "site" && (strings.HasPrefix(words, "the ") || strings.HasPrefix(words, "our ") || strings.HasPrefix(words, "我们")) {
			return "site starts with an article or pronoun"
		}
		if m.flag == "each" {
			said["each"] = m
		}
	}
	has := func(f string) bool { _, ok := said[f]; return ok }
	switch {
	case has("each") && !has("dev"):
		return "a rate per device without a number of devices"
	case has("both") && (has("up") || has("down")):
		return "both beside up or down"
	case has("end") && has("dur"):
		return "end beside dur"
	case x.plan.kind == "slice" && (has("model") || has("streams") || has("tps") || has("ttft")):
		return "a slice with a model's fields"
	}
	cells := e.cells(x.text, 0)
	ids, why := e.answer(x, cells)
	if why != "" {
		return why
	}
	if _, err := e.product.Parse(e.product.Prompt(x.text), ids); err != nil {
		return "the product refuses its form: " + err.Error()
	}
	return ""
}

// unmarked lists the quantities of an expansion that no mark covers.
func (e *encoder) unmarked(x wish) string {
	var list []string
	for _, c := range e.cells(x.text, 0) {
		if c.quantity == nil {
			continue
		}
		free := true
		for _, m := range x.marks {
			free = free && (c.from >= m.to || c.to <= m.from)
		}
		if free {
			list = append(list, fmt.Sprintf("%s %q", c.quantity.Kind, x.text[c.from:c.to]))
		}
	}
	return strings.Join(list, ", ")
}
