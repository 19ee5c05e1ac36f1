// Package template renders chat templates: it turns a conversation into the exact text a model was trained on.
//
// A model's file carries its template as Jinja source. Parse compiles it once; Render runs it over named variables
// and returns the text; Chat is Render with the names that every chat template expects. What the reference, Jinja2
// 3.1 with the settings of the transformers library, prints for these inputs is the definition of correct: keys keep
// their order, integers have any size, floats, lists and None print as Python prints them, and text outside tags is
// trimmed by trim_blocks and lstrip_blocks.
//
// The subset covers what chat templates use: expressions, filters, tests, the methods of strings, lists and dicts,
// for with loop controls and recursion, if, set, macro, call, filter, with, raw and generation. Tags which load other
// files (include, import, extends, block) are refused by Parse. There is no random filter and no clock: the time
// comes in Options.
//
// Templates come from outside. Parse and Render never panic, and every template ends within the steps, bytes and
// depth of its Options; one that would go further fails with a *LimitError. A template that calls raise_exception
// fails with a *RaisedError, whose Message is meant for the author of the conversation. A Template is read only once
// parsed and may be rendered by several goroutines at a time.
package template
