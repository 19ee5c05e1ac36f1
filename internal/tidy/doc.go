// Package tidy holds the rules of the tree as tests: who may import whom, which packages are
// pure, how long a file or a function may grow, what a package may not be called. It has no
// code of its own. Relaxing a rule is a design decision and belongs into docs/decisions.
package tidy
