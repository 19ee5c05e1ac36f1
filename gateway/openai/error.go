package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Error is an error in the API's shape, with the status it is sent under.
type Error struct {
	Status  int           // HTTP status
	Message string        // for people
	Type    string        // invalid_request_error, insufficient_quota, server_error, …
	Param   string        // the field to blame, "" if none
	Code    string        // for programs, "" if none
	Retry   time.Duration // when a repetition may help; 0: say nothing
}

// Error returns the message with its field.
func (e *Error) Error() string {
	if e.Param == "" {
		return e.Message
	}
	return e.Param + ": " + e.Message
}

// MarshalJSON writes {"error":{…}}; what is empty is null, as clients expect.
func (e *Error) MarshalJSON() ([]byte, error) {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	return json.Marshal(struct {
		Error body `json:"error"`
	}{body{e.Error(), e.Type, optional(e.Param), optional(e.Code)}})
}

// TypeInvalid is the type of every error that repeating the same request cannot cure.
const TypeInvalid = "invalid_request_error"

// invalid blames a field of the request.
func invalid(param, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: TypeInvalid, Param: param, Message: fmt.Sprintf(format, args...)}
}

// unsupported blames a field that asks for something no model of this network does.
func unsupported(param, format string, args ...any) *Error {
	e := invalid(param, format, args...)
	e.Code = "unsupported_value"
	return e
}
