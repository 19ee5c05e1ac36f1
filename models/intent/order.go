package intent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// The kinds of an order.
const (
	Slice   = "slice"
	Compute = "compute"
	Bundle  = "bundle"
	Unclear = "unclear"
)

// StartLayout is the form of Order.Start, for package time.
const StartLayout = "2006-01-02T15:04"

// Order is what a wish asks for. Nil means unsaid; the schema says what each field means.
type Order struct {
	Kind        string   `json:"kind"`
	Application *string  `json:"application"`
	Site        *string  `json:"site"`
	Devices     *int64   `json:"devices"`
	Uplink      *float64 `json:"uplink_mbps"`
	Downlink    *float64 `json:"downlink_mbps"`
	Latency     *float64 `json:"latency_ms"`
	Available   *float64 `json:"availability_pct"`
	Isolation   *string  `json:"isolation"`
	Start       *string  `json:"start"`
	Duration    *int64   `json:"duration_min"`
	Model       *string  `json:"model"`
	Streams     *int64   `json:"streams"`
	TokenRate   *float64 `json:"tokens_per_s"`
	FirstToken  *float64 `json:"ttft_ms"`
	Budget      *float64 `json:"budget_usd"`
	LocalOnly   *bool    `json:"local_only"`
	Question    *string  `json:"question"`
}

// NumFields is the number of fields of an order.
const NumFields = 18

// fieldNames are the JSON names in the schema's order.
var fieldNames = [NumFields]string{
	"kind", "application", "site", "devices", "uplink_mbps", "downlink_mbps", "latency_ms", "availability_pct",
	"isolation", "start", "duration_min", "model", "streams", "tokens_per_s", "ttft_ms", "budget_usd", "local_only",
	"question",
}

// FieldNames returns the JSON names of the fields in the schema's order.
func FieldNames() []string { return fieldNames[:] }

// field returns field i as string, int64, float64, bool or nil.
func (o *Order) field(i int) any {
	switch i {
	case 0:
		return o.Kind
	case 1:
		return deref(o.Application)
	case 2:
		return deref(o.Site)
	case 3:
		return deref(o.Devices)
	case 4:
		return deref(o.Uplink)
	case 5:
		return deref(o.Downlink)
	case 6:
		return deref(o.Latency)
	case 7:
		return deref(o.Available)
	case 8:
		return deref(o.Isolation)
	case 9:
		return deref(o.Start)
	case 10:
		return deref(o.Duration)
	case 11:
		return deref(o.Model)
	case 12:
		return deref(o.Streams)
	case 13:
		return deref(o.TokenRate)
	case 14:
		return deref(o.FirstToken)
	case 15:
		return deref(o.Budget)
	case 16:
		return deref(o.LocalOnly)
	}
	return deref(o.Question)
}

func deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// appendField appends `"name":value` for field i.
func (o *Order) appendField(dst []byte, i int) []byte {
	dst = append(dst, '"')
	dst = append(dst, fieldNames[i]...)
	dst = append(dst, '"', ':')
	switch v := o.field(i).(type) {
	case string:
		return appendString(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case bool:
		return strconv.AppendBool(dst, v)
	}
	return append(dst, "null"...)
}

// appendString appends s as a JSON string, leaving <, > and & readable.
func appendString(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // cannot happen for a string
		return append(dst, "null"...)
	}
	return append(dst, bytes.TrimRight(b.Bytes(), "\n")...)
}

// AppendJSON appends the order as one line of JSON, fields in the schema's order, null where unsaid.
func (o *Order) AppendJSON(dst []byte) []byte {
	for i := range NumFields {
		if i == 0 {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = o.appendField(dst, i)
	}
	return append(dst, '}')
}

// MarshalJSON implements json.Marshaler with AppendJSON. encoding/json may escape what it is given once more.
func (o Order) MarshalJSON() ([]byte, error) { return o.AppendJSON(nil), nil }

// UnmarshalJSON reads an order strictly: an unknown field is an error, an integer may be written as 12.0.
func (o *Order) UnmarshalJSON(data []byte) error {
	type plain Order
	var raw struct {
		plain
		Devices  *float64 `json:"devices"`
		Duration *float64 `json:"duration_min"`
		Streams  *float64 `json:"streams"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return fmt.Errorf("decode order: %w", err)
	}
	*o = Order(raw.plain)
	for _, f := range []struct {
		name string
		from *float64
		to   **int64
	}{{"devices", raw.Devices, &o.Devices}, {"duration_min", raw.Duration, &o.Duration}, {"streams", raw.Streams, &o.Streams}} {
		if f.from == nil {
			continue
		}
		if *f.from != math.Trunc(*f.from) || math.Abs(*f.from) > 1<<53 {
			return fmt.Errorf("decode order: %s is %v, want an integer", f.name, *f.from)
		}
		n := int64(*f.from)
		*f.to = &n
	}
	return nil
}
