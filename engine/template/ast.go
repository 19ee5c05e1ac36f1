package template

// expr is a node that yields a value; eval.go holds the methods.
type expr interface {
	eval(it *interp) Value
}

// stmt is a node that prints or changes variables; exec.go holds the methods.
type stmt interface {
	exec(it *interp) control
}

// control says how a statement ended.
type control uint8

const (
	proceed control = iota
	breakLoop
	continueLoop
)

// Expressions. Chains of left-associative operators are one node each, so that their length costs no depth.
type (
	constExpr struct{ v Value }
	nameExpr  struct{ name string }
	tupleExpr struct{ items []expr }
	listExpr  struct{ items []expr }
	dictExpr  struct{ keys, vals []expr }

	notExpr  struct{ x expr }
	signExpr struct { // -x and +x
		op string
		x  expr
	}
	logicExpr struct { // and, or
		isOr  bool
		terms []expr
	}
	arithExpr struct { // first op[0] rest[0] op[1] rest[1] …
		first expr
		ops   []string
		rest  []expr
	}
	concatExpr  struct{ terms []expr }
	compareExpr struct { // first op[0] rest[0], and rest[0] op[1] rest[1], …
		first expr
		ops   []string
		rest  []expr
	}
	condExpr struct{ then, test, otherwise expr } // otherwise may be nil

	attrExpr struct { // x.name
		x    expr
		name string
	}
	itemExpr  struct{ x, key expr }               // x[key]
	sliceExpr struct{ x, start, stop, step expr } // bounds may be nil
	callExpr  struct {
		fn   expr
		args argExprs
		line int
	}
	filterExpr struct {
		x    expr // nil where a block supplies the value
		name string
		args argExprs
		line int
	}
	testExpr struct {
		x    expr
		name string
		args argExprs
		line int
	}
)

// argExprs are the arguments of a call: f(pos, key=val, *star, **starStar).
type argExprs struct {
	pos            []expr
	keys           []string
	vals           []expr
	star, starStar expr // may be nil
}

// target is what an assignment binds: a name, an attribute of a namespace, or several of these.
type target struct {
	name  string
	attr  string   // set for name.attr
	parts []target // set for a tuple
}

// Statements.
type (
	textStmt   struct{ text string }
	outputStmt struct {
		x    expr
		line int
	}
	ifStmt struct {
		tests     []expr
		bodies    [][]stmt
		otherwise []stmt
		line      int
	}
	forStmt struct {
		target    target
		iter      expr
		test      expr // may be nil
		recursive bool
		body      []stmt
		otherwise []stmt
		line      int
	}
	setStmt struct {
		target target
		x      expr
		line   int
	}
	setBlockStmt struct {
		target target
		filter expr // nil, or a chain of filters whose innermost x is the block
		body   []stmt
		line   int
	}
	filterStmt struct {
		filter expr
		body   []stmt
		line   int
	}
	withStmt struct {
		targets []target
		vals    []expr
		body    []stmt
		line    int
	}
	macroStmt struct {
		def  *macroDef
		line int
	}
	callStmt struct {
		call *callExpr
		def  *macroDef // the block, which the macro reaches as caller()
		line int
	}
	scopeStmt struct{ body []stmt } // generation
	loopStmt  struct{ control control }
)

// macroDef is the code of a macro or of a call block.
type macroDef struct {
	name     string // empty for a call block
	params   []string
	defaults []expr // for the last parameters
	body     []stmt
	// Which of the implicit parameters the body mentions; a call may pass extra arguments only to those.
	usesCaller, usesKwargs, usesVarargs bool
}

// blockValue is the innermost operand of the filters of a set or filter block.
type blockValue struct{}
