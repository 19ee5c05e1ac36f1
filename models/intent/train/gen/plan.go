package main

import (
	"math/rand/v2"
	"strings"
)

// plan says what one wish is to express.
type plan struct {
	lang     string // zh, en or mix
	kind     string // slice, compute, bundle or unclear
	question string // of unclear: what, how, which, price
	app      string // what nouns and purposes speak of; empty: nothing in particular
	label    string // the application of the form: app, or what the place implies
	iso      string
	local    string
	siteRule string
	role     string // who speaks, if that is said
	fields   []string
}

func (p *plan) appRule() string {
	if p.app == "" {
		return "none"
	}
	return p.app
}

var (
	apps    = []string{"v2x", "industrial", "inspection", "video", "medical", "government", "finance", "energy", "retail", "education", "bulk", "chat"}
	isos    = []string{"dedicated", "dedicated", "dedicated", "hard", "hard", "rate", "shared", "shared"}
	placeOf = map[string][]string{
		"v2x":        {"road", "road", "city"},
		"industrial": {"factory", "factory", "factory", "road", "venue", "city"},
		"inspection": {"factory", "factory", "factory", "city"},
		"video":      {"venue", "venue", "road", "factory", "government", "education", "retail", "city", "finance"},
		"medical":    {"medical", "medical", "city"},
		"government": {"government", "government", "city"},
		"finance":    {"finance", "finance", "city"},
		"energy":     {"energy", "energy", "city"},
		"retail":     {"retail", "retail", "venue", "city"},
		"education":  {"education", "education", "city"},
		"bulk":       {"city", "venue", "factory", "medical", "education"},
		"chat":       {"city", "city", "venue", "factory"},
		"":           {"factory", "factory", "road", "venue", "venue", "city", "city", "city", "energy", "medical", "finance", "education", "retail", "government"},
	}
	placeImplies = map[string]string{"energy": "energy", "medical": "medical", "finance": "finance", "education": "education", "retail": "retail", "government": "government"}
	allPlaces    = []string{"factory", "road", "venue", "city", "energy", "medical", "finance", "education", "retail", "government"}
)

// newPlan draws a plan.
func newPlan(rng *rand.Rand) *plan {
	p := &plan{lang: weighted(rng, "zh", 45, "en", 45, "mix", 10)}
	p.kind = weighted(rng, "slice", 38, "compute", 24, "bundle", 20, "unclear", 18)
	if p.kind == "unclear" {
		p.question = weighted(rng, "what", 45, "how", 22, "which", 13, "price", 20)
		p.siteRule = "site." + pick(rng, allPlaces)
		return p
	}
	share := 0.62
	if p.kind != "slice" {
		share = 0.45
	}
	if rng.Float64() < share {
		p.app = pick(rng, apps)
		if p.kind == "compute" && rng.Float64() < 0.3 {
			p.app = "chat"
		}
	}
	place := pick(rng, placeOf[p.app])
	if p.kind == "compute" && rng.Float64() < 0.5 {
		place = "city"
	}
	p.siteRule, p.label = "site."+place, p.app
	has := p.chooseFields(rng)
	if p.app == "" && has("site") {
		p.label = placeImplies[place]
	}
	p.role = p.label
	switch {
	case p.label == "" && rng.Float64() < 0.2:
		p.role = pick(rng, apps[:10])
		p.label = p.role
	case (p.app == "video" || p.app == "v2x") && rng.Float64() < 0.4:
		p.role = "government"
	}
	if has("iso") {
		p.iso = pick(rng, isos)
	}
	if has("local") {
		p.local = weighted(rng, "yes", 3, "no", 2)
	}
	return p
}

// weighted draws one of name, weight, name, weight, ...
func weighted(rng *rand.Rand, pairs ...any) string {
	total := 0
	for i := 1; i < len(pairs); i += 2 {
		total += pairs[i].(int)
	}
	n := rng.IntN(total)
	for i := 1; ; i += 2 {
		if n -= pairs[i].(int); n < 0 {
			return pairs[i-1].(string)
		}
	}
}

// chooseFields fills p.fields and returns a test for them.
func (p *plan) chooseFields(rng *rand.Rand) func(string) bool {
	set := map[string]bool{}
	keep := 1.0
	if rng.Float64() < 0.4 {
		keep = 0.55 // many wishes say little
	}
	add := func(prob float64, names ...string) {
		if rng.Float64() < prob*keep {
			for _, n := range names {
				set[n] = true
			}
		}
	}
	network := p.kind != "compute"
	add(0.66, "site")
	if network {
		add(0.4, "dev", "thing")
		rates := [][]string{{"both"}, {"both"}, {"both"}, {"up"}, {"up"}, {"down"}, {"up", "down"}, {"up", "down"}}
		add(0.82, pick(rng, rates)...)
		add(0.4, "lat")
		add(0.25, "avail")
		add(0.33, "iso")
	} else {
		add(0.07, "dev", "thing")
		add(0.1, "lat")
		add(0.12, "avail")
		add(0.14, "iso")
	}
	if p.kind != "slice" {
		add(0.85, "model")
		add(0.34, "streams")
		add(0.22, "tps")
		add(0.33, "ttft")
	}
	if p.kind == "bundle" {
		set["model"] = true
	}
	times := [][]string{{"start", "end"}, {"start", "end"}, {"start", "dur"}, {"dur"}, {"dur"}, {"start"}}
	add(0.52, pick(rng, times)...)
	add(0.25, pick(rng, []string{"budget", "budget", "hourly"}))
	if set["hourly"] && !set["dur"] && !set["end"] {
		delete(set, "hourly")
		set["budget"] = true
	}
	add(0.14, "local")
	if !anyOf(set, "dev", "both", "up", "down", "lat", "avail", "iso", "dur", "end", "budget", "model", "streams", "tps", "ttft") {
		set[map[bool]string{true: "both", false: "dur"}[network]] = true
	}
	if p.app != "" {
		set["app"] = true
		if rng.Float64() < 0.5 {
			set["thing"] = true
		}
	}
	for _, f := range fieldOrder {
		if set[f] {
			p.fields = append(p.fields, f)
		}
	}
	return func(f string) bool { return set[f] }
}

func anyOf(set map[string]bool, names ...string) bool {
	for _, n := range names {
		if set[n] {
			return true
		}
	}
	return false
}

var fieldOrder = strings.Fields("site thing dev app both up down lat avail iso start end dur model streams tps ttft budget hourly local")

// slotField is the pending field which a slot satisfies.
func slotField(field, flag string) string {
	if flag == "hourly" {
		return "hourly"
	}
	return field
}
