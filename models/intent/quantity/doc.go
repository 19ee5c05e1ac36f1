// Package quantity finds the amounts in a wish written in Chinese, English or both: rates, delays, durations,
// money, percentages, token rates, plain counts, and times of day and date.
//
// It exists so that the bundled model never has to do arithmetic. Read replaces every quantity by a numbered
// placeholder whose value is already known, in one unit per kind; the model only says what each placeholder is for.
// The text between placeholders is normalised (half width, lower case, simplified spelling of the characters that
// quantities use), and every byte of it can be traced to the original, so a span of it can be quoted as it was written.
//
// A Reading owns no clock: times stay symbolic (TimeExpr) until Resolve or ResolveWindow is called with a now.
// Read accepts any bytes, never fails, and is deterministic. What it cannot read as a quantity stays text; in
// particular identifiers and model names (r1-7b, qwen2.5, A-1023), ordinals (第三, 3rd) and data volumes (80 GB) do.
package quantity
