package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/weir-project/weir/gateway/openai"
	"github.com/weir-project/weir/internal/fault"
)

// errTimeout is why a request that took longer than Timeouts.Request was stopped.
var errTimeout = &openai.Error{
	Status: http.StatusGatewayTimeout, Type: "server_error", Code: "timeout",
	Message: "the answer took longer than this gateway waits",
}

// retryAfter is when a client may hope for capacity.
const retryAfter = time.Second

// answerOf is the one place where an error becomes what a client is told. Messages of internal
// errors stay here.
func answerOf(err error) *openai.Error {
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return e
	}
	e := &openai.Error{Message: err.Error()}
	switch fault.KindOf(err) {
	case fault.Invalid:
		e.Status, e.Type = http.StatusBadRequest, openai.TypeInvalid
	case fault.NotFound:
		e.Status, e.Type, e.Code = http.StatusNotFound, openai.TypeInvalid, "not_found"
	case fault.Denied, fault.Expired:
		e.Status, e.Type, e.Code = http.StatusForbidden, openai.TypeInvalid, "denied"
	case fault.Conflict:
		e.Status, e.Type, e.Code = http.StatusConflict, openai.TypeInvalid, "conflict"
	case fault.NoCapacity:
		e.Status, e.Type, e.Code, e.Retry = http.StatusServiceUnavailable, "server_error", "no_capacity", retryAfter
	case fault.Unavailable:
		e.Status, e.Type, e.Code, e.Retry = http.StatusServiceUnavailable, "server_error", "unavailable", retryAfter
		if errors.Is(err, context.DeadlineExceeded) {
			e.Status, e.Code = http.StatusGatewayTimeout, "timeout"
		}
	default:
		e.Status, e.Type, e.Message = http.StatusInternalServerError, "server_error", "internal error"
	}
	return e
}

// unauthorised refuses a request without a good key.
func unauthorised(message string) *openai.Error {
	return &openai.Error{
		Status: http.StatusUnauthorized, Type: openai.TypeInvalid, Code: "invalid_api_key", Message: message,
	}
}

// noModel refuses a model that nobody offers.
func noModel(model string) *openai.Error {
	const shown = 128
	if len(model) > shown {
		model = model[:shown] + "…"
	}
	return &openai.Error{
		Status: http.StatusNotFound, Type: openai.TypeInvalid, Param: "model", Code: "model_not_found",
		Message: "nobody offers " + quote(model) + ": GET /v1/models lists what there is",
	}
}

func quote(s string) string { return string(openai.AppendString(nil, s)) }

// noMoney refuses what the exchange would not set money aside for.
func noMoney(err error) *openai.Error {
	return &openai.Error{
		Status: http.StatusTooManyRequests, Type: "insufficient_quota", Code: "insufficient_quota", Message: err.Error(),
	}
}
