package grammar

import (
	"fmt"
	"slices"
	"strings"
)

// formats are the formats that are obeyed, as regular expressions. Addresses of mail and URIs
// keep to ASCII.
var formats = map[string]string{
	"date":      "^" + dateExpr + "$",
	"time":      "^" + timeExpr + "$",
	"date-time": "^" + dateExpr + "[Tt]" + timeExpr + "$",
	"duration":  `^P(?:\d+W|(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?:T` + clockExpr + `)?|T` + clockExpr + `)$`,
	"uuid":      `^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`,
	"email":     `^(?:` + atomExpr + `(?:\.` + atomExpr + `)*|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:` + domainExpr + `|\[` + ipv4Expr + `\]|\[IPv6:` + ipv6Expr + `\])$`,
	"hostname":  `^(?!.{254})(?!(?:.*\.)?[Xx][Nn]--)` + hostExpr + "$",
	"ipv4":      "^" + ipv4Expr + "$",
	"ipv6":      "^" + ipv6Expr + "$",
	"uri":       "^" + uriExpr + "$",
	"uri-reference": `^(?:` + uriExpr + `|(?:` + authorityExpr + `(?:/` + pcharExpr + `*)*|/(?:` + pcharExpr + `+(?:/` + pcharExpr + `*)*)?|` +
		`(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+(?:/` + pcharExpr + `*)*)?` + queryExpr + `)$`,
	"json-pointer": `^(?:/(?:[^~/]|~[01])*)*$`,
}

// unsupportedFormats are those of the specification that are refused. All others annotate.
var unsupportedFormats = []string{"regex", "iri", "iri-reference", "idn-email", "idn-hostname", "uri-template", "relative-json-pointer"}

// RFC 3339 section 5.6, with the days that each month has.
const (
	leapYears = `(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)`
	dateExpr  = `(?:(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|` + leapYears + `-02-29)`
	clockExpr = `(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)`
)

var timeExpr = `(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)|23:59:60(?:\.\d+)?[Zz]|` + leapExpr() + `)`

// leapExpr matches leap seconds, which end a day in UTC, at offsets of whole and half hours.
func leapExpr() string {
	var all []string
	for minutes := 0; minutes < 24*60; minutes += 30 {
		for sign, name := range map[int]string{1: `\+`, -1: "-"} {
			local := (24*60 - 1 + sign*minutes) % (24 * 60)
			all = append(all, fmt.Sprintf(`%02d:%02d:60(?:\.\d+)?%s%02d:%02d`, local/60, local%60, name, minutes/60, minutes%60))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "|")
}

// RFC 5321 section 4.1.2. The length of a label is not bounded here: beside maxLength that
// would cost too many states.
const (
	atomExpr   = "[A-Za-z0-9!#$%&'*+/=?^_{|}~`-]+"
	domainExpr = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*`
)

// RFC 1123 section 2.1: labels of letters, digits and inner hyphens, at most 63 long. Labels in
// Punycode are left out: whether they decode to a name that is allowed takes tables.
const hostExpr = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*`

// RFC 3986 sections 3.2.2 and appendix A.
const (
	octetExpr = `(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
	ipv4Expr  = octetExpr + `(?:\.` + octetExpr + `){3}`
	h16       = `[0-9A-Fa-f]{1,4}`
	ls32      = `(?:` + h16 + `:` + h16 + `|` + ipv4Expr + `)`
	ipv6Expr  = `(?:(?:` + h16 + `:){6}` + ls32 + `|::(?:` + h16 + `:){5}` + ls32 + `|(?:` + h16 + `)?::(?:` + h16 + `:){4}` + ls32 +
		`|(?:(?:` + h16 + `:){0,1}` + h16 + `)?::(?:` + h16 + `:){3}` + ls32 + `|(?:(?:` + h16 + `:){0,2}` + h16 + `)?::(?:` + h16 + `:){2}` + ls32 +
		`|(?:(?:` + h16 + `:){0,3}` + h16 + `)?::` + h16 + `:` + ls32 + `|(?:(?:` + h16 + `:){0,4}` + h16 + `)?::` + ls32 +
		`|(?:(?:` + h16 + `:){0,5}` + h16 + `)?::` + h16 + `|(?:(?:` + h16 + `:){0,6}` + h16 + `)?::)`
	pcharExpr     = `(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})`
	regNameExpr   = `(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*`
	authorityExpr = `//(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?(?:\[` + ipv6Expr + `\]|` + regNameExpr + `)(?::\d*)?`
	queryExpr     = `(?:\?(?:` + pcharExpr + `|[/?])*)?(?:#(?:` + pcharExpr + `|[/?])*)?`
	uriExpr       = `[A-Za-z][A-Za-z0-9+.-]*:(?:` + authorityExpr + `(?:/` + pcharExpr + `*)*|/(?:` + pcharExpr + `+(?:/` + pcharExpr + `*)*)?|` +
		pcharExpr + `+(?:/` + pcharExpr + `*)*|)` + queryExpr
)
