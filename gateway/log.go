package gateway

import (
	"log/slog"
	"net/http"
	"time"
)

func levelOf(status int) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelWarn
	case status >= http.StatusBadRequest:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// logAttrs is what is logged of a request. Neither its text nor its answer is among it.
func logAttrs(r *http.Request, v *visit, status int, took time.Duration, err error) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("request", v.id.String()), slog.String("method", r.Method), slog.String("path", v.path),
		slog.Int("status", status), slog.Duration("took", took),
	}
	if v.key != "" {
		attrs = append(attrs, slog.String("key", string(v.key)))
	}
	if v.model != "" {
		attrs = append(attrs, slog.String("model", v.model))
	}
	if err != nil {
		attrs = append(attrs, slog.String("code", answerOf(err).Code))
	}
	return attrs
}
