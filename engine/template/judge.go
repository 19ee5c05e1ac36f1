package template

import (
	"errors"
	"fmt"
	"time"
)

// judgeNow is the time at which the expected texts of conversation fixtures were made.
var judgeNow = time.Date(2026, 11, 23, 16, 52, 14, 0, time.UTC)

// maxDiffs bounds the differences that Judge describes.
const maxDiffs = 20

// Judge renders src for every case of a fixture and counts how many come out as they must. A fixture is a JSON list
// of objects: case (a name), input (the variables), and either output (the text) or error, with optional accept
// (another correct text). An error of kind "raised" must be refused with its very message, others must fail in any
// way; one that is lenient may also render, to accept where that is given. diffs describes the first failures.
// err is set if src does not parse or the fixture is not in this form.
func Judge(src string, casesJSON []byte) (passed, failed int, diffs []string, err error) {
	t, err := Parse(src)
	if err != nil {
		return 0, 0, nil, err
	}
	v, err := DecodeJSON(casesJSON)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("read cases: %w", err)
	}
	list, ok := v.(*List)
	if !ok {
		return 0, 0, nil, errors.New("read cases: expected a list")
	}
	for i, c := range list.Items {
		m, ok := c.(*Map)
		if !ok {
			return 0, 0, nil, fmt.Errorf("read cases: item %d is not an object", i)
		}
		name, complaint, err := judgeCase(t, m)
		if err != nil {
			return 0, 0, nil, fmt.Errorf("read cases: item %d: %w", i, err)
		}
		if complaint == "" {
			passed++
			continue
		}
		failed++
		if len(diffs) < maxDiffs {
			diffs = append(diffs, name+": "+complaint)
		}
	}
	return passed, failed, diffs, nil
}

// judgeCase renders one case; complaint is empty if it is right.
func judgeCase(t *Template, c *Map) (name, complaint string, err error) {
	name, ok := lookupText(c, "case")
	if !ok {
		return "", "", errors.New("no case")
	}
	v, _ := c.Lookup("input")
	input, ok := v.(*Map)
	if !ok {
		return "", "", errors.New("no input")
	}
	want, wantsText := lookupText(c, "output")
	accept, accepts := lookupText(c, "accept")
	v, _ = c.Lookup("error")
	refusal, wantsError := v.(*Map)
	if wantsText == wantsError {
		return "", "", errors.New("expected either output or error")
	}
	got, err := t.Render(input, Options{Now: judgeNow})
	switch {
	case err != nil && wantsError:
		return name, judgeError(refusal, err), nil
	case err != nil:
		return name, "failed: " + err.Error(), nil
	case accepts && got == accept:
		return name, "", nil
	case wantsText:
		return name, difference(got, want), nil
	}
	if lenient, _ := refusal.Lookup("lenient"); lenient != true {
		return name, "rendered, but must fail: " + reprShort(got), nil
	}
	if accepts {
		return name, difference(got, accept), nil
	}
	return name, "", nil
}

// judgeError checks how a case failed that must fail.
func judgeError(refusal *Map, err error) string {
	if kind, _ := lookupText(refusal, "kind"); kind != "raised" {
		return ""
	}
	want, _ := lookupText(refusal, "message")
	var raised *RaisedError
	if !errors.As(err, &raised) {
		return "must be refused by the template, but failed: " + err.Error()
	}
	if raised.Message != want {
		return fmt.Sprintf("refused with %q, want %q", raised.Message, want)
	}
	return ""
}

func lookupText(m *Map, key string) (string, bool) {
	v, _ := m.Lookup(key)
	s, ok := v.(string)
	return s, ok
}

// difference shows where got leaves want, with some text around, or is empty if they are equal.
func difference(got, want string) string {
	if got == want {
		return ""
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	around := func(s string) string { return s[max(0, i-40):min(len(s), i+80)] }
	return fmt.Sprintf("differs at byte %d: got %q, want %q", i, around(got), around(want))
}
